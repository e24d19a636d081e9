//! No flag is accepted and ignored: each has a help text, and code that reads it.
//!
//! Which struct has which field, and who reads it, is told by the sources: a field counts as read
//! where a file that names its struct reads it, or by way of the field that holds the struct. What a
//! flag does is held by the tests of its command.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};

use super::Cli;

/// Flags that can only say what is done anyway.
const ONE_MEANING: [&str; 1] = ["LspArgs.stdio"];

#[test]
fn every_flag_is_explained() {
    let mut silent = Vec::new();
    each_command(&Cli::command(), "", &mut |path, command| {
        if command.get_about().is_none() {
            silent.push(path.to_owned());
        }
        for argument in command.get_arguments() {
            if argument.get_help().is_none_or(|help| help.to_string().is_empty()) {
                silent.push(format!("{path} {}", argument.get_id()));
            }
        }
    });
    assert!(silent.is_empty(), "without a word of help: {silent:#?}");
}

#[test]
fn every_flag_is_read() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let is_definition = |path: &Path| path.iter().any(|part| part == "cli" || part == "cli.rs");
    let (definitions, others): (Vec<_>, Vec<_>) =
        sources.iter().partition(|(path, _)| is_definition(path));
    let mut known: BTreeMap<&str, Vec<Field<'_>>> = BTreeMap::new();
    for (_, text) in &definitions {
        for (name, fields) in structs(text) {
            known.entry(name).or_default().extend(fields);
        }
    }
    let fields: BTreeSet<&str> = known.values().flatten().map(|field| field.name).collect();
    let mut flags = BTreeSet::new();
    each_command(&Cli::command(), "", &mut |_, command| {
        flags.extend(command.get_arguments().map(|argument| argument.get_id().to_string()));
    });
    flags.retain(|flag| !["help", "version"].contains(&flag.as_str()));
    assert!(flags.len() > 60, "{flags:?}");
    let strange: Vec<_> = flags.iter().filter(|flag| !fields.contains(flag.as_str())).collect();
    assert!(strange.is_empty(), "flags of no struct: {strange:?}");

    let mut unread = Vec::new();
    for (name, fields) in &known {
        let variant = format!("::{}(", name.trim_end_matches("Args"));
        let own = definitions.iter().filter(|(_, text)| text.contains(&format!("impl {name} ")));
        let users =
            others.iter().filter(|(_, text)| text.contains(name) || text.contains(&variant));
        let readers: Vec<&str> = own.chain(users).map(|(_, text)| text.as_str()).collect();
        let holders = known.values().flatten().filter(|field| field.kind == *name);
        let holders: Vec<&str> = holders.map(|field| field.name).collect();
        for Field { name: field, .. } in fields {
            let is_read = readers.iter().any(|text| reads(text, field))
                || holders.iter().any(|holder| {
                    let path = format!("{holder}.{field}");
                    others.iter().any(|(_, text)| reads(text, &path))
                });
            if !is_read {
                unread.push(format!("{name}.{field}"));
            }
        }
    }
    unread.retain(|field| !ONE_MEANING.contains(&field.as_str()));
    assert!(unread.is_empty(), "accepted and ignored: {unread:#?}");
}

/// A public field of a struct.
struct Field<'a> {
    name: &'a str,
    kind: &'a str,
}

fn each_command(command: &Command, path: &str, visit: &mut dyn FnMut(&str, &Command)) {
    let path = format!("{path} {}", command.get_name());
    visit(&path, command);
    command.get_subcommands().for_each(|inner| each_command(inner, &path, visit));
}

/// Rust sources below `folder`, but the tests at their ends.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code =
                text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            found.push((path, code));
        }
    }
    found
}

/// Public structs of a source with their public fields.
fn structs(text: &str) -> Vec<(&str, Vec<Field<'_>>)> {
    let mut found: Vec<(&str, Vec<Field<'_>>)> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            found.push((rest.trim_end_matches(" {"), Vec::new()));
            is_inside = rest.ends_with('{');
        } else if line == "}" {
            is_inside = false;
        } else if let Some(field) = line.trim().strip_prefix("pub ")
            && let (true, Some((_, fields))) = (is_inside, found.last_mut())
        {
            let (name, kind) = field.split_once(": ").unwrap_or((field, ""));
            fields.push(Field { name, kind: kind.trim_end_matches(',') });
        }
    }
    found
}

/// Whether `text` reads `field` of something, or takes it out of a pattern.
fn reads(text: &str, field: &str) -> bool {
    let is_word =
        |rest: &str| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let after = |start: &str| {
        let mut places = text.match_indices(start);
        places.any(|(at, _)| is_word(&text[at + start.len()..]))
    };
    after(&format!(".{field}")) || after(&format!("{{ {field}")) || after(&format!(", {field}"))
}
