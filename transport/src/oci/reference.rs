//! `oci://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]`.

use std::fmt;
use std::str::FromStr;

use crate::TransportError;

/// Where an artifact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// Host, and port if it is said.
    pub(super) host: String,
    /// Path in the registry.
    pub(super) repository: String,
    /// Which of the repository.
    pub(super) version: Version,
}

/// Which of a repository's artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    /// The one that registries call `latest`.
    Unsaid,
    /// By a name that may move.
    Tag(String),
    /// By SHA-256, 64 hexadecimal digits in lower case.
    Digest(String),
}

impl Reference {
    /// The same with the tag of a version, unless something is said already. `+` cannot be in tags
    /// and becomes `_`, as registries of charts have it.
    pub(super) fn or_tag(mut self, version: &str) -> Result<Self, TransportError> {
        if self.version == Version::Unsaid {
            let tag = version.replace('+', "_");
            if !is_tag(&tag) {
                let reason = format!("`{tag}` cannot be a tag; give one after `:`");
                return Err(TransportError::Address { url: self.to_string(), reason });
            }
            self.version = Version::Tag(tag);
        }
        Ok(self)
    }

    /// The same artifact, or another one of the repository, by digest.
    pub(super) fn pinned(&self, sha256: String) -> Self {
        Self { version: Version::Digest(sha256), ..self.clone() }
    }

    /// How the registry's addresses name it.
    pub(super) fn tag_or_digest(&self) -> String {
        match &self.version {
            Version::Unsaid => "latest".into(),
            Version::Tag(tag) => tag.clone(),
            Version::Digest(sha256) => format!("sha256:{sha256}"),
        }
    }
}

impl FromStr for Reference {
    type Err = TransportError;

    fn from_str(text: &str) -> Result<Self, TransportError> {
        parse(text).ok_or_else(|| TransportError::Address {
            url: text.chars().filter(|c| !c.is_control()).collect(),
            reason:
                "a registry's reference is `oci://HOST[:PORT]/REPOSITORY[:TAG|@sha256:DIGEST]`, \
                     in lower case"
                    .into(),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, repository, version } = self;
        write!(out, "oci://{host}/{repository}")?;
        match version {
            Version::Unsaid => Ok(()),
            Version::Tag(tag) => write!(out, ":{tag}"),
            Version::Digest(sha256) => write!(out, "@sha256:{sha256}"),
        }
    }
}

fn parse(text: &str) -> Option<Reference> {
    let (host, rest) = text.strip_prefix("oci://")?.split_once('/')?;
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.strip_prefix("sha256:")?)),
        None => (rest, None),
    };
    let (repository, tag) = match rest.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (rest, None),
    };
    let is_whole = is_host(host)
        && is_repository(repository)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    let version = match (digest, tag) {
        // A tag beside a digest is only for people.
        (Some(digest), _) => Version::Digest(digest.into()),
        (None, Some(tag)) => Version::Tag(tag.into()),
        (None, None) => Version::Unsaid,
    };
    let (host, repository) = (host.into(), repository.into());
    is_whole.then_some(Reference { host, repository, version })
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !text.ends_with(']') => (name, port),
        _ => (text, "0"),
    };
    let is_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && !name.starts_with(['.', '-'])
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        }
    };
    is_name && port.parse::<u16>().is_ok()
}

/// Parts between `/` are of lower-case letters and digits, with separators between them.
fn is_repository(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_word)
            && part.ends_with(is_word)
            && part.chars().all(|c| is_word(c) || matches!(c, '.' | '_' | '-'))
            && !part.contains("..")
    };
    text.len() <= 255 && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

#[cfg(test)]
mod tests {
    use super::{Reference, Version};

    const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn references_say_host_repository_and_version() {
        let by_digest = format!("oci://h/r@sha256:{SHA256}");
        for (text, host, repository, version) in [
            ("oci://ghcr.io/a/b:1.0", "ghcr.io", "a/b", Version::Tag("1.0".into())),
            ("oci://localhost:5000/a", "localhost:5000", "a", Version::Unsaid),
            ("oci://[::1]:5000/a", "[::1]:5000", "a", Version::Unsaid),
            (&by_digest, "h", "r", Version::Digest(SHA256.into())),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(
                (reference.host.as_str(), reference.repository.as_str()),
                (host, repository)
            );
            assert_eq!(reference.version, version);
            assert_eq!(reference.to_string(), text);
        }
        let both: Reference = format!("oci://h/r:1@sha256:{SHA256}").parse().unwrap();
        assert_eq!(both.version, Version::Digest(SHA256.into()));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "oci://",
            "oci://h",
            "oci://h/",
            "h/r",
            "https://h/r",
            "oci:///r",
            "oci://h/R",
            "oci://h/../r",
            "oci://h/r//s",
            "oci://h/r:",
            "oci://h/r:a b",
            "oci://h/r:-a",
            "oci://h/r@sha256:12",
            "oci://h/r@md5:12",
            "oci://h:x/r",
            "oci://me@h/r",
            "oci://h/r?x",
            "oci://h/r#x",
            "oci://h\n/r",
            "oci://[x]/r",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_version_becomes_the_tag() {
        let tagged = |text: &str, version| {
            let reference: Reference = text.parse().unwrap();
            reference.or_tag(version).map(|reference| reference.to_string()).ok()
        };
        assert_eq!(tagged("oci://h/r", "1.0.0+cu12").as_deref(), Some("oci://h/r:1.0.0_cu12"));
        assert_eq!(tagged("oci://h/r:edge", "1.0.0").as_deref(), Some("oci://h/r:edge"));
        assert_eq!(tagged("oci://h/r", "a/b"), None);
    }
}
