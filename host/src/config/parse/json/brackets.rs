//! Finding the bracket that has no partner.

use super::tokens::{Kind, Token};

/// A bracket without a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unpaired {
    /// It is never closed; `met` is the closing bracket of the other kind that comes instead.
    Opened {
        /// Offset of the bracket.
        at: usize,
        /// Offset of what comes instead.
        met: Option<usize>,
    },
    /// It closes nothing.
    Closing {
        /// Offset of the bracket.
        at: usize,
    },
}

/// The bracket to blame when those of `text` do not pair.
///
/// Indentation tells which of several open brackets was meant to be closed.
pub(super) fn unpaired(text: &str, tokens: &[Token]) -> Option<Unpaired> {
    let mut open: Vec<usize> = Vec::new();
    let mut suspect = None;
    for token in tokens {
        let at = token.range.start;
        match token.kind {
            Kind::Open => open.push(at),
            Kind::Close => {
                let Some(opened) = open.pop() else { return Some(Unpaired::Closing { at }) };
                if text.as_bytes()[opened] + 2 != text.as_bytes()[at] {
                    return Some(Unpaired::Opened { at: opened, met: Some(at) });
                }
                let is_outside = || indent(text, opened).0 > indent(text, at).0;
                if suspect.is_none() && indent(text, at).1 && is_outside() {
                    suspect = Some(opened);
                }
            }
            Kind::Comma | Kind::Colon | Kind::Text | Kind::Word => {}
        }
    }
    let at = open.pop()?;
    Some(Unpaired::Opened { at: suspect.unwrap_or(at), met: None })
}

/// The bracket that is open at `offset`.
pub(super) fn innermost(tokens: &[Token], offset: usize) -> Option<usize> {
    let mut open = Vec::new();
    for token in tokens.iter().take_while(|token| token.range.start < offset) {
        match token.kind {
            Kind::Open => open.push(token.range.start),
            Kind::Close => {
                open.pop();
            }
            Kind::Comma | Kind::Colon | Kind::Text | Kind::Word => {}
        }
    }
    open.pop()
}

/// Characters before the first of the line of `offset`, and whether that is the one at `offset`.
pub(super) fn indent(text: &str, offset: usize) -> (usize, bool) {
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let blank = text[start..].len() - text[start..].trim_start_matches([' ', '\t']).len();
    (blank, start + blank == offset)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::{Unpaired, unpaired};

    #[test]
    fn the_bracket_to_blame_is_found() {
        for (text, expected) in [
            ("{\"a\": [1]}", None),
            ("{\"a\": 1", Some(Unpaired::Opened { at: 0, met: None })),
            ("{\"a\": [1}", Some(Unpaired::Opened { at: 6, met: Some(8) })),
            ("{}}", Some(Unpaired::Closing { at: 2 })),
            // The inner brace was forgotten: the last one closes it, one level further out.
            ("{\n  \"a\": {\n    \"b\": 1\n}\n", Some(Unpaired::Opened { at: 9, met: None })),
            ("{\n  \"a\": {\n    \"b\": 1\n  }\n", Some(Unpaired::Opened { at: 0, met: None })),
        ] {
            assert_eq!(unpaired(text, &tokens(text)), expected, "{text}");
        }
    }
}
