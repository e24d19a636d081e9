//! The worker's way from and to the host, apart from the standard streams that a plugin has.
//!
//! A plugin finds an empty standard input, and standard output leads where standard error does. So
//! what it reads, prints or closes there is no matter of the host.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex};

use olive_schemas::protocol::Message;

/// Where the host's lines come from. Never closed: a plugin may have done so already.
pub(super) struct Input(ManuallyDrop<BufReader<File>>);

/// Where the host listens. Never closed, as [`Input`].
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<ManuallyDrop<File>>>);

/// Takes the standard streams away from the plugin that is to be loaded.
#[cfg(unix)]
pub(super) fn take_over() -> io::Result<(Input, Output)> {
    use rustix::io::fcntl_dupfd_cloexec;
    // Above the numbers that a program which closes "everything it has opened" goes through.
    const FIRST: std::os::fd::RawFd = 200;
    let input = fcntl_dupfd_cloexec(io::stdin(), FIRST)?;
    let output = fcntl_dupfd_cloexec(io::stdout(), FIRST)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(channel(input.into(), output.into()))
}

/// Takes the standard streams for the host; a plugin that prints to standard output is heard there.
#[cfg(windows)]
pub(super) fn take_over() -> io::Result<(Input, Output)> {
    use std::os::windows::io::AsHandle;
    let input = io::stdin().as_handle().try_clone_to_owned()?;
    let output = io::stdout().as_handle().try_clone_to_owned()?;
    Ok(channel(input.into(), output.into()))
}

fn channel(input: File, output: File) -> (Input, Output) {
    let input = ManuallyDrop::new(BufReader::new(input));
    (Input(input), Output(Arc::new(Mutex::new(ManuallyDrop::new(output)))))
}

impl Input {
    /// The next line; `None` when the host is gone.
    pub(super) fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.0.read_line(&mut line)?;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }
}

impl Output {
    /// Sends a message.
    ///
    /// # Errors
    /// When the host is gone, or the plugin has closed what it does not own.
    pub(super) fn send(&self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut file = self.0.lock().map_err(|_| io::Error::other("a thread panicked"))?;
        file.write_all(&line)
    }
}
