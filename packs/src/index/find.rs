//! Finding packs in the copies of the indexes.

use std::collections::BTreeMap;

use olive_schemas::pack::{ANY_TARGET, IndexEntry, PackName};
use semver::{Op, Version, VersionReq};

use super::{Found, Indexes};
use crate::PackError;
use crate::installed::Machine;
use crate::manifest::printable;

impl Indexes {
    /// The newest version of a pack that fits: `name` is `publisher/name`, or `name` alone when only
    /// one publisher has it. Versions that were taken back are left out unless `requirement` names
    /// one exactly.
    ///
    /// # Errors
    /// When there is none, several publishers have the name, or no version fits this machine; each
    /// says what there is instead.
    pub fn find(
        &self,
        name: &str,
        requirement: &VersionReq,
        machine: &Machine,
    ) -> Result<Found, PackError> {
        let all = self.entries();
        let named: Vec<Found> = all.iter().filter(|found| is_named(found, name)).cloned().collect();
        let Some(first) = named.first() else { return Err(self.absent(name, &all)) };
        let full = first.entry.name.clone();
        if named.iter().any(|found| found.entry.name != full) {
            return Err(ambiguous(name, &named));
        }
        choose(&full, &named, requirement, machine)
    }

    /// The newest version of every pack whose name, description or parts contain `text`, without
    /// regard to case.
    pub fn search(&self, text: &str) -> Vec<Found> {
        let text = text.to_lowercase();
        self.newest(|entry| {
            let IndexEntry { name, description, publisher, provides, .. } = entry;
            let parts = provides.lists().into_iter().flat_map(|(_, names)| names.iter().cloned());
            [name.to_string(), description.clone(), publisher.name.clone()]
                .into_iter()
                .chain(parts)
                .any(|part| part.to_lowercase().contains(&text))
        })
    }

    /// The newest version of every pack that provides a part of this kind and name, without regard
    /// to case; `kind` as in [`Provides::lists`](olive_schemas::pack::Provides::lists).
    pub fn providing(&self, kind: &str, part: &str) -> Vec<Found> {
        self.newest(|entry| {
            let lists = entry.provides.lists();
            let mut of_kind = lists.iter().filter(|(name, _)| *name == kind);
            of_kind.any(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(part)))
        })
    }

    /// All entries of all copies, those of an index together.
    fn entries(&self) -> Vec<Found> {
        let (copies, _) = self.copies();
        let found = copies.into_iter().flat_map(|(index, copy)| {
            copy.packs.into_iter().map(|entry| Found {
                index: index.name.clone(),
                index_url: index.url.clone(),
                entry,
            })
        });
        found.collect()
    }

    /// Of every pack the newest version that was not taken back, when it is as asked for.
    fn newest(&self, is_asked_for: impl Fn(&IndexEntry) -> bool) -> Vec<Found> {
        let mut newest: BTreeMap<PackName, Found> = BTreeMap::new();
        for found in self.entries().into_iter().filter(|found| found.entry.yanked.is_none()) {
            match newest.get(&found.entry.name) {
                Some(other) if rank(other) >= rank(&found) => {}
                _ => {
                    newest.insert(found.entry.name.clone(), found);
                }
            }
        }
        newest.into_values().filter(|found| is_asked_for(&found.entry)).collect()
    }

    fn absent(&self, name: &str, all: &[Found]) -> PackError {
        let name = printable(name);
        let (_, problems) = self.copies();
        let help = match (self.configured().is_empty(), problems.first()) {
            (true, _) => {
                "no index is known; `olive plugin index add URL --key KEY` adds one".to_owned()
            }
            (_, Some(problem)) => format!("not all indexes could be read: {problem}"),
            _ => match near(&name, all).as_slice() {
                [] => {
                    "`olive plugin search` lists what there is; `olive plugin index update` looks \
                       for news"
                        .to_owned()
                }
                near => format!("did you mean {}?", words(near, "or")),
            },
        };
        PackError::refused("pack-unknown", format!("no index has a pack `{name}`")).with_help(help)
    }
}

/// The newest of `entries`, all of the pack `name`, that fits.
fn choose(
    name: &PackName,
    entries: &[Found],
    requirement: &VersionReq,
    machine: &Machine,
) -> Result<Found, PackError> {
    let refused = |code, message: String| PackError::refused(code, message);

    let wanted = keep(entries, |entry| {
        Version::parse(&entry.version).is_ok_and(|version| requirement.matches(&version))
    });
    if wanted.is_empty() {
        let message = format!("no version of `{name}` is `{requirement}`");
        return Err(refused("pack-version", message)
            .with_help(format!("there are {}", words(&versions(entries), "and"))));
    }
    let offered = keep(&wanted, |entry| entry.yanked.is_none() || is_exact(requirement));
    if offered.is_empty() {
        let newest = wanted.iter().max_by_key(|found| rank(found));
        let IndexEntry { version, yanked, .. } = &newest.unwrap_or(&wanted[0]).entry;
        let reason = yanked.as_deref().unwrap_or_default();
        let message = format!("`{name}` {version} was taken back by its publisher: {reason}");
        return Err(refused("pack-yanked", message)
            .with_help(format!("`{name}@={version}` names it all the same")));
    }
    let for_target = keep(&offered, |entry| {
        entry.targets.iter().any(|target| *target == machine.target || target == ANY_TARGET)
    });
    if for_target.is_empty() {
        let mut targets: Vec<String> =
            offered.iter().flat_map(|found| found.entry.targets.clone()).collect();
        targets.sort();
        targets.dedup();
        let message = format!(
            "`{name}` has nothing for `{}`, only for {}",
            machine.target,
            words(&targets, "and")
        );
        return Err(refused("pack-target", message)
            .with_help("ask its publisher for a pack of this target"));
    }
    let fitting = keep(&for_target, |entry| {
        VersionReq::parse(&entry.api).is_ok_and(|range| range.matches(&machine.api))
    });
    let newest = |found: Vec<Found>| found.into_iter().max_by_key(rank);
    newest(fitting).ok_or_else(|| {
        let nearest = newest(for_target);
        let (version, api) =
            nearest.map(|found| (found.entry.version, found.entry.api)).unwrap_or_default();
        let message = format!(
            "`{name}` {version} is made for the plugin API `{api}`, and this program has {}",
            machine.api
        );
        refused("pack-api", message).with_help("take another version of Olive or of the pack")
    })
}

fn keep(entries: &[Found], is_kept: impl Fn(&IndexEntry) -> bool) -> Vec<Found> {
    entries.iter().filter(|found| is_kept(&found.entry)).cloned().collect()
}

fn is_named(found: &Found, name: &str) -> bool {
    let full = &found.entry.name;
    if name.contains('/') { full.to_string() == name } else { full.short() == name }
}

/// Whether only one version will do.
fn is_exact(requirement: &VersionReq) -> bool {
    let is_one =
        |comparator: &semver::Comparator| comparator.op == Op::Exact && comparator.patch.is_some();
    matches!(requirement.comparators.as_slice(), [only] if is_one(only))
}

fn rank(found: &Found) -> Option<Version> {
    Version::parse(&found.entry.version).ok()
}

fn versions(entries: &[Found]) -> Vec<String> {
    let mut versions: Vec<Version> = entries.iter().filter_map(rank).collect();
    versions.sort();
    versions.dedup();
    versions.iter().rev().map(ToString::to_string).collect()
}

fn ambiguous(name: &str, named: &[Found]) -> PackError {
    let mut names: Vec<String> = named.iter().map(|found| found.entry.name.to_string()).collect();
    names.sort();
    names.dedup();
    let message = format!("{} publishers have a pack `{name}`", names.len());
    PackError::refused("pack-ambiguous", message)
        .with_help(format!("name one of them: {}", words(&names, "or")))
}

/// Names that `name` is likely a slip of.
fn near(name: &str, all: &[Found]) -> Vec<String> {
    let limit = 1 + name.len() / 4;
    let mut near: Vec<(usize, String)> = all
        .iter()
        .map(|found| {
            let full = found.entry.name.to_string();
            let short = strsim::damerau_levenshtein(name, found.entry.name.short());
            (short.min(strsim::damerau_levenshtein(name, &full)), full)
        })
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// `` `a`, `b` and `c` ``.
fn words(names: &[String], last_word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("{} {last_word} {last}", others.join(", "))
        }
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests;
