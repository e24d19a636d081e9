//! Handing on what a process tells, as much of it as a person can want.

use olive_schemas::protocol::{End, Line, Message};
use olive_schemas::step::{LogLevel, StepEvent};

use super::lines::{Heard, printable};

/// Log lines of one call that are handed on.
const LINES: usize = 10_000;
/// Bytes of log lines of one call that are handed on.
const BYTES: usize = 4 << 20;
/// Bytes of one log line that are handed on.
const LINE_BYTES: usize = 16 << 10;
/// Lines with a message that does not fit the protocol which are remembered.
const COMPLAINTS: usize = 3;

/// Longest name of a unit or a figure, in bytes, and most figures of one progress event.
const NAME_BYTES: usize = 100;
const FIGURES: usize = 100;

/// Events on their way to the user.
pub struct Chatter<'a> {
    on_event: &'a dyn Fn(StepEvent),
    lines: usize,
    bytes: usize,
    dropped: u64,
    strays: u64,
    first_stray: Option<String>,
    complaints: Vec<String>,
}

impl<'a> Chatter<'a> {
    /// Nothing said yet; events go to `on_event`.
    pub fn new(on_event: &'a dyn Fn(StepEvent)) -> Self {
        Self {
            on_event,
            lines: 0,
            bytes: 0,
            dropped: 0,
            strays: 0,
            first_stray: None,
            complaints: Vec::new(),
        }
    }

    /// Hands on a line as it was written; the end of the call, when it says that.
    pub fn line(&mut self, line: &str) -> Option<End> {
        match Heard::of(line.as_bytes()) {
            Heard::Line(Line::Message(Message::End(end)), _) => Some(end),
            heard => {
                self.take(heard);
                None
            }
        }
    }

    /// Hands on an event; a line that is none becomes a log line.
    pub(super) fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Line(Line::Message(Message::Event(StepEvent::Log { level, message })), _) => {
                self.log(level, &message);
            }
            Heard::Line(Line::Message(Message::Event(event)), _) if is_modest(&event) => {
                (self.on_event)(event);
            }
            Heard::Line(Line::Message(Message::Event(_)), _) => self.dropped += 1,
            // The end of a call is no chatter.
            Heard::Line(Line::Message(Message::End(_)), _) => {}
            Heard::Line(Line::Malformed { problem, .. }, _) => {
                let message = format!("a message does not fit the protocol: {problem}");
                if self.complaints.len() < COMPLAINTS {
                    self.log(LogLevel::Warning, &message);
                    self.complaints.push(message);
                }
            }
            Heard::Line(Line::Unknown, text) => self.log(LogLevel::Debug, &text),
            Heard::Line(Line::Stray, text) => self.stray(text),
            Heard::TooLong => self.stray("(a line too long for a message)".into()),
        }
    }

    /// What was wrong with the lines, for the case that no answer came.
    pub fn complaints(&self) -> Vec<String> {
        let stray = self.first_stray.as_ref().map(|first| match self.strays {
            1 => format!("it wrote a line to standard output that is no message: `{first}`"),
            count => format!(
                "it wrote {count} lines to standard output that are no messages, the first: \
                 `{first}`"
            ),
        });
        self.complaints.iter().cloned().chain(stray).collect()
    }

    /// Tells what was dropped.
    pub fn end(self) {
        if self.dropped > 0 {
            let message = format!("the plugin logged {} further lines", self.dropped);
            (self.on_event)(StepEvent::Log { level: LogLevel::Warning, message });
        }
    }

    fn stray(&mut self, text: String) {
        self.strays += 1;
        self.log(LogLevel::Debug, &text);
        if self.first_stray.is_none() && !text.is_empty() {
            self.first_stray = Some(text);
        }
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        let end = message.floor_char_boundary(LINE_BYTES);
        if self.lines >= LINES || self.bytes + end > BYTES {
            self.dropped += 1;
            return;
        }
        self.lines += 1;
        self.bytes += end;
        let mut shown = printable(&message[..end]);
        if end < message.len() {
            shown.push('…');
        }
        (self.on_event)(StepEvent::Log { level, message: shown });
    }
}

/// Whether a progress event is one that somebody can read.
fn is_modest(event: &StepEvent) -> bool {
    match event {
        StepEvent::Progress { unit, figures, .. } => {
            let is_short = |name: &String| name.len() <= NAME_BYTES;
            is_short(unit) && figures.len() <= FIGURES && figures.keys().all(is_short)
        }
        StepEvent::Log { .. } | StepEvent::Text { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use olive_schemas::protocol::Line;
    use olive_schemas::step::{LogLevel, StepEvent};

    use super::{Chatter, LINES};
    use crate::plugin::process::lines::Heard;

    fn heard(line: &str) -> Heard {
        Heard::Line(Line::read(line.as_bytes()), line.to_owned())
    }

    fn logged(lines: impl IntoIterator<Item = Heard>) -> (Vec<(LogLevel, String)>, Vec<String>) {
        let log = RefCell::new(Vec::new());
        let keep = |event| {
            if let StepEvent::Log { level, message } = event {
                log.borrow_mut().push((level, message));
            }
        };
        let mut chatter = Chatter::new(&keep);
        lines.into_iter().for_each(|line| chatter.take(line));
        let complaints = chatter.complaints();
        chatter.end();
        (log.into_inner(), complaints)
    }

    #[test]
    fn what_is_no_message_is_logged_for_authors_and_told_when_no_answer_comes() {
        let (log, complaints) = logged([heard("Loading"), heard(r#"{"event": "new"}"#)]);
        let debug = |text: &str| (LogLevel::Debug, text.to_owned());
        assert_eq!(log, [debug("Loading"), debug(r#"{"event": "new"}"#)]);
        assert_eq!(
            complaints,
            ["it wrote a line to standard output that is no message: `Loading`"]
        );
        let (_, complaints) = logged([heard(""), heard("b"), Heard::TooLong]);
        assert!(complaints[0].starts_with("it wrote 3 lines"), "{complaints:?}");
        assert!(complaints[0].ends_with("the first: `b`"), "{complaints:?}");
    }

    #[test]
    fn a_message_with_a_mistake_is_told() {
        let (log, complaints) = logged([heard(r#"{"event": "text"}"#)]);
        assert_eq!(log[0].0, LogLevel::Warning);
        assert_eq!(
            complaints,
            ["a message does not fit the protocol: event `text`: missing field `text`"]
        );
    }

    #[test]
    fn a_flood_of_log_lines_is_counted() {
        let line = || heard(r#"{"event": "log", "level": "info", "message": "drip"}"#);
        let (log, _) = logged((0..LINES + 5).map(|_| line()));
        assert_eq!(log.len(), LINES + 1);
        assert_eq!(log[LINES].1, "the plugin logged 5 further lines");
    }

    #[test]
    fn long_log_lines_are_cut_between_letters() {
        let message = "é".repeat(20_000);
        let line = serde_json::json!({"event": "log", "level": "info", "message": message});
        let (log, _) = logged([heard(&line.to_string())]);
        assert_eq!(log[0].1.chars().count(), (16 << 10) / 2 + 1);
        assert!(log[0].1.ends_with("é…"));
    }
}
