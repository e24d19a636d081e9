//! `olive config`: reading and editing a config's text.

mod commit;
mod options;
mod upgrade;

use std::ffi::OsStr;
use std::path::{Component, Path as FilePath};

use serde_json::Value;

use super::{absolute, host_of, say};
use crate::cli::config::{
    AddDataArgs, AddPassArgs, ConfigCommand, GetArgs, RemovePassArgs, SetArgs, UnsetArgs, WriteArgs,
};
use crate::config::{self, Node, Source};
use crate::edit::{self, EditError, Edited, Language, NewData, NewPass, Path, Position};
use crate::error::Error;
use crate::host::refused;

/// Runs the command; tells whether output is for programs.
pub(super) fn run(command: &ConfigCommand) -> (bool, Result<(), Error>) {
    match command {
        ConfigCommand::Get(args) => (args.common.json, get(args)),
        ConfigCommand::Set(args) => (args.write.common.json, set(args)),
        ConfigCommand::Unset(args) => (args.write.common.json, unset(args)),
        ConfigCommand::AddPass(args) => (args.write.common.json, add_pass(args)),
        ConfigCommand::RemovePass(args) => (args.write.common.json, remove_pass(args)),
        ConfigCommand::AddData(args) => (args.write.common.json, add_data(args)),
        ConfigCommand::ListOptions(args) => (args.common.json, options::run(args)),
        ConfigCommand::Upgrade(args) => (args.common.json, upgrade::run(args)),
    }
}

fn get(args: &GetArgs) -> Result<(), Error> {
    let host = host_of(&args.common, &args.file)?;
    let (_, tree) = open(&args.file)?;
    let language = Language::new(&host.catalog);
    let node = match &args.path {
        Some(path) => edit::get(&tree, &language, &Path::parse(path)?)?,
        None => &tree,
    };
    let value = node.to_value();
    say(&if host.is_json { format!("{value}\n") } else { format!("{value:#}\n") });
    Ok(())
}

fn set(args: &SetArgs) -> Result<(), Error> {
    let path = Path::parse(&args.path)?;
    let value = if args.string { args.value.clone().into() } else { value(&args.value) };
    change(&args.file, &args.write, |source, tree, language| {
        edit::set(source, tree, language, &path, &value)
    })
}

fn unset(args: &UnsetArgs) -> Result<(), Error> {
    let path = Path::parse(&args.path)?;
    change(&args.file, &args.write, |source, tree, language| {
        edit::unset(source, tree, language, &path)
    })
}

fn add_pass(args: &AddPassArgs) -> Result<(), Error> {
    let mut settings = Vec::new();
    for setting in &args.set {
        let Some((key, text)) = setting.split_once('=') else {
            return Err(Error::Usage(format!("setting `{setting}` is not KEY=VALUE")));
        };
        settings.push((Path::parse(key)?, value(text)));
    }
    let position = match (&args.before, &args.after) {
        (Some(name), _) => Position::Before(name.clone()),
        (None, Some(name)) => Position::After(name.clone()),
        (None, None) => Position::Last,
    };
    let pass = NewPass { kind: args.kind.clone(), name: args.name.clone(), position, settings };
    change(&args.file, &args.write, |source, tree, language| {
        edit::add_pass(source, tree, language, &pass)
    })
}

fn remove_pass(args: &RemovePassArgs) -> Result<(), Error> {
    change(&args.file, &args.write, |source, tree, language| {
        edit::remove_pass(source, tree, language, &args.name)
    })
}

fn add_data(args: &AddDataArgs) -> Result<(), Error> {
    let mut files = Vec::new();
    for file in &args.data_files {
        files.push(from_config(file, &args.file)?);
    }
    let data = NewData { name: args.name.clone(), files, template: args.template.clone() };
    change(&args.file, &args.write, |source, tree, language| {
        edit::add_data(source, tree, language, &data)
    })
}

/// Reads a file, changes it as `edit` says, and brings the change where it is wanted.
fn change(
    path: &FilePath,
    args: &WriteArgs,
    edit: impl FnOnce(&Source, &Node, &Language<'_>) -> Result<Edited, EditError>,
) -> Result<(), Error> {
    let host = host_of(&args.common, path)?;
    let (source, tree) = open(path)?;
    let edited = edit(&source, &tree, &Language::new(&host.catalog))?;
    commit::commit(&host, &source, &edited, args)
}

/// The text of a config and its tree.
fn open(path: &FilePath) -> Result<(Source, Node), Error> {
    let source = config::read(path)?;
    let parsed = config::parse(&source);
    match parsed.documents.into_iter().next() {
        Some(tree) => Ok((source, tree)),
        None => Err(refused(&source)(parsed.findings)),
    }
}

/// A value of the command line: JSON, else a text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// The path of a data file as the config has to say it: relative paths start at its folder.
///
/// A path that leads nowhere from here is taken as the config's already.
fn from_config(file: &FilePath, config: &FilePath) -> Result<String, Error> {
    let (here, config) = (absolute(file)?, absolute(config)?);
    let folder_of = |path: &FilePath| path.parent().and_then(|folder| folder.canonicalize().ok());
    let (Some(files), Some(configs)) = (folder_of(&here), folder_of(&config)) else {
        return Ok(file.to_string_lossy().into_owned());
    };
    if file.is_absolute() || !here.exists() {
        return Ok(file.to_string_lossy().into_owned());
    }
    let num_common =
        files.components().zip(configs.components()).take_while(|(a, b)| a == b).count();
    let up = configs.components().skip(num_common).map(|_| OsStr::new(".."));
    let down = files.components().skip(num_common).map(Component::as_os_str);
    let parts: Vec<_> =
        up.chain(down).chain(here.file_name()).map(OsStr::to_string_lossy).collect();
    Ok(parts.join("/"))
}
