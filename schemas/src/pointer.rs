//! Keys as tokens of JSON pointers (RFC 6901), which is how places in a config are told.

/// `key` as a token of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key that a token of a JSON pointer stands for.
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn keys_come_back_from_their_tokens() {
        for (key, token) in [("a", "a"), ("a/b", "a~1b"), ("~", "~0"), ("~1", "~01"), ("", "")] {
            assert_eq!(escape(key), token);
            assert_eq!(unescape(token), key);
        }
    }
}
