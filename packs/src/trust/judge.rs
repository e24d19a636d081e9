//! The decision about a pack.

use std::fs::File;
use std::path::Path;

use olive_schemas::pack::{PackManifest, Signer};

use super::{Trust, TrustedKey};
use crate::PackError;
use crate::signature::{PublicKey, SUFFIX, Signature, Subject};

/// What the user allows in one command.
pub struct Policy<'a> {
    /// Asked when a publisher has no trusted key yet; says whether to trust this one.
    pub trust_on_first_use: &'a dyn Fn(&PackManifest, &PublicKey) -> Result<bool, PackError>,
    /// Whether a pack without signature is taken.
    pub allow_unsigned: bool,
}

/// What came of looking at a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Who vouches for the pack.
    pub signer: Signer,
    /// A key to trust from now on, as the user agreed.
    pub new_key: Option<PublicKey>,
}

impl Trust {
    /// Decides about the pack in `archive`, before anything of it but its manifest is read: the
    /// signature is of a key that is trusted for the publisher, is about this name and version, and
    /// fits the archive's bytes.
    ///
    /// # Errors
    /// One sentence about what is not so, with the ids of keys.
    pub fn judge(
        &self,
        archive: &Path,
        manifest: &PackManifest,
        signature: Option<&Signature>,
        policy: &Policy<'_>,
    ) -> Result<Verdict, PackError> {
        let Some(signature) = signature else {
            let verdict = Verdict { signer: Signer::Unsigned, new_key: None };
            return policy.allow_unsigned.then_some(verdict).ok_or_else(|| unsigned(archive));
        };
        let publisher = manifest.name.publisher();
        let id = signature.key_id();
        if self.is_revoked(&id) {
            return Err(revoked(&id, publisher));
        }
        check_subject(archive, manifest, signature)?;
        let key = self.key_for(publisher, signature.key())?;
        let file = File::open(archive).map_err(PackError::io("read", archive))?;
        signature.verify(file, key.unwrap_or(signature.key()))?;

        let is_new = key.is_none();
        if is_new && !(policy.trust_on_first_use)(manifest, signature.key())? {
            return Err(untrusted(manifest, &id));
        }
        let new_key = is_new.then(|| signature.key().clone());
        Ok(Verdict { signer: Signer::Key(id), new_key })
    }

    /// `key`, when it is trusted for `publisher`; none when nothing is known of either.
    fn key_for<'k>(
        &self,
        publisher: &str,
        key: &'k PublicKey,
    ) -> Result<Option<&'k PublicKey>, PackError> {
        let id = key.id();
        if let Some((owner, known)) = self.owner_of(&id) {
            return check_known(key, publisher, owner, known).map(|()| Some(key));
        }
        let known = self.keys_of(publisher);
        let once = self.revoked.iter().filter(|revoked| revoked.publisher == publisher);
        if !known.is_empty() {
            return Err(changed(&id, publisher, known));
        }
        let once: Vec<&str> = once.map(|revoked| revoked.id.as_str()).collect();
        if !once.is_empty() {
            let message = format!(
                "the pack is signed with key {id}, which is not trusted, and {} of `{publisher}`, \
                 which was, is no longer",
                keys(&once)
            );
            return Err(
                PackError::refused("pack-key-changed", message).with_help(how_to(publisher))
            );
        }
        Ok(None)
    }
}

/// The key with this id is trusted no longer.
pub(super) fn revoked(id: &str, publisher: &str) -> PackError {
    let message = format!("key {id} of `{publisher}` is trusted no longer");
    PackError::refused("pack-key-revoked", message)
        .with_help(format!("when that was a mistake: `olive plugin trust add {publisher} KEYFILE`"))
}

/// Checks that `key` is the `known` one of its id, and that its `owner` is `publisher`.
pub(super) fn check_known(
    key: &PublicKey,
    publisher: &str,
    owner: &str,
    known: &TrustedKey,
) -> Result<(), PackError> {
    let id = key.id();
    if owner != publisher {
        let message =
            format!("key {id} is trusted for packs of `{owner}`, and not for `{publisher}`");
        return Err(PackError::refused("pack-key-of-another", message).with_help(format!(
            "a key is of one publisher: ask `{publisher}` for its own, or, when `{owner}` was a \
                 mistake, `olive plugin trust remove {owner}` first"
        )));
    }
    if known.key != key.to_base64() {
        let message = format!(
            "this is not the key {id} that is trusted for `{publisher}`, but another with its id"
        );
        return Err(PackError::refused("pack-key-changed", message)
            .with_help(format!("somebody has copied the id; tell `{publisher}`")));
    }
    Ok(())
}

fn unsigned(archive: &Path) -> PackError {
    let message = format!("nobody has signed `{}`", archive.display());
    let name = archive.file_name().unwrap_or_default().display();
    PackError::refused("pack-unsigned", message).with_help(format!(
        "its signature would be `{name}{SUFFIX}`; `--allow-unsigned` installs it without, and the \
         store and `olive.lock` say so"
    ))
}

fn untrusted(manifest: &PackManifest, id: &str) -> PackError {
    let (name, publisher) = (&manifest.name, manifest.name.publisher());
    let message = format!(
        "`{name}` {} is signed with key {id}, and no key of `{publisher}` is trusted yet",
        manifest.version
    );
    PackError::refused("pack-untrusted", message)
        .with_help(format!("{}, or pass `--trust-on-first-use`", how_to(publisher)))
}

fn changed(id: &str, publisher: &str, known: &[TrustedKey]) -> PackError {
    let known = keys(&known.iter().map(|key| key.id.as_str()).collect::<Vec<_>>());
    let message =
        format!("the pack is signed with key {id}, and `{publisher}` is trusted with {known}");
    PackError::refused("pack-key-changed", message).with_help(how_to(publisher))
}

fn check_subject(
    archive: &Path,
    manifest: &PackManifest,
    signature: &Signature,
) -> Result<(), PackError> {
    let PackManifest { name, version, .. } = manifest;
    let own = Subject::Pack { name: name.clone(), version: version.clone() };
    if *signature.subject() == own {
        return Ok(());
    }
    let message = format!(
        "the signature of `{}` is about {}, and the file is {own}",
        archive.display(),
        signature.subject()
    );
    Err(PackError::refused("pack-signature-swapped", message)
        .with_help("get the pack and its signature from the same place"))
}

fn how_to(publisher: &str) -> String {
    format!(
        "compare the id with what `{publisher}` publishes, then `olive plugin trust add \
         {publisher} KEYFILE`"
    )
}

fn keys(ids: &[&str]) -> String {
    format!("{} {}", if ids.len() == 1 { "key" } else { "keys" }, ids.join(", "))
}
