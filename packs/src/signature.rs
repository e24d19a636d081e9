//! Signatures and keys: minisign, with a trusted comment that binds what is signed.
//!
//! The trusted comment is `olive pack name=acme/prune version=1.2.0 publisher=acme sha256=… key=RW…`,
//! or `olive index name=acme serial=12 sha256=… key=RW…`. It carries the public key, so that a
//! signature can be checked by itself; the key is trusted only by a user's word.

use std::io::Read;

use olive_schemas::pack::PackName;

use crate::PackError;

/// Ending of a signature's file name.
pub const SUFFIX: &str = ".minisig";

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(minisign::PublicKey);

/// A secret key, unlocked.
pub struct SecretKey(minisign::SecretKey);

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

/// A signature that has been read, and not yet checked.
#[derive(Debug, Clone)]
pub struct Signature {
    text: String,
}

impl PublicKey {
    /// A key from the text of a minisign key file, or its line of base64.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let _ = text;
        unimplemented!()
    }

    /// Its id: 16 hexadecimal digits in upper case.
    pub fn id(&self) -> String {
        unimplemented!()
    }

    /// One line of base64.
    pub fn to_base64(&self) -> String {
        self.0.to_base64()
    }
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> Result<Self, PackError> {
        unimplemented!()
    }

    /// A key from the text of a minisign key file; `password` is asked for only when it is locked.
    ///
    /// # Errors
    /// When the text is no secret key, or the password is wrong.
    pub fn parse(
        text: &str,
        password: &dyn Fn() -> Result<String, PackError>,
    ) -> Result<Self, PackError> {
        let _ = (text, password);
        unimplemented!()
    }

    /// The text of its key file, locked when there is a password.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub fn to_text(&self, password: Option<&str>) -> Result<String, PackError> {
        let _ = password;
        unimplemented!()
    }

    /// Its public half.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn public(&self) -> Result<PublicKey, PackError> {
        unimplemented!()
    }

    /// Signs `content` as `subject`; gives the text of the signature's file. `sha256` is the digest
    /// of the same content.
    ///
    /// # Errors
    /// When the content cannot be read.
    pub fn sign(
        &self,
        content: impl Read,
        sha256: &str,
        subject: &Subject,
    ) -> Result<String, PackError> {
        let _ = (content, sha256, subject);
        unimplemented!()
    }
}

impl Signature {
    /// A signature from the text of its file.
    ///
    /// # Errors
    /// When the text is none, or its trusted comment is not Olive's.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let _ = text;
        unimplemented!()
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Id of the key it says it was made with.
    pub fn key_id(&self) -> String {
        unimplemented!()
    }

    /// The key it carries, which says nothing about who made it.
    pub fn key(&self) -> &PublicKey {
        unimplemented!()
    }

    /// What it says it is about; believed only after [`verify`](Self::verify).
    pub fn subject(&self) -> &Subject {
        unimplemented!()
    }

    /// Checks that `key` made it for `content` and its trusted comment.
    ///
    /// # Errors
    /// When it did not, or the content cannot be read.
    pub fn verify(&self, content: impl Read, key: &PublicKey) -> Result<(), PackError> {
        let _ = (content, key);
        unimplemented!()
    }
}
