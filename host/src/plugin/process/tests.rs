//! Processes that are polite, and processes that are not.

#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use olive_schemas::error::PluginError;
use olive_schemas::protocol::Call;
use olive_schemas::step::{LogLevel, StepEvent};
use serde_json::{Value, json};

use super::{Outcome, Supervision, run};

/// Line that answers a call.
const DONE: &str = r#"echo '{"event": "done", "answer": 1}'"#;

/// A plugin that is a shell script.
struct Script {
    folder: tempfile::TempDir,
    log: RefCell<Vec<(LogLevel, String)>>,
}

impl Script {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("main.sh"), script).unwrap();
        Self { folder, log: RefCell::default() }.with_command(&json!(["sh", "main.sh"]))
    }

    fn with_command(self, command: &Value) -> Self {
        let manifest =
            json!({"protocol": "^1.0", "command": command, "env": {"GREETING": "hello"}});
        fs::write(self.path(), manifest.to_string()).unwrap();
        self
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("rude.plugin.json")
    }

    fn call(&self, is_cancelled: &dyn Fn() -> bool) -> Outcome {
        let keep = |event| {
            if let StepEvent::Log { level, message } = event {
                self.log.borrow_mut().push((level, message));
            }
        };
        let call = Call::Describe { plugin: self.path().into() };
        run(&call, 2, &Supervision { on_event: &keep, is_cancelled })
    }

    fn answer(&self) -> Result<Value, PluginError> {
        self.call(&|| false).result.map_err(super::Failure::into_error)
    }

    fn logged(&self) -> Vec<String> {
        self.log.borrow().iter().map(|(_, message)| message.clone()).collect()
    }
}

/// Waits until the process of that number is gone.
fn wait_for_end_of(process: &str) {
    let state = Path::new("/proc").join(process.trim()).join("stat");
    let start = Instant::now();
    while fs::read_to_string(&state).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(start.elapsed() < Duration::from_secs(5), "process {process} lives on");
        std::thread::yield_now();
    }
}

#[test]
fn a_process_gets_the_call_its_folder_and_its_environment() {
    let script = Script::new(&format!(
        r#"read -r call
        echo "$call"; pwd; echo "$GREETING $OMP_NUM_THREADS"
        {DONE}"#
    ));
    assert_eq!(script.answer().unwrap(), json!(1));
    let logged = script.logged();
    let path = script.path();
    let call = json!({"protocol": "1.0", "call": "describe", "plugin": path});
    assert_eq!(serde_json::from_str::<Value>(&logged[0]).unwrap(), call);
    let folder = script.folder.path().canonicalize().unwrap();
    assert_eq!(logged[1..], [folder.display().to_string(), "hello 2".to_owned()]);
}

#[test]
fn usage_is_handed_on() {
    let usage = r#"{"cpu_sec": 0.5, "peak_memory_bytes": 7}"#;
    let line = format!(r#"echo '{{"event": "done", "answer": [], "usage": {usage}}}'"#);
    let usage = Script::new(&line).call(&|| false).usage;
    assert_eq!((usage.cpu_sec, usage.peak_memory_bytes), (Some(0.5), Some(7)));
}

#[test]
fn an_error_of_the_plugin_is_handed_on() {
    let script = Script::new(
        r#"echo '{"event": "failed", "error": {"code": "too-hot", "message": "it is hot"}}'; exit 1"#,
    );
    assert_eq!(script.answer().unwrap_err(), PluginError::new("too-hot", "it is hot"));
}

#[test]
fn what_is_no_message_does_not_end_the_call() {
    let script = Script::new(&format!(
        r"printf 'Loading\n\n\033[1mbold\033[0m\n\377\376\n{{broken\n'
        {DONE}"
    ));
    assert_eq!(script.answer().unwrap(), json!(1));
    let shown = ["Loading", "", "[1mbold[0m", "\u{fffd}\u{fffd}", "{broken"];
    assert_eq!(script.logged(), shown);
}

#[test]
fn what_comes_after_the_answer_is_ignored() {
    let script = Script::new(&format!(
        r#"{DONE}; echo '{{"event": "done", "answer": 2}}'; yes | head -n 200000; exit 9"#
    ));
    assert_eq!(script.answer().unwrap(), json!(1));
    assert_eq!(script.logged(), Vec::<String>::new());
}

#[test]
fn an_answer_needs_no_line_end() {
    let script = Script::new(r#"printf '{"event": "done", "answer": "end"}'"#);
    assert_eq!(script.answer().unwrap(), json!("end"));
}

#[test]
fn an_end_without_an_answer_is_told_with_its_reasons() {
    let script = Script::new("echo 42; echo 'no such module' >&2; exit 0");
    let error = script.answer().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sh main.sh` ended with exit code 0 and no answer: it wrote a line to standard output \
         that is no message: `42`: no such module"
    );
    let cut = Script::new(r#"printf '{"event": "done", "ans'; kill -9 $$"#).answer().unwrap_err();
    let how = "`sh main.sh` was killed by signal 9 (SIGKILL)";
    assert!(cut.message == how && cut.causes[0].contains(r#"`{"event": "done", "ans`"#), "{cut}");
}

#[test]
fn an_end_that_does_not_fit_the_protocol_is_told_at_once() {
    let start = Instant::now();
    let script = Script::new(r#"echo '{"event": "done"}'; sleep 600"#);
    assert_eq!(
        script.answer().unwrap_err().message,
        "the last message of `sh main.sh` does not fit the protocol: event `done`: missing field \
         `answer`"
    );
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn floods_are_bounded() {
    let script = Script::new(&format!(
        "yes 'more and more' | head -n 50000; head -c 20000000 /dev/zero; echo
        head -c 1000000 /dev/zero >&2
        {DONE}"
    ));
    assert_eq!(script.answer().unwrap(), json!(1));
    let logged = script.logged();
    assert_eq!(logged.len(), 10_001);
    assert_eq!(logged[10_000], "the plugin logged 40001 further lines");
}

#[test]
fn a_command_that_is_not_there_is_one_sentence() {
    let absent = |command: Value| Script::new("").with_command(&command).answer().unwrap_err();
    let error = absent(json!(["no-such-python", "main.py"]));
    assert_eq!(
        error.to_string(),
        "cannot start `no-such-python`, the command of `rude.plugin.json`: No such file or \
         directory (os error 2)"
    );
    assert_eq!(error.help.unwrap(), "install it, or write its path into `command`");
    assert_eq!(absent(json!(["./main.sh"])).help.unwrap(), "make it executable");
}

#[test]
fn children_that_are_left_behind_are_ended_and_not_waited_for() {
    let start = Instant::now();
    // The child holds standard output and standard error open.
    let script = Script::new(&format!("sleep 600 & echo $!; {DONE}"));
    assert_eq!(script.answer().unwrap(), json!(1));
    wait_for_end_of(&script.logged()[0]);
    let script = Script::new("sleep 600 & echo $!; exit 3");
    assert!(script.answer().unwrap_err().message.ends_with("exit code 3 and no answer"));
    wait_for_end_of(&script.logged()[0]);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn cancel_is_a_line_and_an_end_without_an_answer_is_taken_for_it() {
    let cancelled = Cell::new(false);
    let script = Script::new("read -r call; echo ready; read -r line; echo \"$line\"; exit 5");
    let is_cancelled = || {
        cancelled.set(cancelled.get() || !script.log.borrow().is_empty());
        cancelled.get()
    };
    let failure = script.call(&is_cancelled).result.unwrap_err();
    assert_eq!(failure.into_error(), PluginError::cancelled());
    assert_eq!(script.logged(), ["ready", "cancel"]);
}

#[test]
fn a_process_that_reads_nothing_is_called_too() {
    let script = Script::new(&format!("exec < /dev/null; {DONE}"));
    assert_eq!(script.answer().unwrap(), json!(1));
}
