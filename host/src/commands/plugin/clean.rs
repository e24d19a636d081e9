//! `olive plugin clean`.

use serde_json::json;

use super::super::say;
use super::changing::{self, Line};
use crate::cli::packs::CleanArgs;
use crate::error::Error;
use crate::install::Destination;
use crate::units;

/// Removes what is not in use any more.
pub(super) fn run(args: &CleanArgs) -> Result<(), Error> {
    let destination = Destination::new(args.scope.project.as_deref())?;
    let freed = if destination.store.root().exists() {
        destination.store.clean(&changing::lock(&destination, args.json)?)?
    } else {
        0
    };
    let line = Line {
        text: format!("freed {}", units::bytes(freed as f64)),
        json: json!({"event": "cleaned", "bytes": freed}),
    };
    say(&changing::text([line], args.json));
    Ok(())
}
