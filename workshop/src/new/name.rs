//! Names of plugins and their spellings.

use std::fmt;

use thiserror::Error;

/// Words that Rust keeps for itself, and crates that every program has.
const RESERVED: &str = "\
    abstract alloc as async await become box break const continue core crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv \
    proc-macro pub ref return schemars self serde serde-json static std struct super test trait \
    true try type typeof unsafe unsized use virtual where while yield";

/// Longest name.
const LENGTH: usize = 64;

/// Name of a plugin: `acme-prune`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// It has other characters, or begins or ends otherwise.
    #[error(
        "`{0}` is no name for a plugin: write at most {LENGTH} lower-case letters, digits and \
         single `-` between them, a letter first, such as `acme-prune`"
    )]
    Form(String),
    /// It means something else.
    #[error("`{0}` is no name for a plugin: it is a word or a package of Rust")]
    Reserved(String),
    /// It is one of ours.
    #[error("`{0}` is no name for a plugin: names that begin with `olive` are Olive's own")]
    Ours(String),
}

impl Name {
    /// The name that `text` is.
    ///
    /// # Errors
    /// When it cannot be the name of a folder, a Rust package and a type at once.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_formed = text.len() <= LENGTH
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.split('-').all(|word| !word.is_empty() && word.chars().all(is_plain));
        if !is_formed {
            return Err(NameError::Form(text.into()));
        }
        if RESERVED.split_whitespace().any(|word| word == text) {
            return Err(NameError::Reserved(text.into()));
        }
        if text.starts_with("olive") {
            return Err(NameError::Ours(text.into()));
        }
        Ok(Self(text.into()))
    }

    /// As it is written: `acme-prune`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of its Rust library: `acme_prune`.
    pub fn library(&self) -> String {
        snake(&self.0)
    }

    /// Name of what it provides: `AcmePrune`.
    pub fn type_name(&self) -> String {
        pascal(&self.0)
    }

    /// `text` with every spelling of the name `sample` replaced by this name's.
    pub(super) fn put_into(&self, text: &str, sample: &str) -> String {
        text.replace(sample, &self.0)
            .replace(&snake(sample), &self.library())
            .replace(&pascal(sample), &self.type_name())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn names_have_three_spellings() {
        for (name, library, type_name) in [
            ("acme-prune", "acme_prune", "AcmePrune"),
            ("x", "x", "X"),
            ("int4-4bit", "int4_4bit", "Int44bit"),
        ] {
            let name = Name::parse(name).unwrap();
            assert_eq!((&*name.library(), &*name.type_name()), (library, type_name));
        }
    }

    #[test]
    fn what_is_no_name_is_told() {
        let long = "x".repeat(65);
        for (text, part) in [
            ("", "such as `acme-prune`"),
            ("Acme", "lower-case"),
            ("4bit", "a letter first"),
            ("a--b", "single `-`"),
            ("-a", "a letter first"),
            ("a-", "single `-`"),
            ("../a", "lower-case letters"),
            ("a b", "lower-case letters"),
            ("größe", "lower-case letters"),
            (&long, "at most 64"),
            ("fn", "a word or a package of Rust"),
            ("serde", "a word or a package of Rust"),
            ("olive-prune", "Olive's own"),
        ] {
            let error = Name::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` ")) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_sample_is_replaced_in_every_spelling() {
        let name = Name::parse("my-thing").unwrap();
        let text = name.put_into("acme-prune acme_prune AcmePruneConfig", "acme-prune");
        assert_eq!(text, "my-thing my_thing MyThingConfig");
    }
}
