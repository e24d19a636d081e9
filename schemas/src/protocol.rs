//! The protocol between the host and the process that does a plugin's work.
//!
//! One process answers one call. All of it is lines of JSON in UTF-8:
//!
//! ```text
//! host                                          process
//!  │  standard input: one CallLine                 │
//!  ├──────────────────────────────────────────────▶│
//!  │              standard output: StepEvent, any number
//!  │◀──────────────────────────────────────────────┤
//!  │  standard input: `cancel`, perhaps            │
//!  ├──────────────────────────────────────────────▶│
//!  │                     standard output: one End  │
//!  │◀──────────────────────────────────────────────┤
//! ```
//!
//! The end of standard input means that the host is gone, or has its answer. The host's own workers
//! for native plugins speak this, and so does every process plugin; `docs/process-plugins.md` tells
//! the whole for their authors.
//!
//! Versions are semantic. Within a major version calls, fields and events are only added, and added
//! fields may be missing; so both sides leave alone what they do not know.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::PluginError;
use crate::step::{StepEvent, StepRequest};

/// Version of the protocol that this host speaks (semver).
pub const PROTOCOL_VERSION: &str = "1.0.0";
/// The same as call lines carry it: major and minor.
pub const PROTOCOL: &str = "1.0";
/// Line on standard input that asks for a stop.
pub const CANCEL: &str = "cancel";

/// The first line of standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallLine {
    /// Version of the protocol the host speaks, major and minor: `1.0`.
    pub protocol: String,
    /// What is asked.
    #[serde(flatten)]
    pub call: Call,
}

/// What a plugin is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Say what you provide; the answer is a plugin descriptor.
    Describe {
        /// The plugin.
        #[serde(flatten)]
        plugin: Callee,
    },
    /// Find problems of a step before it runs; the answer is a list of diagnostics.
    Prepare {
        /// The plugin.
        #[serde(flatten)]
        plugin: Callee,
        /// The step.
        request: Box<StepRequest>,
    },
    /// Do a step; the answer is a step outcome.
    Run {
        /// The plugin.
        #[serde(flatten)]
        plugin: Callee,
        /// The step.
        request: Box<StepRequest>,
    },
}

/// The plugin that a call is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Callee {
    /// The plugin: its library, or its manifest.
    #[serde(rename = "plugin")]
    pub path: PathBuf,
    /// What a plugin that came in a pack must be. For the host's own workers, which load nothing
    /// else; a process plugin is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub packed: Option<Packed>,
    /// The plugin that shows graphs to a component, and edits them. For the host's own workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub graph_editor: Option<Box<Callee>>,
}

/// What a plugin that came in a pack must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The pack and its version, for people.
    pub pack: String,
    /// SHA-256 of every file in the folder of the library or manifest, by path from there.
    pub files: BTreeMap<String, String>,
}

impl From<PathBuf> for Callee {
    /// A plugin that came in no pack.
    fn from(path: PathBuf) -> Self {
        Self { path, packed: None, graph_editor: None }
    }
}

impl Call {
    /// The plugin that it is for.
    pub fn callee(&self) -> &Callee {
        match self {
            Self::Describe { plugin } | Self::Prepare { plugin, .. } | Self::Run { plugin, .. } => {
                plugin
            }
        }
    }

    /// The plugin: its library, or its manifest.
    pub fn plugin(&self) -> &PathBuf {
        &self.callee().path
    }

    /// The call as a line that names the protocol.
    pub fn to_line(&self) -> CallLine {
        CallLine { protocol: PROTOCOL.to_owned(), call: self.clone() }
    }

    /// The same line without what only the host's own workers are told.
    pub fn to_public_line(&self) -> CallLine {
        let mut line = self.to_line();
        match &mut line.call {
            Self::Describe { plugin } | Self::Prepare { plugin, .. } | Self::Run { plugin, .. } => {
                *plugin = plugin.path.clone().into();
            }
        }
        line
    }
}

/// One line of standard output.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Message {
    /// The step tells something.
    Event(StepEvent),
    /// The call is over.
    End(End),
}

/// How a call ended; the last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum End {
    /// It is answered.
    Done {
        /// What was asked for: a plugin descriptor, a list of diagnostics, or a step outcome.
        answer: Value,
        /// What the process used up.
        #[serde(default)]
        usage: Usage,
    },
    /// It cannot be answered.
    Failed {
        /// Why.
        error: PluginError,
        /// What the process used up.
        #[serde(default)]
        usage: Usage,
    },
}

/// What a process used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Processor time in seconds.
    #[serde(default)]
    pub cpu_sec: Option<f64>,
    /// Largest resident memory in bytes.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
}

/// What a line of standard output is taken for.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A message.
    Message(Message),
    /// A message of a newer protocol.
    Unknown,
    /// An object with an `event` that is not as the protocol has it.
    Malformed {
        /// Whether it was meant to end the call.
        is_end: bool,
        /// What is wrong with it.
        problem: String,
    },
    /// Anything else, such as what a library prints.
    Stray,
}

impl Line {
    /// Reads a line without its end.
    pub fn read(line: &[u8]) -> Self {
        // Most stray lines are text: no need to parse them.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Self::Stray;
        }
        let object = match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Self::Stray,
            Err(error) => return Self::broken(line, &error),
        };
        let Some(event) = object.get("event").and_then(Value::as_str) else { return Self::Stray };
        let event = event.to_owned();
        let object = Value::Object(object);
        let is_end = is_end(&event);
        let message = match event.as_str() {
            "done" | "failed" => serde_json::from_value(object).map(Message::End),
            "log" | "progress" | "text" => serde_json::from_value(object).map(Message::Event),
            _ => return Self::Unknown,
        };
        match message {
            Ok(message) => Self::Message(message),
            Err(error) => Self::Malformed { is_end, problem: format!("event `{event}`: {error}") },
        }
    }

    /// Reads a line that is no JSON but may be meant as a message, with a `NaN` in it for example.
    fn broken(line: &[u8], error: &serde_json::Error) -> Self {
        match first_event(line) {
            // A message that was cut short by the end of its process has ended nothing.
            Some(event) if !error.is_eof() => Self::Malformed {
                is_end: is_end(event),
                problem: format!("event `{event}`: {}", syntax(line, error)),
            },
            _ => Self::Stray,
        }
    }
}

fn syntax(line: &[u8], error: &serde_json::Error) -> String {
    let rest = line.get(error.column().saturating_sub(1)..).unwrap_or_default();
    let word = ["NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
    word.map_or_else(|| error.to_string(), |word| format!("`{word}` is no number of JSON"))
}

fn is_end(event: &str) -> bool {
    matches!(event, "done" | "failed")
}

/// The `event` that a line begins with.
fn first_event(line: &[u8]) -> Option<&str> {
    let mut rest = line;
    for mark in ["{", "\"event\"", ":", "\""] {
        rest = rest.trim_ascii_start().strip_prefix(mark.as_bytes())?;
    }
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}

/// A process plugin: the content of its manifest, `NAME.plugin.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    /// Where this form is described, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Versions of the protocol the plugin speaks, as a semver range: `^1.0`.
    pub protocol: String,
    /// Program and arguments: `["python3", "main.py"]`.
    ///
    /// It runs in the manifest's folder. A program with a slash in it is a path from there; any
    /// other is looked for on the search path.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// Environment variables of the process, besides those of the host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files and folders, relative to the manifest, that decide what the plugin does: when one
    /// changes, its steps run again.
    ///
    /// All files of the manifest's folder when left out, but hidden ones and Python's caches. The
    /// manifest and the files named in `command` always count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
    /// What it is, for people who read the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::{Call, Callee, End, Line, Message, PROTOCOL, PROTOCOL_VERSION, Packed, Usage};
    use crate::error::PluginError;
    use crate::step::{LogLevel, StepEvent};

    #[test]
    fn call_lines_carry_the_first_two_numbers_of_the_version() {
        assert!(PROTOCOL_VERSION.starts_with(&format!("{PROTOCOL}.")));
        let line = Call::Describe { plugin: PathBuf::from("/p").into() }.to_line();
        let written = json!({"protocol": PROTOCOL, "call": "describe", "plugin": "/p"});
        assert_eq!(serde_json::to_value(&line).unwrap(), written);
        assert_eq!(serde_json::from_value::<super::CallLine>(written).unwrap(), line);
    }

    #[test]
    fn what_files_must_be_is_for_workers_only() {
        let files = [("a.so".to_owned(), "00".to_owned())].into();
        let packed = Some(Packed { pack: "acme/a 1.0.0".into(), files });
        let call = Call::Describe { plugin: Callee { packed, ..PathBuf::from("/p").into() } };
        let written = json!({
            "protocol": PROTOCOL,
            "call": "describe",
            "plugin": "/p",
            "packed": {"pack": "acme/a 1.0.0", "files": {"a.so": "00"}},
        });
        let line = call.to_line();
        assert_eq!(serde_json::to_value(&line).unwrap(), written);
        assert_eq!(serde_json::from_value::<super::CallLine>(written).unwrap(), line);
        let public = call.to_public_line();
        assert_eq!(public, Call::Describe { plugin: PathBuf::from("/p").into() }.to_line());
    }

    #[test]
    fn every_message_is_read_as_it_was_written() {
        let usage = Usage { cpu_sec: Some(0.5), peak_memory_bytes: None };
        for message in [
            Message::Event(StepEvent::Log { level: LogLevel::Info, message: "hello".into() }),
            Message::Event(StepEvent::Text { text: "a".into() }),
            Message::End(End::Done { answer: json!([1, {"a": null}]), usage }),
            Message::End(End::Failed { error: PluginError::cancelled(), usage }),
        ] {
            let line = serde_json::to_vec(&message).unwrap();
            assert_eq!(Line::read(&line), Line::Message(message));
        }
    }

    #[test]
    fn lines_that_are_no_messages_are_told_apart() {
        for stray in
            ["", "loading model", "[1]", "{", r#"{"done": 1}"#, r#"{"event": 1}"#, "\u{7f}"]
        {
            assert_eq!(Line::read(stray.as_bytes()), Line::Stray, "{stray}");
        }
        assert_eq!(Line::read(b"{\"event\": \"log\xff\"}"), Line::Stray);
        assert_eq!(Line::read(br#"{"event": "applause"}"#), Line::Unknown);
        for (line, is_end, problem) in [
            (
                r#"{"event": "progress", "unit": "step"}"#,
                false,
                "event `progress`: missing field `done`",
            ),
            (r#"{"event": "failed"}"#, true, "event `failed`: missing field `error`"),
            (
                r#" {"event" : "done", "answer": NaN}"#,
                true,
                "event `done`: `NaN` is no number of JSON",
            ),
        ] {
            let problem = problem.to_owned();
            assert_eq!(Line::read(line.as_bytes()), Line::Malformed { is_end, problem });
        }
    }

    #[test]
    fn a_message_that_is_cut_short_is_none() {
        let line = r#"{"event": "done", "answer": {"text": "é\n", "list": [1.5, null]}}"#;
        for end in 0..line.len() {
            assert_eq!(Line::read(&line.as_bytes()[..end]), Line::Stray, "{end}");
        }
    }

    #[test]
    fn no_byte_in_a_message_ends_the_reader() {
        let line = br#"{"event": "progress", "unit": "step", "done": 1, "total": 2}"#;
        for place in 0..line.len() {
            for byte in 0..=u8::MAX {
                let mut line = line.to_vec();
                line[place] = byte;
                let is_end = matches!(Line::read(&line), Line::Message(Message::End(_)));
                assert!(!is_end, "{place} {byte}");
            }
        }
    }

    #[test]
    fn what_a_process_need_not_say_may_be_missing() {
        let line = Line::read(br#"{"event": "done", "answer": []}"#);
        let end = End::Done { answer: json!([]), usage: Usage::default() };
        assert_eq!(line, Line::Message(Message::End(end)));
    }
}
