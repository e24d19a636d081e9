//! Words that are no JSON: quotes, words and numbers of other languages, escapes.

use std::ops::Range;

use jsonc_parser::ParseStringErrorKind;

use super::{Slip, fix};
use crate::config::parse::json::tokens::{Kind, Token};
use crate::config::parse::told;
use crate::config::{Finding, Fix, TextEdit};

/// Words of other languages, and what JSON writes.
const FOREIGN: [(&str, &str); 9] = [
    ("True", "true"),
    ("TRUE", "true"),
    ("False", "false"),
    ("FALSE", "false"),
    ("None", "null"),
    ("NULL", "null"),
    ("Null", "null"),
    ("nil", "null"),
    ("undefined", "null"),
];

/// Quotes of word processors and other languages.
const CURLY: [char; 7] = ['“', '”', '„', '‘', '’', '«', '`'];

impl Slip<'_> {
    /// A word where a key belongs.
    pub(super) fn unquoted(&self) -> Finding {
        let range = self.whole_word();
        let word = &self.text[range.clone()];
        let quoted = format!("\"{word}\"");
        let help = format!("write `{quoted}`");
        let mut finding = told(range.clone(), &format!("key `{word}` is not quoted"), &help);
        finding.fix = Some(fix(&help, range, &quoted));
        finding
    }

    /// Something that is no value of JSON.
    pub(super) fn word(&self) -> Finding {
        let first = self.text[self.at.start..].chars().next().unwrap_or_default();
        if CURLY.contains(&first) {
            return self.curly_quotes(first);
        }
        let help = match first {
            '#' => Some("begin comments with `//`"),
            '=' => Some("write `:` between key and value"),
            ';' => Some("write `,` between entries"),
            '(' | ')' => Some("write lists in `[` and `]`"),
            '@' | '%' | '&' | '*' | '!' | '?' | '|' | '\\' => Some("quote it if it is text"),
            _ => None,
        };
        if let Some(help) = help {
            let range = self.at.start..self.character(self.at.start);
            return told(range, &format!("`{first}` does not belong here"), help);
        }
        let range = self.whole_word();
        let word = &self.text[range.clone()];
        if !word.is_empty() && word.trim_matches(['.', '…']).is_empty() {
            let message = format!("`{word}` stands for something that is left out");
            return told(range, &message, "write it out");
        }
        if let Some((_, right)) = FOREIGN.iter().find(|(foreign, _)| *foreign == word) {
            let help = format!("write `{right}`");
            let message = format!("`{word}` is no value of JSON");
            let mut finding = told(range.clone(), &message, &help);
            finding.fix = Some(fix(&help, range, right));
            return finding;
        }
        if ["NaN", "Infinity", "inf"].contains(&word) {
            let message = format!("`{word}` is no number of JSON");
            return told(range, &message, "write a number, or `null` for none");
        }
        let help = format!("write `\"{word}\"` if it is text");
        told(range, &format!("`{word}` is not quoted"), &help)
    }

    fn curly_quotes(&self, first: char) -> Finding {
        let open = self.at.start..self.character(self.at.start);
        let line = self.text[open.end..].lines().next().unwrap_or_default();
        let close = line.find(CURLY).map(|length| open.end + length);
        let message = match first {
            '`' => "a backquote is no quote of JSON".to_owned(),
            _ => format!("`{first}` is no quote of JSON"),
        };
        let Some(close) = close.map(|start| start..self.character(start)) else {
            return told(open, &message, "write straight quotes: `\"`");
        };
        let help = format!("write straight quotes: `\"{}\"`", &self.text[open.end..close.start]);
        let mut finding = told(open.start..close.end, &message, &help);
        let edits = [open, close].map(|range| TextEdit { range, text: "\"".into() });
        finding.fix = Some(Fix { title: "write straight quotes".into(), edits: edits.into() });
        finding
    }

    pub(super) fn single_quotes(&self) -> Finding {
        let start = self.at.start;
        let line = self.text[start + 1..].lines().next().unwrap_or_default();
        let message = "`'` is no quote of JSON";
        let Some(length) = line.find('\'') else {
            return told(start..start + 1, message, "write `\"`");
        };
        let (range, content) = (start..start + length + 2, &line[..length]);
        let help = format!("write `\"{content}\"`");
        let mut finding = told(range.clone(), message, &help);
        if !content.contains(['"', '\\']) {
            finding.fix = Some(fix(&help, range, &format!("\"{content}\"")));
        }
        finding
    }

    pub(super) fn string(&self, kind: &ParseStringErrorKind) -> Finding {
        let end = self.text[self.at.clone()].char_indices().nth(2).map(|(end, _)| end);
        let range = self.at.start..end.map_or(self.at.end, |end| self.at.start + end);
        match kind {
            ParseStringErrorKind::InvalidUnicodeEscapeSequence(_) => {
                let help = "write the character itself";
                let end = self.text.floor_char_boundary(self.at.start + "\\u0000".len());
                told(self.at.start..end, "this escape is no whole character", help)
            }
            ParseStringErrorKind::UnterminatedStringLiteral => {
                told(self.at.clone(), "the text is not closed", "write `\"` at its end")
            }
            ParseStringErrorKind::InvalidEscapeInSingleQuoteString
            | ParseStringErrorKind::InvalidEscapeInDoubleQuoteString
            | ParseStringErrorKind::ExpectedFourHexDigits
            | ParseStringErrorKind::ExpectedTwoHexDigits
            | ParseStringErrorKind::InvalidEscape => self.escape(range),
        }
    }

    /// A backslash that begins no escape, most often of a path of Windows.
    fn escape(&self, range: Range<usize>) -> Finding {
        let message = format!("`{}` is no escape of JSON", &self.text[range.clone()]);
        let around = self.tokens.iter().find(|token| token.range.contains(&range.start));
        let written = around.map_or("", |token| &self.text[token.range.clone()]);
        let help = if written.contains(":\\") {
            format!(
                "write the path with `/`: `{}`",
                written.replace("\\\\", "/").replace('\\', "/")
            )
        } else {
            "write `\\\\` for a backslash".into()
        };
        told(range, &message, &help)
    }

    pub(super) fn number(&self) -> Finding {
        let range = self.whole_word();
        let word = &self.text[range.clone()];
        let help = match word.strip_prefix('+') {
            Some(rest) => format!("write `{rest}`"),
            None if word.starts_with('.') => format!("write `0{word}`"),
            None if word.starts_with("-.") => format!("write `-0{}`", &word[1..]),
            None if word.ends_with('.') => format!("write `{word}0`"),
            None => "write a decimal number such as `16` or `1e-4`".into(),
        };
        told(range.clone(), &format!("`{word}` is no number of JSON"), &help)
    }

    /// The word at the place, or the place itself.
    fn whole_word(&self) -> Range<usize> {
        let is_here = |token: &&Token| {
            token.range.contains(&self.at.start)
                || self.at.start == token.range.end && self.at.start == self.text.len()
        };
        let found = self.tokens.iter().find(is_here).filter(|token| token.kind == Kind::Word);
        let found = found.or_else(|| {
            self.before(self.at.start)
                .last()
                .filter(|token| token.kind == Kind::Word && token.range.end == self.at.start)
        });
        found.map_or_else(|| self.at.clone(), |token| token.range.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse::json::parse;
    use crate::config::parse::{SlipCase, check_slips};

    const SLIPS: &[SlipCase] = &[
        ("{\"a\": 'x'}", "`'` is no quote of JSON", "'x'", "write `\"x\"`"),
        ("{'a': 1}", "`'` is no quote of JSON", "'a'", "write `\"a\"`"),
        ("{a: 1}", "key `a` is not quoted", "a", "write `\"a\"`"),
        ("{my-key: 1}", "key `my-key` is not quoted", "my-key", "write `\"my-key\"`"),
        ("{\"a\": True}", "`True` is no value of JSON", "True", "write `true`"),
        ("{\"a\": None}", "`None` is no value of JSON", "None", "write `null`"),
        (
            "{\"a\": \"C:\\models\"}",
            "`\\m` is no escape of JSON",
            "\\m",
            "write the path with `/`: `\"C:/models\"`",
        ),
        (
            "{\"a\": \"C:\\users\\me\"}",
            "`\\u` is no escape of JSON",
            "\\u",
            "write the path with `/`: `\"C:/users/me\"`",
        ),
        ("{\"a\": \"\\d+\"}", "`\\d` is no escape of JSON", "\\d", "write `\\\\` for a backslash"),
        ("{“a”: 1}", "`“` is no quote of JSON", "“a”", "write straight quotes: `\"a\"`"),
        ("{\"a\": “x”}", "`“` is no quote of JSON", "“x”", "write straight quotes: `\"x\"`"),
        ("{\"a\": “x}", "`“` is no quote of JSON", "“", "write straight quotes: `\"`"),
        ("{\"a\": ‘x’}", "`‘` is no quote of JSON", "‘x’", "write straight quotes: `\"x\"`"),
        ("{\"a\" = 1}", "`=` does not belong here", "=", "write `:` between key and value"),
        ("{\"a\": .5}", "`.5` is no number of JSON", ".5", "write `0.5`"),
        ("{\"a\": 1.}", "`1.` is no number of JSON", "1.", "write `1.0`"),
        ("{\"a\": +1}", "`+1` is no number of JSON", "+1", "write `1`"),
        (
            "{\"a\": 0x10}",
            "`0x10` is no number of JSON",
            "0x10",
            "write a decimal number such as `16` or `1e-4`",
        ),
        ("{\"a\": NaN}", "`NaN` is no number of JSON", "NaN", "write a number, or `null` for none"),
        (
            "{\"a\": -Infinity}",
            "`-Infinity` is no number of JSON",
            "-Infinity",
            "write a decimal number such as `16` or `1e-4`",
        ),
        ("{\"a\": 01}", "`01` is no number of JSON", "01", "write `1`, or quote it if it is text"),
        (
            "{\"a\": 1e}",
            "`1e` is no number of JSON",
            "1e",
            "write a decimal number such as `16` or `1e-4`",
        ),
        (
            "{\"a\": -}",
            "`-` is no number of JSON",
            "-",
            "write a decimal number such as `16` or `1e-4`",
        ),
        ("# c\n{\"a\": 1}", "`#` does not belong here", "#", "begin comments with `//`"),
        ("{\"a\": 1 # c\n}", "`#` does not belong here", "#", "begin comments with `//`"),
        (
            "{\"a\": \"\\ud800\"}",
            "this escape is no whole character",
            "\\ud800",
            "write the character itself",
        ),
        ("{\"a\": ...}", "`...` stands for something that is left out", "...", "write it out"),
        ("{...}", "`...` stands for something that is left out", "...", "write it out"),
        ("{\"a\": yes}", "`yes` is not quoted", "yes", "write `\"yes\"` if it is text"),
        ("{1: 2}", "key `1` is not quoted", "1", "write `\"1\"`"),
        ("{\"a\": truex}", "`truex` is not quoted", "truex", "write `\"truex\"` if it is text"),
        ("{\"a\": (1,2)}", "`(` does not belong here", "(", "write lists in `[` and `]`"),
        ("{\"a\": 12abc}", "`12abc` is not quoted", "12abc", "write `\"12abc\"` if it is text"),
        ("{\"a\": 5%}", "`%` does not belong here", "%", "quote it if it is text"),
        ("{\"a\": <x>}", "`<x>` is not quoted", "<x>", "write `\"<x>\"` if it is text"),
        (
            "{\"a\": `x`}",
            "a backquote is no quote of JSON",
            "`x`",
            "write straight quotes: `\"x\"`",
        ),
        ("{\"a\": 1; \"b\": 2}", "`;` does not belong here", ";", "write `,` between entries"),
        ("{\"a\": ./x}", "`./x` is not quoted", "./x", "write `\"./x\"` if it is text"),
        ("{\"a\": /x/y}", "`/x/y` is not quoted", "/x/y", "write `\"/x/y\"` if it is text"),
        ("{\"a\": C:\\x}", "`C` is not quoted", "C", "write `\"C\"` if it is text"),
        ("a: 1", "`a` is not quoted", "a", "write `\"a\"` if it is text"),
        ("{\"a\": {1, 2}}", "key `1` is not quoted", "1", "write `\"1\"`"),
        ("{\"a\": @x}", "`@` does not belong here", "@", "quote it if it is text"),
        ("{\"a\": é}", "`é` is not quoted", "é", "write `\"é\"` if it is text"),
    ];

    #[test]
    fn each_slip_is_one_clear_sentence() {
        check_slips(parse, SLIPS);
    }

    #[test]
    fn what_is_plain_is_mended() {
        for (text, mended) in [
            ("{\"a\": True}", "{\"a\": true}"),
            ("{\"a\": “x”}", "{\"a\": \"x\"}"),
            ("{a: 1}", "{\"a\": 1}"),
            ("{'a': 1}", "{\"a\": 1}"),
            ("{\"a\": 1\"b\": 2}", "{\"a\": 1,\"b\": 2}"),
            ("{\"a\": 1\n \"b\": 2}", "{\"a\": 1,\n \"b\": 2}"),
            ("{\"a\": 1,,}", "{\"a\": 1,}"),
        ] {
            let mut findings = Vec::new();
            parse(text, &mut findings);
            let mut written = text.to_owned();
            for edit in findings[0].fix.as_ref().unwrap().edits.iter().rev() {
                written.replace_range(edit.range.clone(), &edit.text);
            }
            assert_eq!(written, mended);
        }
    }
}
