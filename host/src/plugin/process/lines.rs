//! What a process writes, line by line, however long its lines are.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use olive_schemas::protocol::Line;

/// Longest line that is taken for a message.
const LINE_BYTES: usize = 16 << 20;
/// Longest line of standard error that is kept whole.
const WORDS_BYTES: usize = 4 << 10;
/// Lines of standard error that are kept.
const KEPT_LINES: usize = 12;
/// Bytes of a line that is no message which are shown.
const SHOWN_BYTES: usize = 400;
/// Lines that may wait for the host; a process that writes faster waits itself.
const WAITING: usize = 256;
/// Time the end of standard error is waited for; a child of the process may hold it open.
const PATIENCE: Duration = Duration::from_millis(200);

/// What came over standard output.
pub(super) enum Heard {
    /// A line, and the beginning of its text where it is no message.
    Line(Line, String),
    /// A line that is longer than any message.
    TooLong,
}

impl Heard {
    /// What `line`, whole and without its end, says.
    pub(super) fn of(line: &[u8]) -> Self {
        match Line::read(line) {
            message @ Line::Message(_) => Self::Line(message, String::new()),
            other => Self::Line(other, shown(line, SHOWN_BYTES)),
        }
    }
}

/// The lines of `stdout` as they come.
pub(super) fn messages(stdout: impl Read + Send + 'static) -> Receiver<Heard> {
    let (sender, receiver) = sync_channel(WAITING);
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while let Ok(Some(length)) = next_line(&mut stdout, &mut bytes, LINE_BYTES) {
            let heard = match length {
                Length::Cut => Heard::TooLong,
                Length::Whole => Heard::of(&bytes),
            };
            if sender.send(heard).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The last lines of standard error.
pub(super) struct LastWords(Arc<(Mutex<Words>, Condvar)>);

#[derive(Default)]
struct Words {
    kept: VecDeque<String>,
    is_over: bool,
}

impl LastWords {
    /// Keeps the last lines of `stderr`.
    pub(super) fn of(stderr: impl Read + Send + 'static) -> Self {
        let words = Arc::new((Mutex::new(Words::default()), Condvar::new()));
        let shared = Arc::clone(&words);
        thread::spawn(move || {
            let mut stderr = BufReader::new(stderr);
            let mut bytes = Vec::new();
            let lock = || shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            while let Ok(Some(_)) = next_line(&mut stderr, &mut bytes, WORDS_BYTES) {
                let mut words = lock();
                if words.kept.len() == KEPT_LINES {
                    words.kept.pop_front();
                }
                words.kept.push_back(shown(&bytes, WORDS_BYTES));
            }
            lock().is_over = true;
            shared.1.notify_all();
        });
        Self(words)
    }

    /// What was kept, once standard error has ended or nobody ends it.
    pub(super) fn end(self) -> Vec<String> {
        let (words, change) = &*self.0;
        let words = words.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = change.wait_timeout_while(words, PATIENCE, |words| !words.is_over);
        let (mut words, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut words.kept).into()
    }
}

/// Whether a line was read whole.
#[derive(Debug, PartialEq, Eq)]
enum Length {
    Whole,
    Cut,
}

/// Reads the next line into `line`, without its end; what exceeds `limit` is dropped.
fn next_line(
    from: &mut impl BufRead,
    line: &mut Vec<u8>,
    limit: usize,
) -> io::Result<Option<Length>> {
    line.clear();
    let (mut is_begun, mut length) = (false, Length::Whole);
    loop {
        let piece = match from.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if piece.is_empty() {
            return Ok(is_begun.then_some(length));
        }
        is_begun = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let text = &piece[..end.unwrap_or(piece.len())];
        let taken = text.len().min(limit - line.len());
        line.extend_from_slice(&text[..taken]);
        if taken < text.len() {
            length = Length::Cut;
        }
        let used = end.map_or(piece.len(), |end| end + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(Some(length));
        }
    }
}

/// At most `limit` bytes of a line as text that a terminal may show.
fn shown(line: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(limit)]);
    printable(text.trim_end())
}

/// `text` without characters that move a terminal's cursor or change its colors.
pub(super) fn printable(text: &str) -> String {
    let is_shown = |letter: &char| !letter.is_control() || matches!(letter, '\t' | '\n');
    text.chars().filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::{LastWords, Length, next_line, printable};

    fn lines(text: &[u8], buffer: usize, limit: usize) -> Vec<(String, Length)> {
        let mut from = BufReader::with_capacity(buffer, text);
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while let Some(length) = next_line(&mut from, &mut line, limit).unwrap() {
            lines.push((String::from_utf8(line.clone()).unwrap(), length));
        }
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        for buffer in [1, 2, 3, 100] {
            let whole = |text: &str| (text.to_owned(), Length::Whole);
            let found = lines(b"one\n\ntwo\nno end", buffer, 10);
            assert_eq!(found, [whole("one"), whole(""), whole("two"), whole("no end")]);
        }
    }

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_read() {
        for buffer in [1, 3, 100] {
            let found = lines(b"123456\nabc\n1234", buffer, 3);
            let expected = [("123", Length::Cut), ("abc", Length::Whole), ("123", Length::Cut)];
            assert_eq!(found, expected.map(|(text, length)| (text.to_owned(), length)));
        }
    }

    #[test]
    fn last_words_are_the_last_lines_and_printable() {
        let lines: Vec<String> =
            (0..100).map(|line| format!("\u{1b}[31mline {line}\r\n")).collect();
        let mut text = lines.concat().into_bytes();
        text.extend(b"bad \xff end");
        let words = LastWords::of(std::io::Cursor::new(text)).end();
        assert_eq!(words.len(), 12);
        assert_eq!(words[10], "[31mline 99");
        assert_eq!(words[11], "bad \u{fffd} end");
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(printable("a\u{1b}]0;title\u{7}\tb"), "a]0;title\tb");
    }
}
