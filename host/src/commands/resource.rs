//! Commands that make and remove what systems run on, as plugins announce them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches};
use olive_schemas::descriptor::ResourceDescriptor;
use olive_schemas::error::PluginError;
use olive_schemas::step::{LogLevel, StepEvent};
use olive_schemas::system::SystemCall;
use serde_json::json;

use super::{host_in, say};
use crate::cli::line::Unknown;
use crate::cli::resources::{self, Action};
use crate::cli::{CommonArgs, Level};
use crate::engine;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::process::Supervision;
use crate::plugin::{Catalog, CatalogError, InstalledPlugin};
use crate::view::{Mode, View};

/// Runs the command of `unknown`, when a plugin has announced it; tells whether output is for
/// programs. Else the program ends with the error of the command line.
pub(super) fn run(unknown: Unknown) -> (bool, Result<(), Error>) {
    let Unknown { words, error } = unknown;
    let is_json = words.iter().any(|word| word == "--json");
    let common = CommonArgs { plugin_dir: plugin_dirs(&words), json: is_json, log_level: None };
    let host = match host_in(&common, Path::new(".")) {
        Ok(host) => host,
        Err(problem) if !common.plugin_dir.is_empty() => return (is_json, Err(problem)),
        // Most likely the word is a slip.
        Err(_) => error.exit(),
    };
    let has_word = |resource: &ResourceDescriptor| {
        words.iter().skip(1).any(|word| resources::first_words(resource).any(|first| word == first))
    };
    let named = || known(&host.catalog).filter(|(_, _, resource)| has_word(resource));
    if named().next().is_none() {
        error.exit();
    }
    if let Some(broken) = named().find_map(|(plugin, _, resource)| broken(plugin, resource)) {
        return (is_json, Err(broken.into()));
    }
    let sound = known(&host.catalog).map(|(_, _, resource)| resource);
    let command =
        resources::command(sound.filter(|resource| resources::problem(resource).is_none()));
    match command.try_get_matches_from(&words) {
        Ok(matches) => change(host, &matches),
        Err(error) if is_json && error.use_stderr() => (true, Err(Error::Usage(line(&error)))),
        Err(error) => error.exit(),
    }
}

/// The error of a `plugin` that asks for a command that `resource` cannot have.
fn broken(plugin: &InstalledPlugin, resource: &ResourceDescriptor) -> Option<CatalogError> {
    let error = PluginError::new("plugin-command", resources::problem(resource)?)
        .with_help("tell its author: `olive plugin test` finds it too");
    Some(CatalogError::Unusable { path: plugin.path.clone(), error })
}

/// What is wrong with a command line, in one line.
fn line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.trim_start_matches("error: ");
    let end = text.find("\n\n").unwrap_or(text.len());
    text[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every resource, with the plugin and the name of the system that has it.
fn known(catalog: &Catalog) -> impl Iterator<Item = (&InstalledPlugin, &str, &ResourceDescriptor)> {
    catalog.systems().flat_map(|(plugin, system)| {
        system.resources.iter().map(move |resource| (plugin, system.name.as_str(), resource))
    })
}

/// Folders of plugins that a command line names.
fn plugin_dirs(words: &[OsString]) -> Vec<PathBuf> {
    let mut words = words.iter().filter_map(|word| word.to_str());
    let mut folders = Vec::new();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some(("--plugin-dir", folder)) => folders.push(folder.into()),
            None if word == "--plugin-dir" => folders.extend(words.next().map(PathBuf::from)),
            _ => {}
        }
    }
    folders
}

fn change(mut host: Host, matches: &ArgMatches) -> (bool, Result<(), Error>) {
    let mut path = Vec::new();
    let mut matches = matches;
    while let Some((word, below)) = matches.subcommand() {
        path.push(word);
        matches = below;
    }
    let common = CommonArgs::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    host.is_json = common.json;
    host.log_level = common.log_level.map(Level::into);
    let title = path.join(" ");
    let told = known(&host.catalog).find_map(|found| {
        let action = resources::action(found.2, &path, matches)?;
        Some(ask(&host, found, action, matches))
    });
    let absent = || PluginError::new("unknown-entry", format!("no plugin has `{title}`"));
    let told = told.unwrap_or_else(|| Err(absent()));
    let told = told.map(|told| {
        let line =
            if host.is_json { json!({"event": "told", "text": told}).to_string() } else { told };
        say(&format!("{line}\n"));
    });
    (host.is_json, told.map_err(|error| Error::Step { title, error }))
}

fn ask(
    host: &Host,
    (plugin, system, resource): (&InstalledPlugin, &str, &ResourceDescriptor),
    action: Action,
    matches: &ArgMatches,
) -> Result<String, PluginError> {
    let name = resource.name.clone();
    let call = match action {
        Action::Create => {
            let settings = resources::settings(&resource.create, matches);
            SystemCall::Create { resource: name, settings }
        }
        Action::Delete => {
            let settings = resources::settings(&resource.delete, matches);
            SystemCall::Delete { resource: name, settings }
        }
    };
    let mode = if host.is_json { Mode::Json } else { Mode::Lines };
    let view = View::new(mode, host.log_level.unwrap_or(LogLevel::Info));
    let on_event = |event: StepEvent| view.event(&event);
    let is_cancelled = || host.cancel.is_cancelled();
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    engine::change_resource(&plugin.callee(), system, call, &supervision)
}
