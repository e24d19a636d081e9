//! No line that a plugin's process writes makes the host panic or take it for another answer.
//!
//! The input is what the process writes, after one byte. Where that byte is a multiple of eight, a
//! process writes it in earnest, and the host follows that; else only its lines are read.

use std::cell::RefCell;

use olive::plugin::process::{self, Failure, Supervision};
use olive_schemas::protocol::{Call, End, Line, Message};
use olive_schemas::step::StepEvent;
use serde_json::json;

use crate::{file, folder};

/// Reads `input` as the standard output of a plugin's process.
///
/// # Panics
/// When a message is not read as it is written, or the host comes to another end than the lines.
pub fn read(input: &[u8]) {
    let Some((&form, said)) = input.split_first() else { return };
    let mut end = None;
    for line in said.split(|byte| *byte == b'\n') {
        let line = Line::read(line);
        if let Line::Message(message) = &line {
            let written = serde_json::to_vec(message).expect("a message can be written");
            assert_eq!(Line::read(&written), line);
        }
        let ends =
            matches!(line, Line::Message(Message::End(_)) | Line::Malformed { is_end: true, .. });
        if ends {
            end = end.or(Some(line));
        }
    }
    if form % 8 == 0 {
        follow(said, end);
    }
}

/// Follows a process that writes `said`, which ends with `end`.
fn follow(said: &[u8], end: Option<Line>) {
    let folder = folder();
    file(&folder, "said", said);
    let command = ["sh", "-c", "read -r call; exec cat said"];
    let manifest = json!({"protocol": "^1.0", "command": command}).to_string();
    let plugin = file(&folder, "cat.plugin.json", manifest.as_bytes());
    // The process of a system is the command itself, where others are started by this program.
    let request = json!({
        "kind": "system", "name": "Cat", "config": {}, "threads": 1,
        "input": {"type": "HfModel", "model_path": ""},
        "output_dir": folder.path(), "scratch_dir": folder.path(),
    });
    let request = serde_json::from_value(request).expect("a request is whole");
    let call = Call::Run { plugin: plugin.into(), request };
    let events = RefCell::new(Vec::new());
    let on_event = |event| events.borrow_mut().push(event);
    let supervision = Supervision { on_event: &on_event, is_cancelled: &|| false };
    let outcome = process::run(&call, 1, &supervision);
    events.into_inner().iter().for_each(check_event);
    match (outcome.result, end) {
        (Ok(found), Some(Line::Message(Message::End(End::Done { answer, .. })))) => {
            assert_eq!(found, answer);
        }
        (
            Err(Failure::Plugin(found)),
            Some(Line::Message(Message::End(End::Failed { error, .. }))),
        ) => assert_eq!(found, error),
        (Err(Failure::Garbled { problem: found, .. }), Some(Line::Malformed { problem, .. })) => {
            assert_eq!(found, problem);
        }
        (Err(Failure::Died { .. }), None) => {}
        (found, expected) => panic!("{found:?}, where the lines end with {expected:?}"),
    }
}

/// What a process logs must not steer a terminal.
fn check_event(event: &StepEvent) {
    let is_plain = |letter: char| !letter.is_control() || letter == '\t' || letter == '\n';
    if let StepEvent::Log { message, .. } = event {
        assert!(message.chars().all(is_plain), "{message:?}");
    }
}
