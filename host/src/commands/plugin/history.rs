//! `olive plugin history`.

use olive_packs::store::Generation;
use serde_json::json;

use super::super::say;
use super::changing::{self, Line};
use crate::cli::packs::HistoryArgs;
use crate::clock;
use crate::error::Error;
use crate::install::Destination;

/// Lists the changes, the newest last.
pub(super) fn run(args: &HistoryArgs) -> Result<(), Error> {
    let store = Destination::new(args.scope.project.as_deref())?.store;
    let generations = store.history()?;
    // A damaged active generation is not among them, or has stopped us.
    let active = store.active().map(|active| active.number).ok();
    if generations.is_empty() && !args.json {
        say("no pack was ever installed here\n");
        return Ok(());
    }
    let width = generations.last().map_or(1, |newest| newest.number.to_string().len());
    let lines = generations.iter().map(|generation| line(generation, active, width));
    say(&changing::text(lines, args.json));
    Ok(())
}

fn line(generation: &Generation, active: Option<u64>, width: usize) -> Line {
    let Generation { number, parent, reason, made_at, packs, .. } = generation;
    let is_active = active == Some(*number);
    let mark = if is_active { '*' } else { ' ' };
    Line {
        text: format!("{mark} {number:width$}  {} UTC  {reason}", clock::minute(*made_at)),
        json: json!({
            "event": "generation",
            "generation": number,
            "parent": parent,
            "made_at": made_at,
            "reason": reason,
            "active": is_active,
            "packs": packs,
        }),
    }
}
