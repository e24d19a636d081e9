//! Saying in plain words what is wrong with a JSON text, and how to mend it.

mod words;

use std::ops::Range;

use jsonc_parser::errors::{ParseError, ParseErrorKind};

use super::brackets::{Unpaired, indent, innermost, unpaired};
use super::tokens::{Kind, Token, tokens};
use crate::config::parse::quotes::left_open;
use crate::config::parse::{syntax_error, told, too_deep};
use crate::config::{Finding, Fix, Place, TextEdit};

/// A text that is wrong at `at`.
struct Slip<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: Range<usize>,
}

/// The one finding for a text that the parser stopped in.
pub(super) fn explain(text: &str, error: &ParseError) -> Finding {
    let range = error.range();
    let start = text.floor_char_boundary(range.start);
    let end = text.floor_char_boundary(range.end).max(start);
    let slip = Slip { text, tokens: tokens(text), at: start..end };
    if let Some(finding) = slip.open_text().or_else(|| slip.text_closed_late()) {
        return finding;
    }
    match error.kind() {
        ParseErrorKind::ExpectedComma => slip.missing_comma(),
        ParseErrorKind::UnterminatedObject
        | ParseErrorKind::UnterminatedArray
        | ParseErrorKind::UnexpectedCloseBracket
        | ParseErrorKind::UnexpectedColon => slip.bracket(),
        ParseErrorKind::MultipleRootJsonValues => slip.after_the_end(),
        ParseErrorKind::UnexpectedTokenInObject | ParseErrorKind::UnexpectedComma => slip.comma(),
        ParseErrorKind::UnexpectedCloseBrace | ParseErrorKind::ExpectedObjectValue => {
            slip.no_value().unwrap_or_else(|| slip.bracket())
        }
        ParseErrorKind::ExpectedColonAfterObjectKey => slip.no_colon(),
        ParseErrorKind::ExpectedStringObjectProperty => slip.unquoted(),
        ParseErrorKind::UnexpectedToken | ParseErrorKind::UnexpectedWord => slip.word(),
        ParseErrorKind::SingleQuotedStringsNotAllowed => slip.single_quotes(),
        ParseErrorKind::String(kind) => slip.string(kind),
        ParseErrorKind::UnterminatedCommentBlock => {
            told(start..start + 2, "the comment is not closed", "write `*/` at its end")
        }
        ParseErrorKind::NestingDepthExceeded => too_deep(start..slip.character(start)),
        ParseErrorKind::BareDecimalPointNumbersNotAllowed
        | ParseErrorKind::UnaryPlusNumbersNotAllowed
        | ParseErrorKind::HexadecimalNumbersNotAllowed
        | ParseErrorKind::NonFiniteNumbersNotAllowed
        | ParseErrorKind::ExpectedDigit
        | ParseErrorKind::ExpectedDigitFollowingNegativeSign
        | ParseErrorKind::ExpectedPlusMinusOrDigitInNumberLiteral => slip.number(),
        ParseErrorKind::CommentsNotAllowed | ParseErrorKind::TrailingCommasNotAllowed => {
            syntax_error("this is no JSON", slip.at)
        }
    }
}

impl Slip<'_> {
    /// A quoted text that runs over the end of its line, and so swallows what follows.
    fn open_text(&self) -> Option<Finding> {
        let count = self.tokens.partition_point(|token| token.range.start <= self.at.start);
        let found = self.tokens[..count].iter().rev().take(2).find(|token| {
            let written = &self.text[token.range.clone()];
            let is_closed = written.len() > 1 && written.ends_with('"');
            token.kind == Kind::Text && (written.contains('\n') || !is_closed)
        })?;
        let line = self.text[found.range.clone()].lines().next().unwrap_or_default().trim_end();
        Some(not_closed(found.range.start..found.range.start + line.len()))
    }

    /// A quoted text that is closed by the quote of the next one of its line.
    fn text_closed_late(&self) -> Option<Finding> {
        let first = self.tokens.partition_point(|token| token.range.start < self.at.start);
        let next = self.tokens[first..].iter().take(2);
        next.filter(|token| token.kind == Kind::Word)
            .find_map(|token| left_open(self.text, token.range.start))
            .map(not_closed)
    }

    fn missing_comma(&self) -> Finding {
        let next = self.tokens.iter().position(|token| token.range.start >= self.at.start);
        let next = next.unwrap_or(self.tokens.len());
        let follows = |kind| self.tokens.get(next + 1).is_some_and(|token| token.kind == kind);
        if follows(Kind::Colon) && self.is_in_list() {
            return self.pair_in_list(self.tokens[next].range.clone());
        }
        let Some(last) = next.checked_sub(1).map(|index| self.tokens[index].range.clone()) else {
            return syntax_error("a comma is missing", self.at.clone());
        };
        let written = &self.text[last.clone()];
        if last.end > self.at.start {
            let help = match written.trim_start_matches('0') {
                "" => "quote it if it is text".to_owned(),
                number => format!("write `{number}`, or quote it if it is text"),
            };
            return told(last, &format!("`{written}` is no number of JSON"), &help);
        }
        if let Some(next) = self.tokens.get(next).map(|token| token.range.start)
            && let Some(open) = self.left_open(last.start, next)
        {
            return self.unclosed(open, Some(next));
        }
        let message = "a comma is missing after this value";
        let mut finding = told(last.clone(), message, "write `,` between entries");
        finding.fix = Some(fix("write `,`", last.end..last.end, ","));
        finding
    }

    /// The bracket that was to be closed before `next`: one is left open, and the line of `next` is
    /// indented less than that of the value at `last`.
    fn left_open(&self, last: usize, next: usize) -> Option<usize> {
        let is_open = matches!(unpaired(self.text, &self.tokens), Some(Unpaired::Opened { .. }));
        let (before, _) = indent(self.text, last);
        let (here, is_first) = indent(self.text, next);
        let open = innermost(&self.tokens, next);
        open.filter(|_| is_open && is_first && here < before)
    }

    fn bracket(&self) -> Finding {
        match unpaired(self.text, &self.tokens) {
            Some(Unpaired::Opened { at, met }) => self.unclosed(at, met),
            Some(Unpaired::Closing { at }) => self.stray(at),
            None if self.is_in_list() && self.text[self.at.start..].starts_with(':') => {
                let key = self.before(self.at.start).last();
                self.pair_in_list(key.map_or_else(|| self.at.clone(), |key| key.range.clone()))
            }
            None => self.word(),
        }
    }

    fn is_in_list(&self) -> bool {
        let open = innermost(&self.tokens, self.at.start);
        open.is_some_and(|open| self.text[open..].starts_with('['))
    }

    /// A key in a list: its bracket was not closed before, or the pair has no braces.
    fn pair_in_list(&self, key: Range<usize>) -> Finding {
        match unpaired(self.text, &self.tokens) {
            Some(Unpaired::Opened { at, met }) => self.unclosed(at, met),
            Some(Unpaired::Closing { .. }) | None => {
                told(key, "a list has no keys", "write `{` and `}` around `\"key\": value`")
            }
        }
    }

    fn unclosed(&self, at: usize, met: Option<usize>) -> Finding {
        let (open, close) = if self.text[at..].starts_with('{') { ('{', '}') } else { ('[', ']') };
        let message = format!("this `{open}` is never closed");
        let help = format!("write `{close}` where it ends");
        let mut finding = told(at..at + 1, &message, &help);
        if let Some(met) = met {
            let range = met..self.character(met);
            let message = format!("`{close}` is missing before this");
            finding.related.push(Place { range, message });
        }
        finding
    }

    fn stray(&self, at: usize) -> Finding {
        let range = at..self.character(at);
        let message = format!("this `{}` closes nothing", &self.text[range.clone()]);
        told(range, &message, "remove it")
    }

    /// Something follows the bracket that closes the whole.
    fn after_the_end(&self) -> Finding {
        let follows = self.text[self.at.start..].chars().next();
        if follows == Some(':') {
            let message = "the braces around the config are missing";
            return told(0..self.at.start, message, "write `{` before this and `}` at the end");
        }
        if let Some(Unpaired::Closing { at }) = unpaired(self.text, &self.tokens) {
            let last = self.tokens.iter().rev().find(|token| token.range.end <= self.at.start);
            let closes_early = follows.is_some_and(|next| !"}]".contains(next));
            return match last.filter(|token| closes_early && token.kind == Kind::Close) {
                Some(token) => self.stray(token.range.start),
                None => self.stray(at),
            };
        }
        let range = self.at.start..self.character(self.at.start);
        let help = "a config is one object: remove what follows it";
        told(range, "the config has ended before this", help)
    }

    fn comma(&self) -> Finding {
        if self.text[self.at.clone()].starts_with(',') {
            if let Some(finding) = self.no_value() {
                return finding;
            }
            let mut finding = told(self.at.clone(), "a comma too many", "remove it");
            finding.fix = Some(fix("remove the comma", self.at.clone(), ""));
            return finding;
        }
        self.bracket()
    }

    /// The key before has a colon and no value.
    fn no_value(&self) -> Option<Finding> {
        let before = self.before(self.at.start);
        let [.., key, colon] = before else { return None };
        if colon.kind != Kind::Colon {
            return None;
        }
        let message = format!("key {} has no value", self.shown(&key.range));
        Some(told(key.range.clone(), &message, "write a value after `:`, or remove the key"))
    }

    fn no_colon(&self) -> Finding {
        let before = self.before(self.at.end.max(self.at.start + 1));
        let key = match before {
            // The value is a text, too.
            [.., key, value] if key.kind == Kind::Text && value.kind == Kind::Text => Some(key),
            _ => before.iter().rev().find(|token| token.kind == Kind::Text),
        };
        let Some(key) = key else {
            return syntax_error("a key is followed by `:`", self.at.clone());
        };
        let message = format!("`:` is missing after key {}", self.shown(&key.range));
        told(key.range.clone(), &message, "an entry is written `\"key\": value`")
    }

    /// Pieces that end at `offset` or before.
    fn before(&self, offset: usize) -> &[Token] {
        let count = self.tokens.partition_point(|token| token.range.end <= offset);
        &self.tokens[..count]
    }

    /// End of the character at `offset`.
    fn character(&self, offset: usize) -> usize {
        self.text[offset..].chars().next().map_or(offset, |next| offset + next.len_utf8())
    }

    fn shown(&self, range: &Range<usize>) -> String {
        format!("`{}`", self.text[range.clone()].trim_matches('"'))
    }
}

fn not_closed(text: Range<usize>) -> Finding {
    told(text, "the text is not closed", "write `\"` at its end")
}

fn fix(title: &str, range: Range<usize>, text: &str) -> Fix {
    Fix { title: title.to_owned(), edits: vec![TextEdit { range, text: text.to_owned() }] }
}

#[cfg(test)]
mod tests {
    use crate::config::parse::{SlipCase, check_slips, json};

    const SLIPS: &[SlipCase] = &[
        (
            "{\"a\": 1\n \"b\": 2}",
            "a comma is missing after this value",
            "1",
            "write `,` between entries",
        ),
        ("{\"a\": {\"b\": 1\n}", "this `{` is never closed", "{", "write `}` where it ends"),
        ("{\"a\": [1, 2\n}", "this `[` is never closed", "[", "write `]` where it ends"),
        (
            "{\"a\" 1}",
            "`:` is missing after key `a`",
            "\"a\"",
            "an entry is written `\"key\": value`",
        ),
        (
            "{\"a\" \"b\"}",
            "`:` is missing after key `a`",
            "\"a\"",
            "an entry is written `\"key\": value`",
        ),
        (
            "{\n \"a\": {\n  \"b\": 1\n \"c\": 2\n}",
            "this `{` is never closed",
            "{",
            "write `}` where it ends",
        ),
        (
            "{\"a\", \"b\"}",
            "`:` is missing after key `a`",
            "\"a\"",
            "an entry is written `\"key\": value`",
        ),
        (
            "{\"a\": }",
            "key `a` has no value",
            "\"a\"",
            "write a value after `:`, or remove the key",
        ),
        (
            "{\"a\": ,}",
            "key `a` has no value",
            "\"a\"",
            "write a value after `:`, or remove the key",
        ),
        ("{\"a\": 1,, \"b\": 2}", "a comma too many", ",", "remove it"),
        ("{\"a\": \"x\n \"b\": 2}", "the text is not closed", "\"x", "write `\"` at its end"),
        ("{\"a\": \"x,\n \"b\": \"y\"}", "the text is not closed", "\"x,", "write `\"` at its end"),
        ("{\"a: 1,\n \"b\": 2}", "the text is not closed", "\"a: 1,", "write `\"` at its end"),
        ("{\"a\": \"x", "the text is not closed", "\"x", "write `\"` at its end"),
        ("{\"a\": \"x, \"b\": \"y\"}", "the text is not closed", "\"x,", "write `\"` at its end"),
        ("{\"a: 1, \"b\": 2}", "the text is not closed", "\"a: 1,", "write `\"` at its end"),
        ("{\"a\": [\"x, \"y\"]}", "the text is not closed", "\"x,", "write `\"` at its end"),
        ("{\"a\": 1}}", "this `}` closes nothing", "}", "remove it"),
        ("{\n \"a\": {\n }},\n \"b\": 1\n}", "this `}` closes nothing", "}", "remove it"),
        (
            "{\"a\": 1} x",
            "the config has ended before this",
            "x",
            "a config is one object: remove what follows it",
        ),
        (
            "{\"a\": 1},",
            "the config has ended before this",
            ",",
            "a config is one object: remove what follows it",
        ),
        ("/* x", "the comment is not closed", "/*", "write `*/` at its end"),
        ("{\"a\": 1 /* x }", "the comment is not closed", "/*", "write `*/` at its end"),
        ("{\"a\": [1 2]}", "a comma is missing after this value", "1", "write `,` between entries"),
        ("{\"a\": [1, 2]", "this `{` is never closed", "{", "write `}` where it ends"),
        ("{\"a\": [1, 2,\n\"b\": 3}", "this `[` is never closed", "[", "write `]` where it ends"),
        ("{\"a\": [1, 2\n\"b\": 3}", "this `[` is never closed", "[", "write `]` where it ends"),
        (
            "{\"a\": \"b\" \"c\"}",
            "a comma is missing after this value",
            "\"b\"",
            "write `,` between entries",
        ),
        ("{,}", "a comma too many", ",", "remove it"),
        ("{\"a\"", "`:` is missing after key `a`", "\"a\"", "an entry is written `\"key\": value`"),
        ("{\"a\":", "key `a` has no value", "\"a\"", "write a value after `:`, or remove the key"),
        ("{", "this `{` is never closed", "{", "write `}` where it ends"),
        ("}", "this `}` closes nothing", "}", "remove it"),
        ("{\"a\": 1]}", "this `{` is never closed", "{", "write `}` where it ends"),
        ("{\"a\": [1}", "this `[` is never closed", "[", "write `]` where it ends"),
        (
            "\"a\": 1",
            "the braces around the config are missing",
            "\"a\"",
            "write `{` before this and `}` at the end",
        ),
        (
            "{\"a\": [\"b\": 1]}",
            "a list has no keys",
            "\"b\"",
            "write `{` and `}` around `\"key\": value`",
        ),
        (
            "{\"a\": 1 b: 2}",
            "a comma is missing after this value",
            "1",
            "write `,` between entries",
        ),
        (
            "{\"a\": true \"b\": 1}",
            "a comma is missing after this value",
            "true",
            "write `,` between entries",
        ),
        (
            "{\"a\" : \"b\"\n\"c\"}",
            "a comma is missing after this value",
            "\"b\"",
            "write `,` between entries",
        ),
        ("{\"a\": ]}", "this `{` is never closed", "{", "write `}` where it ends"),
    ];

    #[test]
    fn each_slip_is_one_clear_sentence() {
        check_slips(json::parse, SLIPS);
    }
}
