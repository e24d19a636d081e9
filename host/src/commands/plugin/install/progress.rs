//! How transfers are shown: bars on a terminal, else a line when one is done, or JSON lines.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::super::super::say;
use crate::render::plain;
use crate::view::Mode;

/// Of a transfer whose end is known; what the terminal has no room for is cut.
const KNOWN: &str = "{msg}  {bar:20.cyan/dim} {binary_bytes}/{binary_total_bytes}  \
                     {binary_bytes_per_sec}";
/// Of one whose end is not.
const UNKNOWN: &str = "{msg}  {spinner} {binary_bytes}  {binary_bytes_per_sec}";
/// Least time between two lines for programs.
const PAUSE: Duration = Duration::from_millis(200);
/// Characters of a subject that are shown on a bar.
const SUBJECT: usize = 48;

/// Shows transfers, one after the other.
pub(in crate::commands::plugin) struct Progress {
    mode: Mode,
    transfer: RefCell<Option<Transfer>>,
}

struct Transfer {
    verb: &'static str,
    subject: String,
    begun_at: Instant,
    told_at: Option<Instant>,
    done: u64,
    total: Option<u64>,
    bar: ProgressBar,
}

impl Progress {
    /// On standard error for people, on standard output for programs.
    pub(in crate::commands::plugin) fn new(is_json: bool) -> Self {
        let mode = match (is_json, io::stderr().is_terminal()) {
            (true, _) => Mode::Json,
            (false, true) => Mode::Bars,
            (false, false) => Mode::Lines,
        };
        Self { mode, transfer: RefCell::new(None) }
    }

    /// `done` of `total` bytes of `subject` are through; `verb` is what happens, such as `fetch`.
    pub(in crate::commands::plugin) fn update(
        &self,
        verb: &'static str,
        subject: &str,
        done: u64,
        total: Option<u64>,
    ) {
        let mut shown = self.transfer.borrow_mut();
        let transfer = shown.get_or_insert_with(|| Transfer::new(self.mode, verb, subject));
        (transfer.done, transfer.total) = (done, total);
        match self.mode {
            Mode::Bars => transfer.draw(),
            Mode::Json => transfer.tell(false),
            Mode::Lines => {}
        }
    }

    /// The transfer is over, well or not.
    pub(in crate::commands::plugin) fn end(&self) {
        let Some(mut transfer) = self.transfer.take() else { return };
        match self.mode {
            Mode::Bars => transfer.bar.finish_and_clear(),
            Mode::Json => transfer.tell(true),
            Mode::Lines => {}
        }
    }

    /// Writes a line for people, above the bar.
    pub(in crate::commands::plugin) fn line(&self, line: &str) {
        let write = || {
            let _ = writeln!(io::stderr(), "{line}");
        };
        match (&self.mode, &*self.transfer.borrow()) {
            (Mode::Json, _) => {}
            (_, Some(transfer)) => transfer.bar.suspend(write),
            (_, None) => write(),
        }
    }
}

impl Transfer {
    fn new(mode: Mode, verb: &'static str, subject: &str) -> Self {
        let bar = if mode == Mode::Bars {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
                .with_message(format!("{verb} {}", shortened(&plain(subject))))
        } else {
            ProgressBar::hidden()
        };
        let begun_at = Instant::now();
        let subject = subject.to_owned();
        Self { verb, subject, begun_at, told_at: None, done: 0, total: None, bar }
    }

    fn draw(&self) {
        if self.bar.length() != self.total || self.bar.position() == 0 {
            self.bar.set_style(style(if self.total.is_some() { KNOWN } else { UNKNOWN }));
            if let Some(total) = self.total {
                self.bar.set_length(total);
            }
        }
        self.bar.set_position(self.done);
    }

    /// A line for programs, unless the last one was just written.
    fn tell(&mut self, is_last: bool) {
        let now = Instant::now();
        let is_due = self.told_at.is_none_or(|told_at| now.duration_since(told_at) >= PAUSE);
        if !is_due && !is_last {
            return;
        }
        self.told_at = Some(now);
        let line = json!({
            "event": "progress",
            "stage": self.verb,
            "subject": self.subject,
            "done_bytes": self.done,
            "total_bytes": self.total,
            "seconds": self.begun_at.elapsed().as_secs_f64(),
        });
        say(&format!("{line}\n"));
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

/// The end of a long subject, which tells more than its beginning.
fn shortened(subject: &str) -> String {
    let count = subject.chars().count();
    if count <= SUBJECT {
        return subject.to_owned();
    }
    let rest: String = subject.chars().skip(count - SUBJECT + 1).collect();
    format!("…{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        for template in [KNOWN, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn long_subjects_show_their_end() {
        assert_eq!(shortened("acme/prune 1.2.0"), "acme/prune 1.2.0");
        let long = format!("https://example.com/{}/acme-prune-1.2.0.pack", "a".repeat(60));
        assert!(shortened(&long).starts_with('…') && shortened(&long).ends_with("1.2.0.pack"));
        assert_eq!(shortened(&long).chars().count(), SUBJECT);
    }
}
