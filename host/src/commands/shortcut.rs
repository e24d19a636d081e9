//! Commands that write a config of their arguments, and run it as any other.

mod input;
mod data;
mod accelerator;
mod metrics;
mod choose;
mod finetune;
mod quantize;
mod convert;
mod run_pass;
mod benchmark;
mod optimize;
mod auto;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::schema::{pretty, write};
use super::{folder_of, host, plan, say, threads};
use crate::cli;
use crate::cli::shortcuts::common::ShortcutArgs;
use crate::config::source::Format;
use crate::config::{Scope, Source, language};
use crate::error::Error;
use crate::flow;
use crate::host::Host;
use crate::plan::{Choices, Purpose};
use crate::shortcut::text::text;
use crate::shortcut::{Draft, Trace, Typed};

pub(super) use auto::run as auto;
pub(super) use benchmark::run as benchmark;
pub(super) use convert::run as convert;
pub(super) use finetune::run as finetune;
pub(super) use optimize::run as optimize;
pub(super) use quantize::run as quantize;
pub(super) use run_pass::{find, run as run_pass};

/// The config's schema, from the config's folder.
const SCHEMA: &str = ".olive/config.schema.json";
/// What steps make, unless a config says otherwise.
const CACHE: &str = ".olive-cache";

/// A command that is about to write its config.
struct Begun<'a> {
    args: &'a ShortcutArgs,
    host: Host,
    draft: Draft,
}

impl<'a> Begun<'a> {
    /// Looks for plugins, and begins a config for the folder of `--save-config`.
    fn new(args: &'a ShortcutArgs) -> Result<Self, Error> {
        if let Some(path) = &args.save_config {
            format(path)?;
        }
        let host = host(&args.common)?;
        let folder = args.save_config.as_deref().map_or(Path::new("."), folder_of);
        let mut draft = Draft::new(folder);
        if args.save_config.is_some() {
            draft.put("/$schema", SCHEMA);
        }
        Ok(Self { args, host, draft })
    }

    /// The config as a text whose findings are told with the arguments that caused them; it is
    /// written to a file where that is asked for. `folder` is for the result unless one is named.
    fn write(&mut self, name: &str, folder: &str) -> Result<Source, Error> {
        let output = self.args.output_path.as_deref().unwrap_or(Path::new(folder));
        self.draft.put_from("output_path", "/engine/output_dir", self.draft.path(output));
        let cache = self.draft.path(Path::new(CACHE));
        if cache != CACHE {
            self.draft.put("/engine/cache_dir", cache);
        }
        let unsaved = format!("olive-{name}.json");
        let path = self.args.save_config.clone().unwrap_or_else(|| unsaved.into());
        let source = Source { text: text(&self.draft.config(), format(&path)?), path };
        if self.args.save_config.is_some() {
            save(&self.host, &source)?;
        }
        let typed = Typed::of(&words(), &cli::line::command());
        self.host.trace = Some(Trace::new(&self.draft, typed, &source));
        Ok(source)
    }

    /// Writes the config, and runs it or shows what it is.
    fn finish(mut self, name: &str, folder: &str) -> Result<(), Error> {
        let source = self.write(name, folder)?;
        let choices = choices(self.args);
        if self.args.dry_run {
            return self.show(source, &choices);
        }
        let ended = flow::run_text(&self.host, source, &choices);
        ended.map(|_| ()).map_err(|error| self.traced(error))
    }

    /// Prints the config, and tells what is wrong with it or else its plan.
    fn show(&self, source: Source, choices: &Choices) -> Result<(), Error> {
        say(&source.text);
        // Whoever does not listen to the plan has the config.
        let tell = |plan: &str| drop(io::stderr().write_all(plan.as_bytes()));
        let shown = flow::accept_text(&self.host, source, Scope::run(None))
            .and_then(|accepted| plan::show(&self.host, &accepted, choices, &tell));
        shown.map_err(|error| self.traced(error))
    }

    /// `error`, told of the command line.
    fn traced(&self, error: Error) -> Error {
        match &self.host.trace {
            Some(trace) => trace.error(error),
            None => error,
        }
    }
}

/// What the command line decides beside the config.
fn choices(args: &ShortcutArgs) -> Choices {
    Choices {
        model: None,
        output_dir: None,
        threads: threads(&args.threads),
        threads_elsewhere: threads(&args.threads),
        purpose: Purpose::Run,
        is_forced: args.force,
    }
}

/// The language that the suffix of `path` names.
fn format(path: &Path) -> Result<Format, Error> {
    match Format::of(path) {
        Some(Format::Markdown) | None => Err(Error::Usage(format!(
            "`{}` names no language of configs: end it in `.json`, `.yaml` or `.yml`",
            path.display()
        ))),
        Some(format) => Ok(format),
    }
}

/// Writes the config and the schema beside it; another config that is there stays.
fn save(host: &Host, source: &Source) -> Result<(), Error> {
    let path = &source.path;
    match fs::read_to_string(path) {
        Ok(text) if text == source.text => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        _ => {
            let message = format!("`{}` is there already: nothing was written", path.display());
            return Err(Error::Usage(message));
        }
    }
    write(&folder_of(path).join(SCHEMA), &pretty(&language::schema(&host.catalog)))?;
    write(path, &source.text)
}

/// The command line, word by word.
fn words() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// A setting as the command line writes it: JSON, or else text.
fn setting(text: &str) -> Value {
    match text {
        "True" => true.into(),
        "False" => false.into(),
        "None" => Value::Null,
        _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

/// `KEY=VALUE` in its two parts.
fn key_and_value(text: &str) -> Result<(&str, Value), Error> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| Error::Usage(format!("`{text}` is no setting: write KEY=VALUE")))?;
    Ok((key, setting(value)))
}
