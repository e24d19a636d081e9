//! `olive plugin rollback`.

use std::collections::BTreeMap;

use olive_packs::store::{ActivePack, Generation};
use olive_schemas::pack::PackName;
use serde_json::json;

use super::super::say;
use super::changing::{self, Line};
use super::install::told;
use crate::cli::packs::RollbackArgs;
use crate::clock;
use crate::error::Error;
use crate::install::Destination;

/// Makes an earlier set of packs the active one.
pub(super) fn run(args: &RollbackArgs) -> Result<(), Error> {
    let destination = Destination::new(args.scope.project.as_deref())?;
    let store = &destination.store;
    // Where there is nothing to go back to, nothing is touched.
    let target = store.rollback_target(args.to)?;
    // A damaged set is left behind, whatever it was.
    let before = store.active().unwrap_or_default();
    if args.dry_run {
        say(&changing::text(lines(&before, &target, true), args.json));
        return Ok(());
    }
    let guard = changing::lock(&destination, args.json)?;
    let before = store.active().unwrap_or(before);
    let target = store.rollback(&guard, args.to)?;
    drop(guard);
    let locked = changing::lock_project(&destination)?;
    say(&changing::text(lines(&before, &target, false).into_iter().chain(locked), args.json));
    Ok(())
}

/// What changes from one set to the other.
fn lines(before: &Generation, after: &Generation, is_dry_run: bool) -> Vec<Line> {
    let by_name = |generation: &Generation| -> BTreeMap<PackName, ActivePack> {
        generation.packs.iter().map(|pack| (pack.name.clone(), pack.clone())).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let mut lines = vec![title(after, is_dry_run)];
    for (name, pack) in &new {
        let was = match old.get(name) {
            Some(same) if same.sha256 == pack.sha256 => continue,
            was => was.map(|was| was.version.as_str()),
        };
        let verb = if is_dry_run { "would be active again" } else { "is active again" };
        let was_text = was.map(|was| format!(", was {was}")).unwrap_or_default();
        let text = format!("  {name} {} {verb}{was_text}", pack.version);
        let mut json = told::pack("restored", pack, is_dry_run);
        json["was"] = json!(was);
        lines.push(Line { text, json });
    }
    let gone = old.values().filter(|pack| !new.contains_key(&pack.name));
    lines.extend(gone.map(|pack| {
        let line = Line::removed(pack, is_dry_run);
        Line { text: format!("  {}", line.text), ..line }
    }));
    lines
}

fn title(to: &Generation, is_dry_run: bool) -> Line {
    let Generation { number, reason, made_at, .. } = to;
    let verb = if is_dry_run { "would go back" } else { "went back" };
    let text = match number {
        0 => format!("{verb} to generation 0, before the first change"),
        _ => format!("{verb} to generation {number} of {} UTC: {reason}", clock::minute(*made_at)),
    };
    let json = json!({"event": "rollback", "generation": number, "dry_run": is_dry_run});
    Line { text, json }
}
