//! What an index must keep to, beyond its types.

use std::collections::BTreeSet;

use olive_schemas::pack::{FORMAT, IndexEntry, PackIndex, PackName};
use semver::{Version, VersionReq};
use serde::Deserialize;

use super::entry::check_url;
use crate::PackError;
use crate::data::{self, is_sha256};
use crate::manifest::printable;

/// The index in `content`, which is from `place`.
///
/// # Errors
/// When it is none, of another format, or an entry breaks a rule.
pub fn parse(content: &[u8], place: &str) -> Result<PackIndex, PackError> {
    /// What every format has.
    #[derive(Deserialize)]
    struct Any {
        format: u32,
    }
    match serde_json::from_slice(content) {
        Ok(Any { format: FORMAT }) => {}
        Ok(Any { format }) => {
            return Err(broken(
                place,
                &format!("is of format {format}, and this program reads {FORMAT}"),
            )
            .with_help("take a newer Olive"));
        }
        Err(error) => return Err(broken(place, &format!("is no index: {error}"))),
    }
    let index: PackIndex = serde_json::from_slice(content)
        .map_err(|error| broken(place, &format!("is no index: {error}")))?;
    check(&index, place)?;
    Ok(index)
}

/// The text of an index; the same index gives the same bytes.
///
/// # Errors
/// When it breaks a rule.
pub fn text(index: &PackIndex) -> Result<String, PackError> {
    check(index, &index.name)?;
    data::json(index)
}

/// Checks the name of an index.
pub(super) fn check_name(name: &str, place: &str) -> Result<(), PackError> {
    if PackName::is_part(name) {
        return Ok(());
    }
    let name = printable(name);
    Err(broken(place, &format!("is called `{name}`, which is no name of an index"))
        .with_help("a name is of lower-case letters, digits and single `-`"))
}

fn check(index: &PackIndex, place: &str) -> Result<(), PackError> {
    check_name(&index.name, place)?;
    let mut seen = BTreeSet::new();
    for entry in &index.packs {
        let IndexEntry { name, version, .. } = entry;
        let say = |what: String| {
            broken(place, &format!("lists `{name}` {} with {what}", printable(version)))
        };
        check_entry(entry).map_err(say)?;
        if !seen.insert((name, version)) {
            return Err(broken(place, &format!("lists `{name}` {version} twice")));
        }
    }
    Ok(())
}

/// What is wrong with an entry.
fn check_entry(entry: &IndexEntry) -> Result<(), String> {
    let IndexEntry { name, version, publisher, license, description, homepage, .. } = entry;
    let IndexEntry { api, targets, provides, url, sha256, size, yanked, .. } = entry;
    if Version::parse(version).is_err() {
        return Err("a version that is none".to_owned());
    }
    if publisher.id != name.publisher() {
        return Err(format!("the publisher `{}`", printable(&publisher.id)));
    }
    if VersionReq::parse(api).is_err() {
        return Err(format!("the API range `{}`, which is none", printable(api)));
    }
    if !is_sha256(sha256) {
        return Err(format!("the SHA-256 `{}`, which is none", printable(sha256)));
    }
    if *size == 0 {
        return Err("a size of 0 bytes".to_owned());
    }
    check_url(url)?;
    let parts = provides.lists();
    let texts = [&publisher.name, license, description].into_iter().chain(homepage).chain(yanked);
    let names = targets.iter().chain(parts.iter().flat_map(|(_, names)| names.iter()));
    match texts.chain(names).find(|text| printable(text) != **text) {
        Some(text) => Err(format!("a control character: `{}`", printable(text))),
        None => Ok(()),
    }
}

fn broken(place: &str, what: &str) -> PackError {
    PackError::refused("index-broken", format!("`{place}` {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{parse, text};
    use crate::samples::index;

    #[test]
    fn an_index_is_read_as_it_is_written() {
        let index = index("acme", 3, &[("acme/prune", "1.0.0"), ("acme/fuse", "0.1.0-rc.1")]);
        assert_eq!(parse(text(&index).unwrap().as_bytes(), "x").unwrap(), index);
    }

    #[test]
    fn every_broken_rule_is_a_sentence() {
        let good = serde_json::to_value(index("acme", 3, &[("acme/prune", "1.0.0")])).unwrap();
        for (pointer, value, said) in [
            ("/format", json!(2), "is of format 2, and this program reads 1"),
            ("/name", json!("A b"), "is called `A b`, which is no name of an index"),
            ("/packs/0/name", json!("prune"), "is no index: `prune` is no name of a pack"),
            ("/packs/0/version", json!("1"), "lists `acme/prune` 1 with a version that is none"),
            (
                "/packs/0/publisher/id",
                json!("x"),
                "lists `acme/prune` 1.0.0 with the publisher `x`",
            ),
            ("/packs/0/api", json!("?"), "with the API range `?`, which is none"),
            ("/packs/0/sha256", json!("AB"), "with the SHA-256 `AB`, which is none"),
            ("/packs/0/size", json!(0), "with a size of 0 bytes"),
            ("/packs/0/description", json!("\u{1b}[2J"), "with a control character"),
            ("/packs/0/provides/passes", json!(["a\nb"]), "with a control character"),
            ("/packs/0/url", json!("../x.pack"), "with the address `../x.pack`"),
            ("/packs/0/more", json!(1), "is no index: unknown field `more`"),
        ] {
            let mut index = good.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            index.pointer_mut(parent).unwrap()[key] = value;
            let error = parse(index.to_string().as_bytes(), "place").unwrap_err().to_string();
            assert!(error.starts_with("`place` ") && error.contains(said), "{error}");
        }
        let twice = {
            let mut index = good.clone();
            let entry = index["packs"][0].clone();
            index["packs"].as_array_mut().unwrap().push(entry);
            index
        };
        for (text, said) in [
            (twice.to_string(), "`x` lists `acme/prune` 1.0.0 twice"),
            ("[]".to_owned(), "`x` is no index"),
            (String::new(), "`x` is no index"),
            (Value::Null.to_string(), "`x` is no index"),
        ] {
            let error = parse(text.as_bytes(), "x").unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
