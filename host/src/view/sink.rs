//! Where a view writes to.

use std::io::{self, IsTerminal, Write};

/// The stream for progress and the stream for results. A stream that is closed is ignored: the
/// run matters more than who watches.
pub(super) struct Sink {
    progress: Box<dyn Write + Send>,
    results: Box<dyn Write + Send>,
    /// Whether progress may be colored.
    pub(super) colors_progress: bool,
    /// Whether results may be colored.
    pub(super) colors_results: bool,
}

impl Sink {
    /// Standard error and standard output.
    pub(super) fn streams() -> Self {
        let may_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            progress: Box::new(io::stderr()),
            results: Box::new(io::stdout()),
            colors_progress: may_color && io::stderr().is_terminal(),
            colors_results: may_color && io::stdout().is_terminal(),
        }
    }

    /// Writes a line of progress.
    pub(super) fn progress(&mut self, line: &str) {
        let _ = writeln!(self.progress, "{line}");
    }

    /// Writes a piece of a result.
    pub(super) fn result(&mut self, text: &str) {
        let _ = self.results.write_all(text.as_bytes()).and_then(|()| self.results.flush());
    }
}

#[cfg(test)]
mod captured {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::Sink;

    /// What was written to the streams of a test.
    #[derive(Clone, Default)]
    pub(in crate::view) struct Captured {
        progress: Stream,
        results: Stream,
    }

    #[derive(Clone, Default)]
    struct Stream(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(in crate::view) fn progress(&self) -> String {
            self.progress.text()
        }

        pub(in crate::view) fn results(&self) -> String {
            self.results.text()
        }
    }

    impl Stream {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        /// A sink without color whose streams a test reads.
        pub(in crate::view) fn captured() -> (Self, Captured) {
            let captured = Captured::default();
            let sink = Self {
                progress: Box::new(captured.progress.clone()),
                results: Box::new(captured.results.clone()),
                colors_progress: false,
                colors_results: false,
            };
            (sink, captured)
        }
    }
}
