//! Files and folders that a path may name.

use std::fs;
use std::path::Path;

use crate::config::navigate::Place;
use crate::config::references::PATH;

/// Entries of a folder that are told.
const ENTRIES_LIMIT: usize = 500;

/// Keys that hold paths where the schema does not say so.
const KEYS: [&str; 4] = ["data_files", "data_dir", "user_script", "model_script"];

/// Ends of keys that hold paths.
const ENDS: [&str; 2] = ["_path", "_dir"];

/// Whether the value at `path` is a path of the file system.
pub(super) fn is_path(place: &Place<'_>, path: &[String]) -> bool {
    let is_name = |token: &&String| token.parse::<usize>().is_err();
    let key = path.iter().rfind(is_name).map(String::as_str).unwrap_or_default();
    place.says(PATH).is_some() || KEYS.contains(&key) || ENDS.iter().any(|end| key.ends_with(end))
}

/// Paths that continue `typed`, which starts at `folder`, each with whether it is a folder.
pub(super) fn below(folder: &Path, typed: &str) -> Vec<(String, bool)> {
    let (above, begun) = typed
        .rsplit_once('/')
        .map_or(("", typed), |(above, begun)| (&typed[..=above.len()], begun));
    let Ok(entries) = fs::read_dir(folder.join(above)) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.take(ENTRIES_LIMIT).flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') && !begun.starts_with('.') {
            continue;
        }
        found.push((format!("{above}{name}"), entry.path().is_dir()));
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::below;

    #[test]
    fn paths_continue_what_is_typed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        for name in ["a.json", ".hidden", "data/x.json"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |typed| below(folder.path(), typed);
        let own = vec![("a.json".to_owned(), false), ("data".to_owned(), true)];
        assert_eq!(found(""), own);
        assert_eq!(found("da"), own);
        assert_eq!(found("data/"), [("data/x.json".to_owned(), false)]);
        assert_eq!(found("."), [(".hidden".to_owned(), false), own[0].clone(), own[1].clone()]);
        assert_eq!(found("none/x"), []);
    }
}
