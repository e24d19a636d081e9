//! Public keys.

use std::fmt;

use crate::PackError;

/// Bytes of the mark in front of a key's number.
const MARK: &[u8] = b"Ed";

/// A public key.
#[derive(Clone)]
pub struct PublicKey(pub(super) minisign::PublicKey);

impl PublicKey {
    /// A key from the text of a minisign key file, or its line of base64.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let mut lines = text.trim().lines().map(str::trim);
        let mut line = lines.next().unwrap_or_default();
        if line.starts_with("untrusted comment:") {
            line = lines.next().unwrap_or_default();
        }
        let key = minisign::PublicKey::from_base64(line).ok();
        key.filter(|key| {
            lines.next().is_none() && key.to_base64() == line && key.to_bytes().starts_with(MARK)
        })
        .map(Self)
        .ok_or_else(|| {
            let message = if line.starts_with("RWRTY0Iy") || line.starts_with("RWQAAEIy") {
                "this is a secret key, and a public key is asked for"
            } else {
                "this is no public key of minisign"
            };
            PackError::refused("pack-key", message)
                .with_help("a public key is a line of 56 characters that starts with `RW`")
        })
    }

    /// Its id: 16 hexadecimal digits in upper case.
    pub fn id(&self) -> String {
        let id = self.number().iter().rfold(0, |id: u64, &byte| id << 8 | u64::from(byte));
        format!("{id:016X}")
    }

    /// One line of base64.
    pub fn to_base64(&self) -> String {
        self.0.to_base64()
    }

    /// The text of its key file.
    pub fn to_text(&self) -> String {
        format!("untrusted comment: minisign public key {}\n{}\n", self.id(), self.to_base64())
    }

    /// The bytes of its id.
    pub(super) fn number(&self) -> &[u8] {
        self.0.keynum()
    }
}

/// The id counts too: the crate compares only what signs.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bytes() == other.0.to_bytes()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_base64())
    }
}
