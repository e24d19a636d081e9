//! `olive cache`.

use std::path::PathBuf;

use serde_json::json;

use super::{absolute, say};
use crate::cli::{CacheArgs, CacheCommand};
use crate::config::{self, Node, upgrade};
use crate::error::Error;
use crate::host::refused;
use crate::plugin::Catalog;
use crate::report::figures::bytes;
use crate::store::{Store, StoredStep};

/// Runs the command; tells whether output is for programs.
pub(super) fn run(command: &CacheCommand) -> (bool, Result<(), Error>) {
    match command {
        CacheCommand::List(args) => (args.json, list(args)),
        CacheCommand::Clean(args) => (args.json, clean(args)),
    }
}

fn list(args: &CacheArgs) -> Result<(), Error> {
    let folder = folder(args)?;
    let steps = Store::new(&folder).list()?;
    let line = if args.json { json_line } else { text_line };
    let mut lines: Vec<String> = steps.iter().map(|(step, size)| line(step, *size)).collect();
    if !args.json {
        let sum = bytes(steps.iter().map(|(_, size)| size).sum::<u64>() as f64);
        lines.push(format!("{}, {sum} in `{}`", count(steps.len()), folder.display()));
    }
    say(&lines.iter().map(|line| line.clone() + "\n").collect::<String>());
    Ok(())
}

fn text_line(step: &StoredStep, size: u64) -> String {
    let (key, time, size) = (step.key.short(), &step.record.end_time, bytes(size as f64));
    format!("{key}  {size:>10}  {time}  {}", step.name)
}

fn json_line(step: &StoredStep, size: u64) -> String {
    let line = json!({
        "key": step.key,
        "name": step.name,
        "plugin": step.record.plugin,
        "end_time": step.record.end_time,
        "size_bytes": size,
    });
    line.to_string()
}

fn clean(args: &CacheArgs) -> Result<(), Error> {
    let folder = folder(args)?;
    let (removed, size) = Store::new(&folder).clean()?;
    say(&if args.json {
        format!("{}\n", json!({"removed": removed, "size_bytes": size}))
    } else {
        format!("removed {}, {} from `{}`\n", count(removed), bytes(size as f64), folder.display())
    });
    Ok(())
}

/// `1 step`, `2 steps`.
fn count(steps: usize) -> String {
    format!("{steps} step{}", if steps == 1 { "" } else { "s" })
}

/// The cache folder that is named, or that the config names.
fn folder(args: &CacheArgs) -> Result<PathBuf, Error> {
    if let Some(folder) = &args.cache_dir {
        return absolute(folder);
    }
    let Some(path) = &args.config else {
        return Err(Error::Usage("name a config file or a cache folder".into()));
    };
    let source = config::read(path)?;
    let parsed = config::parse(&source);
    let Some(mut tree) = parsed.documents.into_iter().next() else {
        return Err(refused(&source)(parsed.findings));
    };
    upgrade::upgrade(&mut tree, &Catalog::default());
    let written = tree.get("engine").and_then(|engine| engine.get("cache_dir"));
    let default = olive_schemas::engine::EngineConfig::default().cache_dir;
    let cache_dir = written.and_then(Node::as_str).map_or(default, str::to_owned);
    Ok(source.folder().join(cache_dir))
}
