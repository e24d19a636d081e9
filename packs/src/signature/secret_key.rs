//! Secret keys.

use std::io::Read;

use ct_codecs::{Base64, Decoder};
use minisign::SecretKeyBox;

use super::comment::Comment;
use super::content::Content;
use super::{PublicKey, Signature, Subject};
use crate::PackError;

/// A secret key, unlocked.
pub struct SecretKey(minisign::SecretKey);

/// Parts of a key's bytes.
mod layout {
    use std::ops::Range;

    pub(super) const KDF: Range<usize> = 2..4;
    pub(super) const SALT: Range<usize> = 6..38;
    pub(super) const OPERATIONS: Range<usize> = 38..46;
    pub(super) const MEMORY: Range<usize> = 46..54;
    /// Number, secret and checksum; locked together.
    pub(super) const BODY: Range<usize> = 54..158;
    pub(super) const CHECKSUM: Range<usize> = 126..158;
}

/// What a locked key starts with: algorithms `Ed`, `Sc` and `B2`.
const LOCKED: &[u8] = b"EdScB2";
/// What a key that is not locked starts with.
const OPEN: &[u8] = b"Ed\0\0B2";

/// How much work the lock of new keys takes: 32 MiB, about a tenth of a second.
const OPERATIONS: u64 = 1 << 20;
const MEMORY: u64 = 1 << 25;

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> Result<Self, PackError> {
        let pair = minisign::KeyPair::generate_unencrypted_keypair();
        pair.map(|pair| Self(pair.sk)).map_err(|_| no_random())
    }

    /// A key from the text of a minisign key file; `password` is asked for only when it is locked.
    ///
    /// # Errors
    /// When the text is no secret key, or the password is wrong.
    pub fn parse(
        text: &str,
        password: &dyn Fn() -> Result<String, PackError>,
    ) -> Result<Self, PackError> {
        let refused = |message: &str| PackError::refused("pack-key", message);
        let line = text.lines().nth(1).unwrap_or_default().trim();
        let bytes = Base64::decode_to_vec(line, None).unwrap_or_default();
        if bytes.len() != layout::BODY.end {
            return Err(refused("this is no secret key of minisign"));
        }
        if bytes.starts_with(LOCKED) {
            let key = SecretKeyBox::from(text.to_owned()).into_secret_key(Some(password()?));
            return key.map(Self).map_err(|_| refused("the password does not open the secret key"));
        }
        if !bytes.starts_with(OPEN) {
            return Err(refused("this secret key is of a kind that is not known"));
        }
        // minisign writes no checksum into such keys, and the crate would ask for it.
        let key = minisign::SecretKey::from_bytes(&bytes).map(Self);
        let key = key.map_err(|_| refused("this is no secret key of minisign"))?;
        let public = key.public()?;
        minisign::sign(Some(&public.0), &key.0, &b""[..], None, None)
            .map_err(|_| refused("the secret key is damaged: its halves do not belong together"))?;
        Ok(key)
    }

    /// The text of its key file, locked when there is a password.
    ///
    /// # Errors
    /// When it cannot be locked: no random numbers, no memory, or a key that was made by minisign
    /// without a lock.
    pub fn to_text(&self, password: Option<&str>) -> Result<String, PackError> {
        let refused = |message: &str| PackError::refused("pack-key", message);
        let mut bytes = self.0.to_bytes();
        match password {
            None => {
                bytes[..OPEN.len()].copy_from_slice(OPEN);
                bytes[layout::SALT.start..layout::MEMORY.end].fill(0);
            }
            Some(_) if bytes[layout::CHECKSUM].iter().all(|&byte| byte == 0) => {
                return Err(refused("a secret key without checksum cannot be locked")
                    .with_help("lock it with `minisign -C`"));
            }
            Some(password) => lock(&mut bytes, password)?,
        }
        let kind = if password.is_some() { "encrypted " } else { "" };
        let comment = format!("minisign {kind}secret key");
        let text =
            minisign::SecretKey::from_bytes(&bytes).and_then(|key| key.to_box(Some(&comment)));
        text.map(SecretKeyBox::into_string).map_err(|_| refused("the secret key is damaged"))
    }

    /// Its public half.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn public(&self) -> Result<PublicKey, PackError> {
        minisign::PublicKey::from_secret_key(&self.0)
            .map(PublicKey)
            .map_err(|_| PackError::refused("pack-key", "the secret key is damaged"))
    }

    /// Signs `content` as `subject`; gives the text of the signature's file. `sha256` is the digest
    /// of the same content.
    ///
    /// # Errors
    /// When the content cannot be read, or has another digest.
    pub fn sign(
        &self,
        content: impl Read,
        sha256: &str,
        subject: &Subject,
    ) -> Result<String, PackError> {
        let public = self.public()?;
        let comment =
            Comment { subject: subject.clone(), sha256: sha256.to_owned(), key: public.clone() };
        let mut content = Content::new(content);
        let signed = minisign::sign(
            Some(&public.0),
            &self.0,
            &mut content,
            Some(&comment.to_string()),
            Some(&format!("signature of {subject}")),
        );
        let digest = content.digest(subject)?;
        if digest != sha256 {
            let message = format!("the content of {subject} has changed while it was signed");
            return Err(PackError::refused("pack-tampered", message));
        }
        let text = signed.map_err(|_| no_random())?.into_string();
        Signature::parse(&text)?;
        Ok(text)
    }
}

/// Locks the bytes of a key.
fn lock(bytes: &mut [u8], password: &str) -> Result<(), PackError> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| no_random())?;
    bytes[layout::KDF].copy_from_slice(&LOCKED[layout::KDF]);
    bytes[layout::SALT].copy_from_slice(&salt);
    bytes[layout::OPERATIONS].copy_from_slice(&OPERATIONS.to_le_bytes());
    bytes[layout::MEMORY].copy_from_slice(&MEMORY.to_le_bytes());

    // What libsodium makes of these two numbers: 2^15 blocks of 1024 bytes, once.
    let cannot =
        |error: String| PackError::refused("pack-key", format!("cannot lock a key: {error}"));
    let work = scrypt::Params::new(15, 8, 1, scrypt::Params::RECOMMENDED_LEN)
        .map_err(|error| cannot(error.to_string()))?;
    let mut stream = [0; 104];
    scrypt::scrypt(password.as_bytes(), &salt, &work, &mut stream)
        .map_err(|error| cannot(error.to_string()))?;
    bytes[layout::BODY].iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
    Ok(())
}

fn no_random() -> PackError {
    PackError::refused("pack-key", "the system gives no random numbers")
}
