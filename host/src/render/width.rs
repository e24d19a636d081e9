//! Columns that text takes on a terminal, and text that is safe to put there.

/// Marks above, below or inside a letter, and characters without a column of their own.
const ZERO: &[(u32, u32)] = &[
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x05bf, 0x05bf),
    (0x05c1, 0x05c2),
    (0x05c4, 0x05c5),
    (0x0610, 0x061a),
    (0x064b, 0x065f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
    (0xe0100, 0xe01ef),
];

/// East Asian wide characters and emoji (Unicode Standard Annex 11, classes W and F).
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x2329, 0x232a),
    (0x23e9, 0x23ec),
    (0x2e80, 0x303e),
    (0x3041, 0x4dbf),
    (0x4e00, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f900, 0x1f9ff),
    (0x1fa70, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Columns of a text.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Columns of a character: 0, 1 or 2.
pub(crate) fn char_width(character: char) -> usize {
    let code = u32::from(character);
    let is_in =
        |table: &[(u32, u32)]| table.iter().any(|&(first, last)| (first..=last).contains(&code));
    if code < 0x300 {
        1
    } else if is_in(ZERO) {
        0
    } else if is_in(WIDE) {
        2
    } else {
        1
    }
}

/// The text with every character that would steer the terminal replaced; line breaks stay.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { plain_char(c) }).collect()
}

/// The character, or a replacement when it would steer the terminal or turn the text around.
pub(crate) fn plain_char(character: char) -> char {
    let turns_text = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || turns_text { '\u{fffd}' } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_follow_the_script() {
        for (text, columns) in
            [("abc", 3), ("é", 1), ("e\u{301}", 1), ("漢字", 4), ("שלום", 4), ("👍", 2), ("", 0)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn steering_characters_are_replaced() {
        assert_eq!(plain("a\u{1b}[0m\r\n\u{202e}b"), "a\u{fffd}[0m\u{fffd}\n\u{fffd}b");
    }
}
