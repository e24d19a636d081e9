//! Settings of validators: of installed ones by their own schemas.

use olive_schemas::pointer::escape;
use serde_json::Value;

use super::shape::{below, entries};
use super::{Problem, Problems};
use crate::config::schema::{nearest, suggest, violations};
use crate::plugin::Catalog;

/// Checks the settings of validators in the normalized config `value`.
pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let Some(section) = value.get("validators") else { return };
    for (id, settings) in entries(section, "config") {
        let pointer = format!("/validators/config/{}", escape(id));
        let known = catalog.validators().iter().map(|known| &known.descriptor);
        match known.into_iter().find(|known| known.id == *id) {
            Some(known) => {
                let found = violations(settings, &known.schema);
                problems.extend(below(&pointer, found).collect::<Vec<_>>());
            }
            None => problems.push(unknown(id, &pointer, catalog)),
        }
    }
}

/// The settings stay without effect, which is no reason to refuse the config elsewhere.
fn unknown(id: &str, pointer: &str, catalog: &Catalog) -> Problem {
    let installed = catalog.validators().iter().map(|known| known.descriptor.id.as_str());
    let message = format!("no installed validator is called `{id}`");
    let help = suggest(id, installed.clone())
        .unwrap_or_else(|| "install it, or remove its settings".to_owned());
    Problem::warning("unknown-validator", pointer, message, &help)
        .about_key()
        .replaced_by(nearest(id, installed))
}
