//! `olive plugin trust`.

use std::path::Path;

use olive_packs::PackError;
use olive_packs::signature::PublicKey;
use olive_packs::trust::{Trust, TrustedBy, TrustedKey};
use olive_schemas::pack::Signer;
use serde_json::json;

use super::super::say;
use super::changing::{self, Line};
use crate::cli::packs::{TrustAddArgs, TrustCommand, TrustListArgs, TrustRemoveArgs};
use crate::error::Error;
use crate::pack::public_key;
use crate::plugin::packs;

/// Adds, lists and removes keys of publishers.
pub(super) fn run(command: &TrustCommand) -> Result<(), Error> {
    match command {
        TrustCommand::Add(args) => add(args),
        TrustCommand::List(args) => list(args),
        TrustCommand::Remove(args) => remove(args),
    }
}

/// The public key that a word of the command line is: a key file, or a key.
pub(super) fn key_of(word: &str) -> Result<PublicKey, Error> {
    if Path::new(word).is_file() {
        return public_key(Path::new(word));
    }
    PublicKey::parse(word).map_err(|_| {
        let message = format!("`{}` is neither a file nor a public key", word.escape_debug());
        PackError::refused("pack-key", message)
            .with_help("name a minisign key file, or give its line that starts with `RW`")
            .into()
    })
}

fn add(args: &TrustAddArgs) -> Result<(), Error> {
    let TrustAddArgs { publisher, key } = args;
    let key = key_of(key)?;
    let mut trust = packs::trust()?;
    let is_new = !trust.is_trusted(publisher, &key.id());
    trust.add(publisher, &key, TrustedBy::User)?;

    let id = key.id();
    let verb = if is_new { "trusts from now on" } else { "trusts already" };
    let mut lines = vec![format!("{verb} key {id} for packs of {publisher}")];
    let keys = trust.publishers().iter().filter(|known| known.id == *publisher);
    for TrustedKey { id: other, .. } in keys.flat_map(|known| &known.keys) {
        if *other != id {
            lines.push(format!(
                "key {other} of {publisher} is trusted too, until `olive plugin trust remove \
                 {other}`"
            ));
        }
    }
    say(&(lines.join("\n") + "\n"));
    Ok(())
}

fn list(args: &TrustListArgs) -> Result<(), Error> {
    let lines = lines(&packs::trust()?);
    if lines.is_empty() && !args.json {
        say("no key is trusted; `olive plugin trust add PUBLISHER KEY` adds one\n");
        return Ok(());
    }
    say(&changing::text(lines, args.json));
    Ok(())
}

fn lines(trust: &Trust) -> Vec<Line> {
    let publishers = trust.publishers().iter().map(|publisher| publisher.id.as_str());
    let revoked = trust.revoked().iter().map(|revoked| revoked.publisher.as_str());
    let width = publishers.chain(revoked).map(str::len).max().unwrap_or_default();
    let mut lines = Vec::new();
    for publisher in trust.publishers() {
        lines.extend(publisher.keys.iter().map(|key| Line {
            text: format!("{:width$}  {}  {}", publisher.id, key.id, manner(key.by)),
            json: json!({
                "event": "trusted",
                "publisher": publisher.id,
                "key": key.id,
                "public_key": key.key,
                "by": key.by,
            }),
        }));
    }
    lines.extend(trust.revoked().iter().map(|revoked| Line {
        text: format!("{:width$}  {}  trusted no longer", revoked.publisher, revoked.id),
        json: json!({"event": "revoked", "publisher": revoked.publisher, "key": revoked.id}),
    }));
    lines
}

fn manner(by: TrustedBy) -> &'static str {
    match by {
        TrustedBy::User => "named by you",
        TrustedBy::FirstUse => "taken with its first pack",
        TrustedBy::Program => "came with the program",
    }
}

fn remove(args: &TrustRemoveArgs) -> Result<(), Error> {
    let gone = packs::trust()?.remove(&args.publisher_or_key)?;
    let mut lines: Vec<String> =
        gone.iter().map(|id| format!("key {id} is trusted no longer")).collect();
    let is_signed = |signer: &Signer| matches!(signer, Signer::Key(id) if gone.contains(id));
    for store in packs::stores(None) {
        // A store that cannot be read has no packs in use.
        let active = store.active().map(|active| active.packs).unwrap_or_default();
        for pack in active.iter().filter(|pack| is_signed(&pack.signer)) {
            lines.push(format!("{} {} is not used any more", pack.name, pack.version));
        }
    }
    say(&(lines.join("\n") + "\n"));
    Ok(())
}
