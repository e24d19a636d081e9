//! Names of packs.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Characters a part of a name may have at most.
const LONGEST: usize = 64;

/// Name of a pack: `publisher/name`, both of lower-case letters, digits and single `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackName {
    publisher: String,
    name: String,
}

/// Why a text is no name of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    text: String,
}

impl PackName {
    /// The publisher's part.
    pub fn publisher(&self) -> &str {
        &self.publisher
    }

    /// The part behind the publisher's.
    pub fn short(&self) -> &str {
        &self.name
    }

    /// Name of the pack's file in `version`: `publisher-name-version.pack`.
    pub fn file_name(&self, version: &str) -> String {
        format!("{}-{}-{version}.pack", self.publisher, self.name)
    }

    /// Whether `text` can be a publisher's id or a pack's short name.
    pub fn is_part(text: &str) -> bool {
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        text.len() <= LONGEST && text.split('-').all(is_word)
    }
}

impl FromStr for PackName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError { text: text.to_owned() };
        let (publisher, name) = text.split_once('/').ok_or_else(error)?;
        if !Self::is_part(publisher) || !Self::is_part(name) {
            return Err(error());
        }
        Ok(Self { publisher: publisher.to_owned(), name: name.to_owned() })
    }
}

impl TryFrom<String> for PackName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<PackName> for String {
    fn from(name: PackName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.publisher, self.name)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no name of a pack: it is `publisher/name`, of lower-case letters, digits and \
             single `-`",
            self.text.escape_debug()
        )
    }
}

impl std::error::Error for NameError {}

impl JsonSchema for PackName {
    fn schema_name() -> Cow<'static, str> {
        "PackName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let part = "[a-z0-9]+(-[a-z0-9]+)*";
        json_schema!({
            "description": "Name of a pack: `publisher/name`, both of lower-case letters, digits \
                            and single `-`.",
            "type": "string",
            "pattern": format!("^{part}/{part}$"),
            "patternErrorMessage": "a name such as `acme/prune`, of lower-case letters, digits \
                                    and single `-`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::PackName;

    #[test]
    fn a_name_is_a_publisher_and_a_word() {
        for good in ["acme/prune", "a/b", "olive/model-builder-2"] {
            assert_eq!(good.parse::<PackName>().unwrap().to_string(), good);
        }
        let long = format!("a/{}", "b".repeat(65));
        for bad in [
            "",
            "acme",
            "acme/",
            "/prune",
            "Acme/prune",
            "acme/../x",
            "a/b/c",
            "a/-b",
            "a/b--c",
            &long,
        ] {
            assert!(bad.parse::<PackName>().unwrap_err().to_string().contains("publisher/name"));
        }
    }
}
