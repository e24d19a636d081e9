//! Choosing passes by what they do.

use olive_schemas::model::ModelKind;
use olive_schemas::shortcut::{Offer, Shortcut};
use serde_json::{Map, Value, json};

use crate::config::schema::suggest;
use crate::error::Error;
use crate::plugin::Catalog;
use crate::shortcut::offers::{Offered, offers};

/// What a pass is chosen by: the option, what it names, its value, and what an offer has.
pub(super) struct Wish<'a> {
    /// The option, without dashes.
    pub(super) option: &'a str,
    /// Its value.
    pub(super) value: &'a str,
    /// What an offer has for it.
    pub(super) of: fn(&Offer) -> Option<&str>,
}

/// The passes for models of `kind` that do what `shortcut` needs, narrowed by one wish after the
/// other; those of the last are all that are left.
///
/// # Errors
/// When no pass does, and for the first wish that none of those left grants; it tells what they have.
pub(super) fn choose<'a>(
    catalog: &'a Catalog,
    shortcut: Shortcut,
    kind: ModelKind,
    wishes: &[Wish<'_>],
) -> Result<Vec<Offered<'a>>, Error> {
    let mut left = offers(catalog, shortcut, kind);
    if left.is_empty() {
        let command = json!(shortcut);
        let command = command.as_str().unwrap_or_default();
        let what = format!("no installed plugin has a pass to {command} models of type {kind}");
        return Err(catalog.absent(what).into());
    }
    for Wish { option, value, of } in wishes {
        let mut known: Vec<String> = Vec::new();
        for name in left.iter().filter_map(|offered| of(&offered.offer)) {
            if !known.iter().any(|other| other == name) {
                known.push(name.to_owned());
            }
        }
        left.retain(|offered| {
            of(&offered.offer).is_some_and(|name| name.eq_ignore_ascii_case(value))
        });
        if left.is_empty() {
            let help = suggest(value, known.iter().map(String::as_str));
            let help = help.map(|help| format!("; {help}")).unwrap_or_default();
            let message = format!("no installed pass for {kind} has `--{option} {value}`{help}");
            return Err(Error::Usage(message));
        }
    }
    Ok(left)
}

/// The config of an offered pass: its type, its settings, and what a search decides about it.
pub(super) fn config(offered: &Offered<'_>) -> Map<String, Value> {
    let mut config = Map::new();
    config.insert("type".into(), offered.name().into());
    config.extend(offered.offer.settings.clone());
    if !offered.offer.search_space.is_empty() {
        config.insert("search_space".into(), offered.offer.search_space.clone().into());
    }
    config
}
