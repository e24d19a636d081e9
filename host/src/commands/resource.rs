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
use crate::cli::resources::{self, CREATE};
use crate::cli::{CommonArgs, Level};
use crate::engine;
use crate::error::Error;
use crate::host::Host;
use crate::plugin::process::Supervision;
use crate::plugin::{Catalog, InstalledPlugin};
use crate::view::{Mode, View};

/// Runs the command of `unknown`, when a plugin has announced it; tells whether output is for
/// programs. Else the program ends with the error of the command line.
pub(super) fn run(unknown: Unknown) -> (bool, Result<(), Error>) {
    let Unknown { words, error } = unknown;
    let common = CommonArgs { plugin_dir: plugin_dirs(&words), json: false, log_level: None };
    let host = match host_in(&common, Path::new(".")) {
        Ok(host) => host,
        Err(problem) if !common.plugin_dir.is_empty() => return (false, Err(problem)),
        // Most likely the word is a slip.
        Err(_) => error.exit(),
    };
    let has_word = |resource: &ResourceDescriptor| {
        let first = resource.name.split_whitespace().next();
        words.iter().skip(1).any(|word| first.is_some_and(|first| word == first))
    };
    if !known(&host.catalog).any(|(_, _, resource)| has_word(resource)) {
        error.exit();
    }
    let command = resources::command(known(&host.catalog).map(|(_, _, resource)| resource));
    let matches = command.try_get_matches_from(&words).unwrap_or_else(|error| error.exit());
    change(host, &matches)
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
    let told = path.split_last().and_then(|(action, words)| {
        let name = words.join(" ");
        let found = known(&host.catalog).find(|(_, _, resource)| resource.name == name)?;
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
    action: &str,
    matches: &ArgMatches,
) -> Result<String, PluginError> {
    let name = resource.name.clone();
    let call = if action == CREATE {
        let settings = resources::settings(&resource.create, matches);
        SystemCall::Create { resource: name, settings }
    } else {
        let settings = resources::settings(&resource.delete, matches);
        SystemCall::Delete { resource: name, settings }
    };
    let mode = if host.is_json { Mode::Json } else { Mode::Lines };
    let view = View::new(mode, host.log_level.unwrap_or(LogLevel::Info));
    let on_event = |event: StepEvent| view.event(&event);
    let is_cancelled = || host.cancel.is_cancelled();
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    engine::change_resource(&plugin.callee(), system, call, &supervision)
}
