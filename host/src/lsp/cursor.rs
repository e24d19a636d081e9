//! What may be written at the cursor of a text that is being written.

mod yaml;

use std::ops::Range;

use serde_json::Value;

use super::lenient;
use crate::config::Source;
use crate::config::source::Format;

/// The cursor in a config.
#[derive(Debug, PartialEq)]
pub(super) struct Cursor {
    /// The config without what is being written.
    pub(super) root: Value,
    /// What may be written.
    pub(super) slot: Slot,
}

/// Something that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Keys and indices that lead to the value, or to the object that a key is for.
    pub(super) path: Vec<String>,
    /// Whether it is a key or a value.
    pub(super) role: Role,
    /// Bytes that it replaces.
    pub(super) range: Range<usize>,
    /// How text is written there.
    pub(super) spelling: Spelling,
    /// What is written before the cursor already.
    pub(super) typed: String,
    /// Where a comma is missing before it.
    pub(super) comma_at: Option<usize>,
    /// Whether it follows a colon without a space.
    pub(super) is_tight: bool,
    /// Whether another member follows without a comma.
    pub(super) is_followed: bool,
}

/// What a slot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A key, whose value may be there already.
    Key {
        /// Whether it is.
        has_value: bool,
    },
    /// A value.
    Value,
}

/// How text is written in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// JSON, quotes included.
    Bare,
    /// JSON behind a quote that is there; the quote at the end belongs to the slot.
    Quoted,
    /// YAML without quotes, where that says the same.
    Plain,
    /// YAML in these quotes.
    PlainQuoted(char),
}

/// The cursor at `offset` of `source`, in each of the ways the text can be read.
pub(super) fn cursors(source: &Source, offset: usize) -> Vec<Cursor> {
    match source.format() {
        Format::Json => {
            let (root, slot) = lenient::parse_at(&source.text, offset);
            let cursor = root.zip(slot).map(|(root, slot)| Cursor { root: root.to_value(), slot });
            cursor.into_iter().collect()
        }
        Format::Yaml => yaml::cursors(source, offset).unwrap_or_default(),
        Format::Markdown => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::cursors;
    use crate::config::Source;

    #[test]
    fn every_place_of_every_beginning_can_be_asked() {
        for (name, text) in [
            (
                "c.json",
                "{\"é\": [1, {\"b\": \"x\\\"y\", // c\r\n}, /* d */ tru], \"c\" 😀: {\"d\": }",
            ),
            ("c.yaml", "é:\n  - b: \"x\" # c\r\n    c: {d: 1}\n  - 😀\n\td: 'y'\nf: |\n  g\n"),
            ("c.md", "```json\n\"passes\": {\n```\n"),
        ] {
            let ends = (0..=text.len()).filter(|&end| text.is_char_boundary(end));
            for end in ends.clone() {
                let source = Source { path: name.into(), text: text[..end].to_owned() };
                for offset in ends.clone().filter(|&offset| offset <= end) {
                    for found in cursors(&source, offset) {
                        assert!(source.text.get(found.slot.range).is_some());
                    }
                }
            }
        }
    }
}
