//! Signing packs and indexes with the keys of their authors.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use olive_packs::PackError;
use olive_packs::archive::{self, Limits};
use olive_packs::signature::{PublicKey, SUFFIX, SecretKey, Signature, Subject};
use olive_schemas::pack::{FORMAT, PackIndex};

use super::refused;
use crate::error::Error;
use crate::store::files::write_atomically;

/// Environment variable with the password of a secret key.
const PASSWORD: &str = "OLIVE_KEY_PASSWORD";

/// What every zstd stream begins with, and so every pack.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bytes that a key file may have.
const KEY_BYTES: u64 = 4096;

/// A signature that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The signature's file.
    pub path: PathBuf,
    /// What was signed.
    pub subject: Subject,
    /// Id of the key.
    pub key_id: String,
}

/// Signs the pack or index at `path`; the signature comes beside it.
///
/// # Errors
/// When the file is neither, or something cannot be read or written.
pub fn sign(path: &Path, key: &SecretKey) -> Result<Signed, Error> {
    let subject = subject(path)?;
    let open = || File::open(path).map_err(PackError::io("read", path));
    let (sha256, _) = archive::digest(open()?).map_err(PackError::io("read", path))?;
    let text = key.sign(open()?, &sha256, &subject)?;
    let signature = signature_path(path);
    write_atomically(&signature, text.as_bytes()).map_err(PackError::io("write", &signature))?;
    Ok(Signed { path: signature, subject, key_id: key.public()?.id() })
}

/// The signature that lies beside the file at `path`, when it fits.
pub(super) fn signed_before(path: &Path) -> Option<Signed> {
    let signature_path = signature_path(path);
    let signature = Signature::parse(&key_text(&signature_path).ok()?).ok()?;
    signature.verify(File::open(path).ok()?, signature.key()).ok()?;
    let (subject, key_id) = (signature.subject().clone(), signature.key_id());
    Some(Signed { path: signature_path, subject, key_id })
}

/// Where the signature of the file at `path` lies.
pub(super) fn signature_path(path: &Path) -> PathBuf {
    let mut signature = path.as_os_str().to_owned();
    signature.push(SUFFIX);
    signature.into()
}

/// The secret key in the file at `path`. When it is locked, the password is that of
/// `OLIVE_KEY_PASSWORD`, else it is asked for.
///
/// # Errors
/// When it is no secret key, or its password is wrong or nobody can be asked.
pub fn secret_key(path: &Path) -> Result<SecretKey, Error> {
    let text = key_text(path)?;
    let prompt = format!("Password of `{}`: ", path.display());
    SecretKey::parse(&text, &|| password(&prompt)).map_err(|error| about(path, error))
}

/// The public key in the file at `path`.
///
/// # Errors
/// When it is none.
pub fn public_key(path: &Path) -> Result<PublicKey, Error> {
    PublicKey::parse(&key_text(path)?).map_err(|error| about(path, error))
}

/// The password that `OLIVE_KEY_PASSWORD` has, else what a person answers to `prompt`.
///
/// # Errors
/// When nobody can be asked.
pub fn password(prompt: &str) -> Result<String, PackError> {
    if let Ok(password) = env::var(PASSWORD) {
        return Ok(password);
    }
    rpassword::prompt_password(prompt).map_err(|error| {
        let message = format!("nobody can be asked for the key's password: {error}");
        PackError::refused("pack-key", message)
            .with_help(format!("put it into the environment variable {PASSWORD}"))
    })
}

/// The text of the file at `path`, a key or a signature, of which no more is read than such files
/// have.
///
/// # Errors
/// When it cannot be read, or is no text.
pub(crate) fn key_text(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file = File::open(path).map_err(PackError::io("read", path))?;
    match file.take(KEY_BYTES).read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let message = format!("`{}` is no key: it is no text", path.display());
            Err(refused("pack-key", message, "name a file that `olive plugin key new` made"))
        }
        read => {
            read.map_err(PackError::io("read", path))?;
            Ok(text)
        }
    }
}

/// `error` with the file that it is about.
fn about(path: &Path, error: PackError) -> Error {
    match error {
        PackError::Refused { code, message, help } => PackError::Refused {
            code,
            message: format!("key `{}`: {message}", path.display()),
            help,
        }
        .into(),
        error @ PackError::Io { .. } => error.into(),
    }
}

/// What the file at `path` is, so that it can be signed.
fn subject(path: &Path) -> Result<Subject, Error> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(PackError::io("read", path))?;
    file.take(ZSTD.len() as u64).read_to_end(&mut start).map_err(PackError::io("read", path))?;
    if start == ZSTD {
        let file = File::open(path).map_err(PackError::io("read", path))?;
        let described = archive::describe(file, &Limits::default());
        let manifest = described.map_err(|error| error.of_archive(path))?.manifest;
        return Ok(Subject::Pack { name: manifest.name, version: manifest.version });
    }
    let bytes = fs::read(path).map_err(PackError::io("read", path))?;
    let index = serde_json::from_slice::<PackIndex>(&bytes).map_err(|error| {
        let message = format!("`{}` is neither a pack nor an index: {error}", path.display());
        let help = "`olive plugin pack` makes packs, `olive plugin index build` indexes";
        refused("pack-sign", message, help)
    })?;
    if index.format != FORMAT {
        let message = format!(
            "index `{}` has format {}, and this Olive signs format {FORMAT}",
            path.display(),
            index.format
        );
        return Err(refused("pack-format", message, "make it with this Olive"));
    }
    Ok(Subject::Index { name: index.name, serial: index.serial })
}
