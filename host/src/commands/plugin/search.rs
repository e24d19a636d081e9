//! `olive plugin search`.

use std::collections::BTreeMap;

use olive_packs::index::Found;
use olive_schemas::pack::{ANY_TARGET, IndexEntry, PackName};
use serde_json::json;

use super::super::say;
use super::changing::{self, Line};
use super::index::update;
use crate::cli::packs::SearchArgs;
use crate::error::Error;
use crate::plugin::packs;
use crate::render::plain;

/// Finds packs in the indexes.
pub(super) fn run(args: &SearchArgs) -> Result<(), Error> {
    let mut indexes = packs::indexes()?;
    let failed = if args.refresh { update::all(&mut indexes, args.json).1 } else { None };
    let installed = installed();
    let found = indexes.search(&args.text);
    let (_, problems) = indexes.copies();

    let mut lines: Vec<Line> = found.iter().map(|found| line(found, &installed)).collect();
    if lines.is_empty() && !args.json {
        say(&nothing(args, indexes.configured().len()));
    }
    lines.extend(problems.iter().map(|problem| Line {
        text: format!("not usable: {problem}"),
        json: json!({"problem": problem.to_string()}),
    }));
    say(&changing::text(lines, args.json));
    failed.map_or(Ok(()), Err)
}

/// Versions of the packs that are active for this user.
fn installed() -> BTreeMap<PackName, String> {
    let stores = packs::stores(None);
    // A store that cannot be read is told by `olive plugin list`.
    let active = stores.iter().filter_map(|store| store.active().ok());
    let packs = active.flat_map(|active| active.packs);
    packs.map(|pack| (pack.name, pack.version)).collect()
}

fn line(found: &Found, installed: &BTreeMap<PackName, String>) -> Line {
    let IndexEntry { name, version, description, provides, targets, .. } = &found.entry;
    let is_for_us = targets.iter().any(|target| *target == packs::TARGET || target == ANY_TARGET);
    let installed = installed.get(name);
    let mark = match installed {
        Some(own) if own == version => "  installed".to_owned(),
        Some(own) => format!("  installed as {own}"),
        None if !is_for_us => "  not for this machine".to_owned(),
        None => String::new(),
    };
    let title = format!("{name}  {version}{mark}");
    let summary = format!("  {}", plain(description).replace('\n', " "));
    let lists = provides.lists();
    let parts = lists.iter().filter(|(_, names)| !names.is_empty());
    let parts = parts.map(|(kind, names)| format!("  {kind:9}  {}", names.join(", ")));
    let lines: Vec<String> = [title, summary].into_iter().chain(parts).collect();
    Line { text: lines.join("\n"), json: told(found, installed) }
}

fn told(found: &Found, installed: Option<&String>) -> serde_json::Value {
    let IndexEntry { name, version, publisher, license, description, homepage, .. } = &found.entry;
    let IndexEntry { api, targets, provides, sha256, size, .. } = &found.entry;
    json!({
        "event": "pack",
        "index": found.index,
        "name": name,
        "version": version,
        "installed": installed,
        "publisher": publisher,
        "license": license,
        "description": description,
        "homepage": homepage,
        "api": api,
        "targets": targets,
        "provides": provides,
        "source": found.location(),
        "sha256": sha256,
        "size": size,
    })
}

fn nothing(args: &SearchArgs, indexes: usize) -> String {
    match indexes {
        0 => "no index is known; `olive plugin index add URL --key KEY` adds one\n".to_owned(),
        _ if args.text.is_empty() => "the indexes list no pack\n".to_owned(),
        _ => format!("no pack in the indexes has `{}` in it\n", plain(&args.text)),
    }
}
