//! What people and programs are told after an installation.

use std::time::Duration;

use olive_packs::store::ActivePack;
use olive_schemas::pack::{PackManifest, Signer};
use serde_json::{Value, json};

use super::contents;
use crate::install::{Outcome, Taken};
use crate::units;

/// The text of `outcome`, or one JSON object a line.
pub(in crate::commands::plugin) fn outcome(
    outcome: &Outcome,
    is_dry_run: bool,
    is_json: bool,
) -> String {
    let lines = if is_json {
        json(outcome, is_dry_run).iter().map(ToString::to_string).collect()
    } else {
        text(outcome, is_dry_run)
    };
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// `signed by key ABCD…`, `not signed`.
pub(in crate::commands::plugin) fn signer(signer: &Signer) -> String {
    match signer {
        Signer::Key(id) => format!("signed by key {id}"),
        Signer::Unsigned => "not signed".to_owned(),
    }
}

/// What became of a pack that was asked for.
enum Fate<'a> {
    Added,
    Changed(&'a ActivePack),
    Unchanged,
}

fn fate<'a>(outcome: &'a Outcome, taken: &Taken) -> Fate<'a> {
    let change = &outcome.change;
    let name = &taken.active.name;
    if let Some((from, _)) = change.changed.iter().find(|(_, to)| to.name == *name) {
        Fate::Changed(from)
    } else if change.added.iter().any(|pack| pack.name == *name) {
        Fate::Added
    } else {
        Fate::Unchanged
    }
}

fn text(outcome: &Outcome, is_dry_run: bool) -> Vec<String> {
    let (installed, removed) =
        if is_dry_run { ("would install", "would remove") } else { ("installed", "removed") };
    let mut lines = Vec::new();
    for taken in &outcome.taken {
        let Taken { active, manifest, folder, .. } = taken;
        let title = format!("{} {}", active.name, active.version);
        let by = signer(&active.signer);
        let time = if is_dry_run { String::new() } else { time(taken.time) };
        match fate(outcome, taken) {
            Fate::Unchanged => {
                lines.push(format!("{title} is there already ({by})"));
                continue;
            }
            Fate::Added => lines.push(format!("{installed} {title} ({by}){time}")),
            Fate::Changed(from) => {
                lines.push(format!("{installed} {title}, was {} ({by}){time}", from.version));
            }
        }
        let parts = contents::parts(manifest, folder);
        lines.extend(parts.iter().map(|part| format!("  {}", contents::line(part))));
        let replaced = outcome.change.removed.iter().filter(|pack| replaces(manifest, pack));
        lines.extend(replaced.map(|pack| format!("  replaces   {} {}", pack.name, pack.version)));
    }
    let gone = outcome.change.removed.iter().filter(|pack| !is_replaced(outcome, pack));
    lines.extend(gone.map(|pack| format!("{removed} {} {}", pack.name, pack.version)));
    let trusts = if is_dry_run { "would trust" } else { "trusts from now on" };
    lines.extend(
        outcome.new_keys.iter().map(|(publisher, id)| format!("{trusts} key {id} of {publisher}")),
    );
    lines.extend(outcome.lock_file.iter().map(|path| format!("wrote {}", path.display())));
    lines
}

fn json(outcome: &Outcome, is_dry_run: bool) -> Vec<Value> {
    let mut lines = Vec::new();
    for taken in &outcome.taken {
        let (event, was) = match fate(outcome, taken) {
            Fate::Added => ("installed", None),
            Fate::Changed(from) => ("installed", Some(from.version.as_str())),
            Fate::Unchanged => ("unchanged", None),
        };
        let mut line = pack(event, &taken.active, is_dry_run);
        let parts = contents::parts(&taken.manifest, &taken.folder);
        let parts: Vec<Value> = parts.iter().map(contents::json).collect();
        let more = json!({"was": was, "provides": parts, "seconds": taken.time.as_secs_f64()});
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        lines.push(line);
    }
    let removed = outcome.change.removed.iter();
    lines.extend(removed.map(|removed| pack("removed", removed, is_dry_run)));
    lines.extend(outcome.new_keys.iter().map(|(publisher, id)| {
        json!({"event": "trusted", "publisher": publisher, "key": id, "dry_run": is_dry_run})
    }));
    lines.extend(outcome.lock_file.iter().map(|path| json!({"event": "locked", "path": path})));
    lines
}

/// What became of one pack.
pub(in crate::commands::plugin) fn pack(event: &str, pack: &ActivePack, is_dry_run: bool) -> Value {
    let ActivePack { name, version, source, sha256, size, signer, .. } = pack;
    json!({
        "event": event,
        "name": name,
        "version": version,
        "source": source,
        "sha256": sha256,
        "size": size,
        "signer": signer,
        "dry_run": is_dry_run,
    })
}

fn replaces(manifest: &PackManifest, pack: &ActivePack) -> bool {
    manifest.replaces.contains(&pack.name)
}

fn is_replaced(outcome: &Outcome, pack: &ActivePack) -> bool {
    outcome.taken.iter().any(|taken| replaces(&taken.manifest, pack))
}

fn time(time: Duration) -> String {
    format!(" in {}", units::duration(time.as_secs_f64()))
}
