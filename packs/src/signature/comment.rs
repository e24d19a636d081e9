//! Trusted comments: what a signature is about, in one line that it covers.

use std::fmt;

use olive_schemas::pack::PackName;
use semver::Version;

use super::PublicKey;

/// What a signature is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A pack.
    Pack {
        /// Its name; the publisher is its first part.
        name: PackName,
        /// Its version.
        version: String,
    },
    /// An index.
    Index {
        /// Its name.
        name: String,
        /// Its serial number.
        serial: u64,
    },
}

/// All that a trusted comment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) subject: Subject,
    pub(super) sha256: String,
    pub(super) key: PublicKey,
}

impl Comment {
    /// Reads a comment; there is one way to write each, and all others are none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let value =
            |word: &str, key: &str| word.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        let (subject, sha256, key) = match words[..] {
            ["olive", "pack", name, version, _, sha256, key] => {
                let name = value(name, "name")?.parse().ok()?;
                let version = value(version, "version")?;
                Version::parse(&version).ok()?;
                (Subject::Pack { name, version }, sha256, key)
            }
            ["olive", "index", name, serial, sha256, key] => {
                let name = value(name, "name")?;
                PackName::is_part(&name).then_some(())?;
                (
                    Subject::Index { name, serial: value(serial, "serial")?.parse().ok()? },
                    sha256,
                    key,
                )
            }
            _ => return None,
        };
        let sha256 = value(sha256, "sha256").filter(|text| crate::data::is_sha256(text))?;
        let comment = Self { subject, sha256, key: PublicKey::parse(&value(key, "key")?).ok()? };
        (comment.to_string() == text).then_some(comment)
    }
}

impl fmt::Display for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Pack { name, version } => {
                let publisher = name.publisher();
                write!(f, "olive pack name={name} version={version} publisher={publisher}")?;
            }
            Subject::Index { name, serial } => {
                write!(f, "olive index name={name} serial={serial}")?;
            }
        }
        write!(f, " sha256={} key={}", self.sha256, self.key.to_base64())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack { name, version } => write!(f, "pack `{name}` {version}"),
            Self::Index { name, serial } => write!(f, "index `{name}`, serial number {serial}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Comment;

    const KEY: &str = "RWRAObbaAAaHRrQKw1R2SUJE0PFLOwTnZcfleBHC/UUI7vvEXEv3t/Qs";

    #[test]
    fn there_is_one_way_to_write_a_comment() {
        let digest = "ab".repeat(32);
        let tail = format!("sha256={digest} key={KEY}");
        for (text, is_one) in [
            (format!("olive pack name=acme/prune version=1.2.0 publisher=acme {tail}"), true),
            (format!("olive index name=acme serial=12 {tail}"), true),
            (format!("olive pack name=acme/prune version=1.2.0 publisher=other {tail}"), false),
            (format!("olive pack version=1.2.0 name=acme/prune publisher=acme {tail}"), false),
            (format!("olive pack name=acme/prune version=1.2 publisher=acme {tail}"), false),
            (format!("olive pack name=acme version=1.2.0 publisher=acme {tail}"), false),
            (format!("olive pack  name=acme/prune version=1.2.0 publisher=acme {tail}"), false),
            (format!("olive pack name=acme/prune version=1.2.0 publisher=acme {tail} x=y"), false),
            (format!("olive index name=acme serial=012 {tail}"), false),
            (format!("olive index name=acme serial=+12 {tail}"), false),
            (format!("olive index name=acme serial=99999999999999999999 {tail}"), false),
            (format!("olive index name=A/B serial=1 {tail}"), false),
            (format!("olive index name=acme serial=12 sha256=ABCD key={KEY}"), false),
            (format!("olive index name=acme serial=12 sha256={digest} key=RWQ"), false),
            (format!("olive index name=acme serial=12 sha256={digest}"), false),
            ("timestamp:1795687201\tfile:content".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Comment::parse(&text).is_some(), is_one, "{text}");
        }
    }
}
