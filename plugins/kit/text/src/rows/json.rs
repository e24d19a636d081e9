//! Rows of JSON files.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde_json::{Deserializer, Map, Value as Json};

use super::{Columns, Reader};
use crate::value::Value;

/// The objects of one array, or objects one after the other.
pub(super) fn rows(input: Box<dyn BufRead>) -> Reader {
    let mut names = HashMap::new();
    let objects = Deserializer::from_reader(Items::new(input)).into_iter::<Map<String, Json>>();
    Box::new(objects.map(move |object| Ok(columns(object?, &mut names))))
}

/// The members of `object`; rows share their columns' names.
fn columns(object: Map<String, Json>, names: &mut HashMap<String, Arc<str>>) -> Columns {
    let mut shared = |name: String| -> Arc<str> {
        names.entry(name).or_insert_with_key(|name| name.as_str().into()).clone()
    };
    object.into_iter().map(|(name, value)| (shared(name), Value::from(value))).collect()
}

/// A JSON array as its items one after the other; other text as it is.
///
/// The brackets around the items and the commas between them become spaces, so that places in the
/// text stay what they are.
struct Items<R> {
    input: R,
    state: State,
    /// Brackets and braces that are open.
    depth: usize,
    /// Whether a string is open.
    quoted: bool,
    /// Whether the next character of a string is taken as it is.
    escaped: bool,
    /// Whether an item has come since the last comma.
    has_item: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Array,
    /// After the array.
    End,
    /// Text that is no array.
    Plain,
}

impl<R: BufRead> Items<R> {
    fn new(input: R) -> Self {
        let (state, depth) = (State::Start, 0);
        Self { input, state, depth, quoted: false, escaped: false, has_item: false }
    }

    /// What stands for `byte`.
    fn item_byte(&mut self, byte: u8) -> io::Result<u8> {
        let fault = |problem: &str| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        if self.state == State::Start && !byte.is_ascii_whitespace() {
            self.state = if byte == b'[' { State::Array } else { State::Plain };
            return Ok(if byte == b'[' { b' ' } else { byte });
        }
        if self.state == State::End && !byte.is_ascii_whitespace() {
            return fault("something stands after the array");
        }
        if self.state != State::Array || byte.is_ascii_whitespace() && !self.quoted {
            return Ok(byte);
        }
        if self.quoted {
            (self.quoted, self.escaped) =
                (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
            return Ok(byte);
        }
        match byte {
            b',' if self.depth == 0 && !self.has_item => {
                return fault("an item is missing before `,`");
            }
            b',' if self.depth == 0 => {
                self.has_item = false;
                return Ok(b' ');
            }
            b']' if self.depth == 0 => {
                self.state = State::End;
                return Ok(b' ');
            }
            _ if self.depth == 0 && self.has_item => {
                return fault("a `,` is missing between items");
            }
            b'"' => self.quoted = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.has_item = self.depth == 0;
        Ok(byte)
    }
}

impl<R: BufRead> Read for Items<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        if self.state == State::Plain {
            return Ok(count);
        }
        if count == 0 && self.state == State::Array {
            let problem = "the array has no end";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
        }
        for byte in &mut into[..count] {
            *byte = self.item_byte(*byte)?;
        }
        Ok(count)
    }
}
