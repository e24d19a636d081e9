//! `olive cache`.

use std::path::PathBuf;

use serde_json::json;

use super::{absolute, say};
use crate::cli::{CacheArgs, CacheCommand, CleanArgs};
use crate::config::{self, Node, upgrade};
use crate::error::Error;
use crate::host::refused;
use crate::plugin::Catalog;
use crate::store::{Damaged, Store, StoredStep, Unfinished};
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
    let (steps, damaged, unfinished) = (store.list()?, store.damaged()?, store.unfinished()?);
    let mut lines: Vec<String> = if args.json {
        let done = steps.iter().map(|(step, size)| json_line(step, *size, &store.lent(&step.key)));
        let others = damaged.iter().map(json_line_damaged);
        done.chain(others).chain(unfinished.iter().map(json_line_unfinished)).collect()
    } else {
        let done = steps.iter().map(|(step, size)| text_line(step, *size, &store.lent(&step.key)));
        let others = damaged.iter().map(text_line_damaged);
        done.chain(others).chain(unfinished.iter().map(text_line_unfinished)).collect()
    };
    if !args.json {
        let sizes = steps.iter().map(|(_, size)| *size);
        let others = damaged.iter().map(|step| step.size_bytes);
        let begun = unfinished.iter().map(|step| step.size_bytes);
        let sum = sizes.chain(others).chain(begun).sum::<u64>();
        let count = counts(steps.len(), damaged.len(), unfinished.len());
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

fn text_line_damaged(step: &Damaged) -> String {
    let size = bytes(step.size_bytes as f64);
    let Damaged { key, name, .. } = step;
    format!("{}  {size:>10}  {name}  (not whole: made anew when it is wanted)", key.short())
}

fn json_line_damaged(step: &Damaged) -> String {
    let Damaged { key, name, size_bytes } = step;
    let line = json!({
        "key": key,
        "name": name,
        "size_bytes": size_bytes,
        "is_complete": false,
        "is_damaged": true,
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
fn counts(steps: usize, damaged: usize, unfinished: usize) -> String {
    let others = [(damaged, "damaged step"), (unfinished, "unfinished step")];
    let others = others.into_iter().filter(|(number, _)| *number > 0);
    let words = std::iter::once((steps, "step")).chain(others);
    words.map(|(number, word)| count(number, word)).collect::<Vec<_>>().join(", ")
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
