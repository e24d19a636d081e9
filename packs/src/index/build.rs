//! Making an index of packs.

use std::cmp::Reverse;

use olive_schemas::pack::{FORMAT, IndexEntry, PackIndex, PackName};
use semver::Version;

use super::read::check_name;
use crate::PackError;

/// A version that its publisher takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yank {
    /// The pack.
    pub name: PackName,
    /// The version.
    pub version: String,
    /// Why.
    pub reason: String,
}

/// The index `last` with these entries and what is taken back; the first index of this name when
/// there is none. Its serial number is one more when something has changed.
///
/// # Errors
/// When a version is listed with other content, or one that is taken back is not listed.
pub fn grown(
    last: Option<PackIndex>,
    name: &str,
    entries: Vec<IndexEntry>,
    yanks: &[Yank],
) -> Result<PackIndex, PackError> {
    check_name(name, name)?;
    let last = last.unwrap_or(PackIndex {
        format: FORMAT,
        name: name.to_owned(),
        serial: 0,
        packs: Vec::new(),
    });
    let mut packs = last.packs.clone();
    for new in entries {
        put(&mut packs, new)?;
    }
    for Yank { name, version, reason } in yanks {
        let entry = packs.iter_mut().find(|pack| pack.name == *name && pack.version == *version);
        let entry = entry.ok_or_else(|| {
            let message =
                format!("`{name}` {version} is not in the index, and cannot be taken back");
            PackError::refused("index-unknown-version", message)
        })?;
        entry.yanked = Some(reason.clone());
    }
    packs.sort_by_cached_key(|pack| {
        (pack.name.clone(), Reverse(Version::parse(&pack.version).ok()))
    });
    let has_changed = packs != last.packs || name != last.name || last.serial == 0;
    let serial = last.serial + u64::from(has_changed);
    Ok(PackIndex { name: name.to_owned(), serial, packs, ..last })
}

/// Puts an entry into its place. What a version is never changes; where it lies may.
fn put(packs: &mut Vec<IndexEntry>, new: IndexEntry) -> Result<(), PackError> {
    let is_same = |pack: &&mut IndexEntry| pack.name == new.name && pack.version == new.version;
    match packs.iter_mut().find(is_same) {
        Some(old) if old.sha256 != new.sha256 => {
            let message = format!(
                "`{}` {} is in the index with the SHA-256 {}, and the pack has {}",
                new.name, new.version, old.sha256, new.sha256
            );
            return Err(PackError::refused("index-version-taken", message)
                .with_help("give the changed pack a new version"));
        }
        Some(old) => {
            let yanked = old.yanked.take();
            *old = IndexEntry { yanked, ..new };
        }
        None => packs.push(new),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Yank, grown};
    use crate::index::text;
    use crate::samples::index_entry;

    fn yank(name: &str, version: &str) -> Yank {
        Yank { name: name.parse().unwrap(), version: version.into(), reason: "wrong".into() }
    }

    #[test]
    fn an_index_grows_in_order_and_counts_its_changes() {
        let [a1, a2, a10, b1] =
            [("b/a", "1.0.0"), ("b/a", "2.0.0"), ("b/a", "10.0.0-rc.1"), ("a/b", "1.0.0")]
                .map(|(name, version)| index_entry(name, version));
        let first = grown(None, "acme", vec![a1.clone(), a2.clone()], &[]).unwrap();
        assert_eq!(first.serial, 1);
        let all =
            grown(Some(first), "acme", vec![b1.clone(), a10.clone(), a1.clone()], &[]).unwrap();
        assert_eq!(
            (all.serial, &all.packs),
            (2, &vec![b1.clone(), a10.clone(), a2.clone(), a1.clone()])
        );
        let again = grown(Some(all.clone()), "acme", vec![a2], &[]).unwrap();
        assert_eq!(text(&again).unwrap(), text(&all).unwrap());

        let yanked = grown(Some(all), "acme", vec![], &[yank("b/a", "2.0.0")]).unwrap();
        assert_eq!((yanked.serial, yanked.packs[2].yanked.as_deref()), (3, Some("wrong")));
        let again = grown(Some(yanked.clone()), "acme", vec![a1], &[]).unwrap();
        assert_eq!(again, yanked);
    }

    #[test]
    fn what_a_version_is_never_changes() {
        let first = grown(None, "acme", vec![index_entry("a/b", "1.0.0")], &[]).unwrap();
        let mut other = index_entry("a/b", "1.0.0");
        other.sha256 = "0".repeat(64);
        let error = grown(Some(first.clone()), "acme", vec![other], &[]).unwrap_err();
        assert_eq!(error.code(), "index-version-taken");
        let mut moved = index_entry("a/b", "1.0.0");
        moved.url = "https://example.com/x.pack".into();
        assert_eq!(grown(Some(first.clone()), "acme", vec![moved], &[]).unwrap().serial, 2);
        let error = grown(Some(first), "acme", vec![], &[yank("a/b", "2.0.0")]).unwrap_err();
        assert_eq!(error.to_string(), "`a/b` 2.0.0 is not in the index, and cannot be taken back");
        let error = grown(None, "A B", vec![], &[]).unwrap_err();
        assert_eq!(error.code(), "index-broken");
    }
}
