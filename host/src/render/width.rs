//! Columns that text takes on a terminal, and text that is safe to put there.

use unicode_width::UnicodeWidthChar;

/// Columns of a text.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Columns of a character: 0, 1 or 2.
pub(crate) fn char_width(character: char) -> usize {
    character.width().unwrap_or(1)
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
