//! Paths into a config: `passes.lora.r`, `data_configs[0].name`, or the pointer `/passes/lora/r`.

use std::fmt;

use olive_schemas::pointer::{escape, unescape};

use super::EditError;

/// A path: keys of objects, and indexes or names of list items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// The steps from the root down.
    pub tokens: Vec<String>,
}

impl Path {
    /// Parses a path: a JSON pointer when it starts with `/`, else keys joined by dots.
    ///
    /// A key with dots stands in brackets, with or without quotes: `passes["v1.5"].r`.
    ///
    /// # Errors
    /// When a key is empty or a bracket is not closed.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        let tokens = match text.strip_prefix('/') {
            Some(pointer) => Ok(pointer.split('/').map(unescape).collect()),
            None => dotted(text),
        };
        let tokens = tokens.map_err(|why| EditError::Path { path: text.to_owned(), why })?;
        Ok(Self { tokens })
    }

    /// The path of these steps.
    pub fn of<T: Into<String>>(tokens: impl IntoIterator<Item = T>) -> Self {
        Self { tokens: tokens.into_iter().map(Into::into).collect() }
    }

    /// The path one step further.
    #[must_use]
    pub fn join(&self, token: &str) -> Self {
        Self::of(self.tokens.iter().map(String::as_str).chain([token]))
    }

    /// The JSON pointer (RFC 6901) of the same steps.
    pub fn pointer(&self) -> String {
        self.tokens.iter().flat_map(|token| ["/".to_owned(), escape(token)]).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.tokens.iter().enumerate() {
            let is_plain = !token.is_empty() && !token.contains(['.', '[', ']', '/', '"']);
            match (is_plain, index) {
                (true, 0) => f.write_str(token)?,
                (true, _) => write!(f, ".{token}")?,
                (false, _) => write!(f, "[{token:?}]")?,
            }
        }
        Ok(())
    }
}

fn dotted(text: &str) -> Result<Vec<String>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let (token, after) = match rest.strip_prefix('[') {
            Some(inner) => bracketed(inner)?,
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err("a key between dots is empty");
                }
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        tokens.push(token);
        rest = match after.strip_prefix('.') {
            Some(next) => next,
            None if after.is_empty() => return Ok(tokens),
            None if after.starts_with('[') => after,
            None => return Err("a dot or a bracket belongs after `]`"),
        };
    }
}

/// The key before the closing bracket, and what follows it.
fn bracketed(inner: &str) -> Result<(String, &str), &'static str> {
    let Some(quote) = inner.chars().next().filter(|first| ['"', '\''].contains(first)) else {
        let (key, after) = inner.split_once(']').ok_or("a bracket is not closed")?;
        return Ok((key.to_owned(), after));
    };
    let mut key = String::new();
    let mut letters = inner.char_indices().skip(1);
    while let Some((offset, letter)) = letters.next() {
        if letter == '\\' {
            key.extend(letters.next().map(|(_, escaped)| escaped));
        } else if letter == quote {
            let after = inner[offset + 1..].strip_prefix(']').ok_or("`]` belongs after a quote")?;
            return Ok((key, after));
        } else {
            key.push(letter);
        }
    }
    Err("a quote is not closed")
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[track_caller]
    fn check(text: &str, tokens: &[&str], shown: &str) {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.tokens, tokens, "{text}");
        assert_eq!(path.to_string(), shown);
        assert_eq!(Path::parse(shown).unwrap(), path);
        assert_eq!(Path::parse(&path.pointer()).unwrap(), path);
    }

    #[test]
    fn dots_brackets_and_pointers_lead_to_the_same() {
        check("passes.lora.r", &["passes", "lora", "r"], "passes.lora.r");
        check("/passes/lora/r", &["passes", "lora", "r"], "passes.lora.r");
        check("data_configs[0].name", &["data_configs", "0", "name"], "data_configs.0.name");
        check("passes[v1.5].r", &["passes", "v1.5", "r"], "passes[\"v1.5\"].r");
        check("passes['a]b']['c']", &["passes", "a]b", "c"], "passes[\"a]b\"].c");
        check("/a~1b/c~0d/", &["a/b", "c~d", ""], "[\"a/b\"].c~d[\"\"]");
    }

    #[test]
    fn what_is_no_path_is_told() {
        for (text, why) in [
            ("", "a key between dots is empty"),
            ("a..b", "a key between dots is empty"),
            ("a.", "a key between dots is empty"),
            ("a[b", "a bracket is not closed"),
            ("a[\"b]", "a quote is not closed"),
            ("a[0]b", "a dot or a bracket belongs after `]`"),
        ] {
            let message = Path::parse(text).unwrap_err().to_string();
            assert_eq!(message, format!("`{text}` is not a path: {why}"));
        }
    }
}
