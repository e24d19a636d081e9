//! A folder with a copy of the program, its plugins, and something to work on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest time that something may take which others wait for, on a machine with other work.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// A program of its own, so that only chosen plugins stand beside it.
pub(crate) struct Playground {
    folder: tempfile::TempDir,
}

/// What a finished program said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Playground {
    /// With the toy plugin, a toy model in `base` and data in `data.json`.
    pub(crate) fn new() -> Self {
        let playground = Self::bare();
        playground.install("olive_toy_plugin", "olive_plugin_toy");
        playground
    }

    /// Without plugins.
    pub(crate) fn bare() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let playground = Self { folder };
        place(&built("olive"), &playground.path("bin/olive"));
        playground.write("base/config.json", "{}");
        playground.write("base/weights", "some weights");
        playground.write("data.json", r#"[{"phrase": "hello", "tone": "joy"}]"#);
        playground
    }

    /// A path below the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a built library beside the program under another name.
    pub(crate) fn install(&self, library: &str, name: &str) {
        self.install_in("bin/plugins", library, name);
    }

    /// Puts a built library into `folder`.
    pub(crate) fn install_in(&self, folder: &str, library: &str, name: &str) {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        let file = |name: &str| format!("{DLL_PREFIX}{name}{DLL_SUFFIX}");
        place(&built(&file(library)), &self.path(folder).join(file(name)));
    }

    /// The library beside the program that was installed as `name`.
    pub(crate) fn library(&self, name: &str) -> String {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        self.path(&format!("bin/plugins/{DLL_PREFIX}{name}{DLL_SUFFIX}")).display().to_string()
    }

    /// Writes a file, its folder too.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Names in a folder, sorted; none when it is not there.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Writes `olive.json` with these passes on the toy model.
    pub(crate) fn passes(&self, passes: &Value) {
        self.workflow(json!({ "passes": passes }));
    }

    /// Writes `olive.json`: `workflow` on the toy model, into `out`.
    pub(crate) fn workflow(&self, workflow: Value) {
        let mut whole = json!({
            "input_model": {"type": "HfModel", "model_path": "base"},
            "output_dir": "out",
            "cache_dir": "cache",
        });
        whole.as_object_mut().unwrap().extend(workflow.as_object().unwrap().clone());
        self.write("olive.json", &format!("{whole:#}"));
    }

    /// Gives `command` the variables that the program has here.
    pub(crate) fn surround(&self, command: &mut Command) {
        for (name, value) in self.command(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }

    /// A command of the program, run from a folder that is not the config's.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/olive"));
        let args =
            args.iter().map(|arg| arg.replace("@/", &format!("{}/", self.path("").display())));
        command
            .args(args)
            .env("OLIVE_CACHE_HOME", self.path("home"))
            .env("OLIVE_DATA_HOME", self.path("data"))
            .env("NO_COLOR", "1")
            // Nobody's hub is asked, and nobody's token shown.
            .env("HF_HOME", self.path("hf"))
            .env("HF_HUB_OFFLINE", "1")
            .env_remove("HF_HUB_CACHE")
            .env_remove("HF_TOKEN")
            .current_dir(self.path("bin"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end; `@/` in arguments is the folder.
    pub(crate) fn olive(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// Runs `olive run` on `olive.json`.
    pub(crate) fn run(&self) -> Said {
        self.olive(&["run", "--config", "@/olive.json"])
    }

    /// Starts `olive run` on `olive.json`, until a toy step waits.
    pub(crate) fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// The same with these variables.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        let mut running = self.spawn_with(variables);
        running.wait();
        running
    }

    /// Starts `olive run` on `olive.json`.
    pub(crate) fn spawn(&self) -> Running {
        self.spawn_with(&[])
    }

    fn spawn_with(&self, variables: &[(&str, &str)]) -> Running {
        let mut command = self.command(&["run", "--config", "@/olive.json"]);
        Running::of(command.envs(variables.iter().copied()))
    }

    /// Lets steps that wait go on.
    pub(crate) fn go(&self) {
        self.write("go", "");
    }
}

/// A run under way.
pub(crate) struct Running {
    child: Child,
    /// The lines that it says.
    lines: Receiver<String>,
    /// Those up to where its worker waited.
    first: String,
    /// Process id of the worker that waits.
    pub(crate) worker: String,
}

impl Running {
    /// The program that `command` starts.
    pub(crate) fn of(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let lines = lines_of(child.stderr.take().unwrap());
        Self { child, lines, first: String::new(), worker: String::new() }
    }

    /// Process id of the host.
    pub(crate) fn host(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits for a worker that waits itself.
    pub(crate) fn wait(&mut self) {
        const WAITING: &str = "waiting in process ";
        let (start, mut heard) = (Instant::now(), String::new());
        while let Some(line) = self.line(start, WAITING, &heard) {
            heard.push_str(&line);
            if let Some((_, process)) = line.split_once(WAITING) {
                process.trim().clone_into(&mut self.worker);
                self.first = heard;
                return;
            }
        }
        panic!("no worker waits: {heard}");
    }

    /// What it says from its start to its end.
    pub(crate) fn whole(mut self) -> Said {
        let first = std::mem::take(&mut self.first);
        let said = self.end();
        Said { err: first + &said.err, ..said }
    }

    /// What it says from now on, to its end.
    pub(crate) fn end(mut self) -> Said {
        let (start, mut err) = (Instant::now(), String::new());
        while let Some(line) = self.line(start, "the end", &err) {
            err.push_str(&line);
        }
        let output = self.child.wait_with_output().unwrap();
        Said { err, ..Said::from(output) }
    }

    /// The next line with `part` that it says.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        let (start, mut heard) = (Instant::now(), String::new());
        while let Some(line) = self.line(start, &format!("`{part}`"), &heard) {
            if line.contains(part) {
                return line;
            }
            heard.push_str(&line);
        }
        panic!("`{part}` was not said: {heard}");
    }

    /// The next line, while `what` is waited for since `start`; none after the last one.
    fn line(&mut self, start: Instant, what: &str, heard: &str) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("{what} did not come within {PATIENCE:?}: {heard}");
            }
        }
    }
}

/// What a program says, line by line, as it comes.
fn lines_of(err: ChildStderr) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut err = BufReader::new(err);
        let mut line = String::new();
        // Nobody listens any more when the test has ended.
        while err.read_line(&mut line).unwrap() > 0 && sender.send(line).is_ok() {
            line = String::new();
        }
    });
    lines
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// Checks the exit code, and that everything in `parts` was said.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, parts: &[&str]) {
        let Self { out, err, .. } = self;
        assert_eq!(self.code, Some(code), "out:\n{out}\nerr:\n{err}");
        for part in parts {
            assert!(
                out.contains(part) || err.contains(part),
                "`{part}` was not said\nout:\n{out}\nerr:\n{err}"
            );
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, process: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), process]).status().unwrap();
    assert!(status.success());
}

/// Waits until `is_there` finds what is called `what`, for at most `limit`.
#[track_caller]
pub(crate) fn wait_for(what: &str, limit: Duration, mut is_there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < limit, "{what} did not come within {limit:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a process is gone, or only its exit code is left.
pub(crate) fn wait_for_end_of(process: &str) {
    wait_for(&format!("the end of process {process}"), PATIENCE, || {
        let state = Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap();
        let state = String::from_utf8(state.stdout).unwrap();
        state.trim().is_empty() || state.trim().starts_with('Z')
    });
}

/// A file that the build has put beside the tests.
pub(crate) fn built(name: &str) -> PathBuf {
    built_if_any(name).unwrap_or_else(|| panic!("`{name}` is missing: cargo xtask test builds it"))
}

/// The same, when this machine could build it.
pub(crate) fn built_if_any(name: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join(name);
    path.exists().then_some(path)
}

fn place(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ())).unwrap();
}

/// Copies a folder with everything in it, and the modes.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
