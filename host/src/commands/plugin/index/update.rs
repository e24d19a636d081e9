//! Fresh copies of the indexes.

use olive_packs::index::{Configured, Indexes, PROGRAM};
use serde_json::json;

use super::super::changing::Line;
use super::fetch::fetch;
use crate::error::Error;
use crate::host::colors_errors;

/// Takes a fresh copy of every index but that of the program; one that fails does not hold up the
/// others. Tells what has come, and the last error; those before have been shown.
pub(in crate::commands::plugin) fn all(
    indexes: &mut Indexes,
    is_json: bool,
) -> (Vec<Line>, Option<Error>) {
    let (mut lines, mut failed) = (Vec::new(), None::<Error>);
    let configured: Vec<Configured> =
        indexes.configured().iter().filter(|index| index.name != PROGRAM).cloned().collect();
    for index in &configured {
        match one(indexes, index) {
            Ok(line) => lines.push(line),
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    if is_json { earlier.show_json() } else { earlier.show(colors_errors()) }
                }
            }
        }
    }
    (lines, failed)
}

fn one(indexes: &mut Indexes, index: &Configured) -> Result<Line, Error> {
    let serial = |indexes: &Indexes| indexes.copy_of(index).map(|copy| copy.serial).ok();
    let before = serial(indexes);
    let fetched = fetch(&index.url)?;
    indexes.update(&index.name, &fetched.content, &fetched.signature)?;
    let after = serial(indexes);

    let name = &index.name;
    let number = after.unwrap_or_default();
    let text = match before {
        Some(before) if before == number => {
            format!("index {name} is as it was: serial number {number}")
        }
        Some(before) => format!("updated index {name}: serial number {number}, was {before}"),
        None => format!("updated index {name}: serial number {number}"),
    };
    let json = json!({"event": "updated", "name": name, "serial": after, "was": before});
    Ok(Line { text, json })
}
