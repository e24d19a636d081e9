//! Signatures and keys: minisign, with a trusted comment that binds what is signed.
//!
//! The trusted comment is `olive pack name=acme/prune version=1.2.0 publisher=acme sha256=… key=RW…`,
//! or `olive index name=acme serial=12 sha256=… key=RW…`. It carries the public key, so that a
//! signature can be checked by itself; the key is trusted only by a user's word.

mod comment;
mod content;
mod public_key;
mod secret_key;

pub use comment::Subject;
pub use public_key::PublicKey;
pub use secret_key::SecretKey;

use std::io::Read;

use minisign::SignatureBox;

use crate::PackError;
use comment::Comment;
use content::Content;

/// Ending of a signature's file name.
pub const SUFFIX: &str = ".minisig";

/// Characters of the two lines of base64 in a signature's file.
const LINES: [usize; 2] = [100, 88];

/// A signature that has been read, and not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    text: String,
    comment: Comment,
}

impl Signature {
    /// A signature from the text of its file.
    ///
    /// # Errors
    /// When the text is none, it is of minisign's old kind that holds whole files in memory, or its
    /// trusted comment is not Olive's.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let parsed = parse_box(text)?;
        if !parsed.is_prehashed() {
            return Err(unreadable("is of minisign's legacy kind; prehashed ones are taken"));
        }
        let comment = parsed.trusted_comment().ok();
        let comment = comment.as_deref().and_then(Comment::parse).ok_or_else(|| {
            unreadable("does not say in its trusted comment which pack or index it is about")
                .with_help("sign with `olive plugin sign`")
        })?;
        if parsed.keynum() != comment.key.number() {
            return Err(unreadable("names another key than the one it was made with"));
        }
        Ok(Self { text: text.to_owned(), comment })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Id of the key it says it was made with.
    pub fn key_id(&self) -> String {
        self.comment.key.id()
    }

    /// The key it carries, which says nothing about who made it.
    pub fn key(&self) -> &PublicKey {
        &self.comment.key
    }

    /// What it says it is about; believed only after [`verify`](Self::verify).
    pub fn subject(&self) -> &Subject {
        &self.comment.subject
    }

    /// SHA-256 that it says the content has: who keeps to it after [`verify`](Self::verify) has the
    /// very bytes that were signed.
    pub fn sha256(&self) -> &str {
        &self.comment.sha256
    }

    /// Checks that `key` made it for `content` and its trusted comment.
    ///
    /// # Errors
    /// When it did not, or the content cannot be read.
    pub fn verify(&self, content: impl Read, key: &PublicKey) -> Result<(), PackError> {
        let subject = self.subject();
        if *key != self.comment.key {
            let message = format!(
                "the signature of {subject} was made with key {}, and not with the key {} that it \
                 is checked with{}",
                self.key_id(),
                key.id(),
                if self.key_id() == key.id() {
                    ", which is another one of the same id"
                } else {
                    ""
                }
            );
            return Err(PackError::refused("pack-other-key", message));
        }
        let mut content = Content::new(content);
        let fits =
            minisign::verify(&key.0, &parse_box(&self.text)?, &mut content, true, false, false);
        let sha256 = content.digest(subject)?;
        if sha256 != self.comment.sha256 {
            let message = format!(
                "the content of {subject} has changed since it was signed: its SHA-256 is \
                 {sha256}, that of the signature {}",
                self.comment.sha256
            );
            return Err(PackError::refused("pack-tampered", message)
                .with_help("get it again; when it stays so, ask its publisher"));
        }
        fits.map_err(|_| {
            let message = format!("the signature of {subject} was not made by key {}", key.id());
            PackError::refused("pack-forged", message)
                .with_help("do not use it; tell its publisher")
        })
    }
}

/// Reads a signature's file. The lengths are checked first, as the crate does not.
fn parse_box(text: &str) -> Result<SignatureBox, PackError> {
    let is_none = || unreadable("is no minisign signature");
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let [_, signature, _, global] = lines[..] else { return Err(is_none()) };
    if [signature.len(), global.len()] != LINES {
        return Err(is_none());
    }
    SignatureBox::from_string(text).map_err(|_| is_none())
}

fn unreadable(what: &str) -> PackError {
    PackError::refused("pack-signature", format!("the signature {what}"))
}

#[cfg(test)]
mod tests;
