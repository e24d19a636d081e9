//! Words as a shell takes them.

/// A word that the shell takes as it is.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether the shell takes `name` for that of a variable.
pub fn is_variable(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_well = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    begins_well && name.bytes().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::{is_variable, quoted};

    #[test]
    fn words_are_closed_to_the_shell() {
        for (text, expected) in [("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$HOME", "'$HOME'")] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn names_of_variables_are_words() {
        assert!(is_variable("HF_HUB_OFFLINE") && is_variable("_1"));
        for name in ["", "1A", "A-B", "A B", "Ä"] {
            assert!(!is_variable(name), "{name}");
        }
    }
}
