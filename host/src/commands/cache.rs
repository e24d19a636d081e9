//! `olive cache`.

use std::path::PathBuf;

use serde_json::json;

use super::{absolute, say};
use crate::cli::{CacheArgs, CacheCommand, CleanArgs};
use crate::config::{self, Node, upgrade};
use crate::error::Error;
use crate::host::refused;
use crate::plugin::Catalog;
use crate::store::{Store, StoredStep, Unfinished};
use crate::units::bytes;

/// Runs the command; tells whether output is for programs.
pub(super) fn run(command: &CacheCommand) -> (bool, Result<(), Error>) {
    match command {
        CacheCommand::List(args) => (args.json, list(args)),
        CacheCommand::Clean(args) => (args.cache.json, clean(args)),
    }
}

fn list(args: &CacheArgs) -> Result<(), Error> {
    let folder = folder(args)?;
    let store = Store::new(&folder);
    let (steps, unfinished) = (store.list()?, store.unfinished()?);
    let mut lines: Vec<String> = if args.json {
        let done = steps.iter().map(|(step, size)| json_line(step, *size, &store.lent(&step.key)));
        done.chain(unfinished.iter().map(json_line_unfinished)).collect()
    } else {
        let done = steps.iter().map(|(step, size)| text_line(step, *size, &store.lent(&step.key)));
        done.chain(unfinished.iter().map(text_line_unfinished)).collect()
    };
    if !args.json {
        let sizes = steps.iter().map(|(_, size)| *size);
        let sum = sizes.chain(unfinished.iter().map(|step| step.size_bytes)).sum::<u64>();
        let count = counts(steps.len(), unfinished.len());
        lines.push(format!("{count}, {} in `{}`", bytes(sum as f64), folder.display()));
    }
    say(&lines.iter().map(|line| line.clone() + "\n").collect::<String>());
    Ok(())
}

fn text_line(step: &StoredStep, size: u64, lent: &[PathBuf]) -> String {
    let (key, time, size) = (step.key.short(), &step.record.end_time, bytes(size as f64));
    let lent: Vec<String> = lent.iter().map(|path| format!(", `{}`", path.display())).collect();
    format!("{key}  {size:>10}  {time}  {}{}", step.name, lent.concat())
}

fn json_line(step: &StoredStep, size: u64, lent: &[PathBuf]) -> String {
    let line = json!({
        "key": step.key,
        "name": step.name,
        "plugin": step.record.plugin,
        "end_time": step.record.end_time,
        "size_bytes": size,
        "lent": lent,
        "is_complete": true,
    });
    line.to_string()
}

fn text_line_unfinished(step: &Unfinished) -> String {
    let size = bytes(step.size_bytes as f64);
    let Unfinished { key, name, start_time, .. } = step;
    format!("{}  {size:>10}  {start_time}  {name}  (unfinished)", key.short())
}

fn json_line_unfinished(step: &Unfinished) -> String {
    let line = json!({
        "key": step.key,
        "name": step.name,
        "plugin": step.plugin,
        "start_time": step.start_time,
        "size_bytes": step.size_bytes,
        "is_complete": false,
    });
    line.to_string()
}

fn clean(args: &CleanArgs) -> Result<(), Error> {
    let folder = folder(&args.cache)?;
    let store = Store::new(&folder);
    let (removed, size) =
        if args.checkpoints { store.clean_checkpoints()? } else { store.clean()? };
    say(&if args.cache.json {
        format!("{}\n", json!({"removed": removed, "size_bytes": size}))
    } else {
        let word = if args.checkpoints { "unfinished step" } else { "step" };
        let count = count(removed, word);
        format!("removed {count}, {} from `{}`\n", bytes(size as f64), folder.display())
    });
    Ok(())
}

/// `2 steps, 1 unfinished step`.
fn counts(steps: usize, unfinished: usize) -> String {
    match unfinished {
        0 => count(steps, "step"),
        _ => format!("{}, {}", count(steps, "step"), count(unfinished, "unfinished step")),
    }
}

/// `1 step`, `2 steps`.
fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
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
    let Some(tree) = parsed.documents.into_iter().next() else {
        return Err(refused(&source)(parsed.findings));
    };
    let (upgraded, _) = upgrade(tree, &source, &Catalog::default());
    let written = upgraded.tree.get("engine").and_then(|engine| engine.get("cache_dir"));
    let default = olive_schemas::engine::EngineConfig::default().cache_dir;
    let cache_dir = written.and_then(Node::as_str).map_or(default, str::to_owned);
    Ok(source.folder().join(cache_dir))
}
