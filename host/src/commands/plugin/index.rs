//! `olive plugin index`.

mod build;
mod fetch;
pub(super) mod update;

use std::path;

use olive_packs::PackError;
use olive_packs::index::{Configured, Indexes, PROGRAM};
use olive_packs::signature::PublicKey;
use olive_schemas::pack::PackIndex;
use serde_json::json;

use super::super::say;
use super::changing::{self, Line};
use super::trust::key_of;
use crate::cli::packs::{IndexAddArgs, IndexCommand, IndexListArgs, IndexRemoveArgs};
use crate::error::Error;
use crate::plugin::packs;
use crate::render::plain;

/// What to do when there is no index.
const HOW_TO_ADD: &str = "no index is known; `olive plugin index add URL --key KEY` adds one\n";

/// Adds, lists, removes, refreshes and builds indexes.
pub(super) fn run(command: &IndexCommand) -> Result<(), Error> {
    match command {
        IndexCommand::Add(args) => add(args),
        IndexCommand::List(args) => list(args),
        IndexCommand::Remove(args) => remove(args),
        IndexCommand::Update(args) => update(args),
        IndexCommand::Build(args) => build::run(args),
    }
}

fn add(args: &IndexAddArgs) -> Result<(), Error> {
    let key = key_of(&args.key)?;
    let url = if args.url.contains("://") {
        args.url.clone()
    } else {
        path::absolute(&args.url).map_err(PackError::io("find", &args.url))?.display().to_string()
    };
    let fetched = fetch::fetch(&url)?;
    let mut indexes = packs::indexes()?;
    let name = indexes.add(&url, &key, &fetched.content, &fetched.signature)?;
    let copy = copies(&indexes).into_iter().find(|(index, _)| index.name == name);
    let size = copy.and_then(|(_, copy)| copy.ok()).map(|copy| size(&copy)).unwrap_or_default();
    say(&format!("added index {name}: {size}, signed by key {}\n", key.id()));
    Ok(())
}

fn list(args: &IndexListArgs) -> Result<(), Error> {
    let indexes = packs::indexes()?;
    if indexes.configured().is_empty() && !args.json {
        say(HOW_TO_ADD);
        return Ok(());
    }
    let width = indexes.configured().iter().map(|index| index.name.len()).max();
    let lines = copies(&indexes).into_iter().map(|(index, copy)| line(index, &copy, width));
    say(&changing::text(lines, args.json));
    Ok(())
}

fn line(index: &Configured, copy: &Result<PackIndex, PackError>, width: Option<usize>) -> Line {
    let Configured { name, url, key } = index;
    let id = PublicKey::parse(key).map(|key| key.id()).ok();
    let about = match copy {
        Ok(copy) => size(copy),
        Err(problem) => format!("not usable: {problem}"),
    };
    let signed = id.as_ref().map_or("nobody".to_owned(), |id| format!("key {id}"));
    let width = width.unwrap_or_default();
    let copied = copy.as_ref().ok();
    Line {
        text: format!("{name:width$}  {about}\n  {}\n  signed by {signed}", plain(url)),
        json: json!({
            "event": "index",
            "name": name,
            "url": url,
            "key": id,
            "serial": copied.map(|copy| copy.serial),
            "packs": copied.map(|copy| copy.packs.len()),
            "problem": copy.as_ref().err().map(ToString::to_string),
        }),
    }
}

fn remove(args: &IndexRemoveArgs) -> Result<(), Error> {
    packs::indexes()?.remove(&args.name)?;
    say(&format!("removed index {}\n", args.name));
    Ok(())
}

fn update(args: &IndexListArgs) -> Result<(), Error> {
    let mut indexes = packs::indexes()?;
    if indexes.configured().iter().all(|index| index.name == PROGRAM) && !args.json {
        say(HOW_TO_ADD);
        return Ok(());
    }
    let (lines, failed) = update::all(&mut indexes, args.json);
    say(&changing::text(lines, args.json));
    failed.map_or(Ok(()), Err)
}

/// Every index with its last copy.
fn copies(indexes: &Indexes) -> Vec<(&Configured, Result<PackIndex, PackError>)> {
    indexes.configured().iter().map(|index| (index, indexes.copy_of(index))).collect()
}

/// What an index holds, in words.
fn size(index: &PackIndex) -> String {
    let count = index.packs.len();
    let packs = if count == 1 { "version of a pack" } else { "versions of packs" };
    format!("{count} {packs}, serial number {}", index.serial)
}
