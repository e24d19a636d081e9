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
use crate::store::Store;

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
    let mut text = String::new();
    let mut sum = 0;
    for (step, size) in &steps {
        sum += size;
        if args.json {
            let line = json!({
                "key": step.key,
                "name": step.name,
                "plugin": step.record.plugin,
                "end_time": step.record.end_time,
                "size_bytes": size,
            });
            text.push_str(&format!("{line}\n"));
        } else {
            let size = bytes(*size as f64);
            let (key, time) = (step.key.short(), &step.record.end_time);
            text.push_str(&format!("{key}  {size:>10}  {time}  {}\n", step.name));
        }
    }
    if !args.json {
        let sum = bytes(sum as f64);
        text.push_str(&format!("{} steps, {sum} in `{}`\n", steps.len(), folder.display()));
    }
    say(&text);
    Ok(())
}

fn clean(args: &CacheArgs) -> Result<(), Error> {
    let folder = folder(args)?;
    let (count, size) = Store::new(&folder).clean()?;
    say(&if args.json {
        format!("{}\n", json!({"removed": count, "size_bytes": size}))
    } else {
        format!("removed {count} steps, {} from `{}`\n", bytes(size as f64), folder.display())
    });
    Ok(())
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
    let mut tree = config::parse(&source).map_err(refused(&source))?;
    upgrade::upgrade(&mut tree, &Catalog::default());
    let written = tree.get("engine").and_then(|engine| engine.get("cache_dir"));
    let default = olive_schemas::workflow::EngineConfig::default().cache_dir;
    let cache_dir = written.and_then(Node::as_str).map_or(default, str::to_owned);
    Ok(source.folder().join(cache_dir))
}
