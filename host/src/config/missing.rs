//! Paths that lead nowhere: what was meant by them, and what to do.

use std::fs;
use std::path::Path;

use crate::config::schema::nearest;

/// What to do about the `path` of a config in `folder` that leads nowhere.
pub fn help(path: &Path, folder: &Path) -> String {
    match neighbor(path, folder) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("relative paths start at `{}`", folder.display()),
    }
}

/// The path of what stands where `path`, which starts at `folder`, leads under names that are
/// nearly the same.
pub fn neighbor(path: &Path, folder: &Path) -> Option<String> {
    let mut found = String::new();
    for part in path.to_str()?.split_inclusive('/') {
        let place = folder.join(&found);
        if place.join(part).exists() {
            found.push_str(part);
            continue;
        }
        let name = part.strip_suffix('/').unwrap_or(part);
        let entries = fs::read_dir(place).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        found.push_str(nearest(name, names.iter().map(String::as_str))?);
        found.push_str(&part[name.len()..]);
    }
    Some(found)
}

/// Whether `path`, which leads nowhere from `folder`, is meant for a place there, whatever else has
/// names of its form: its folder is there, or what has nearly its name.
pub fn is_local(path: &Path, folder: &Path) -> bool {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.is_some_and(|parent| folder.join(parent).is_dir()) || neighbor(path, folder).is_some()
}

/// What to say of a model's `path` from `folder` that leads nowhere, when it is `owner/name`, as the
/// Hugging Face hub names models: message and help.
pub fn hub_model(path: &Path, folder: &Path) -> Option<(String, &'static str)> {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let (owner, name) = path.to_str()?.split_once('/')?;
    if !is_name(owner) || !is_name(name) || neighbor(path, folder).is_some() {
        return None;
    }
    if is_local(path, folder) {
        let message = format!("the folder `{owner}` has no model `{name}`");
        let help = "put the model there; one of a hub is named at length where its owner is a \
                    folder here: `{\"type\": …, \"repo_id\": …}`";
        return Some((message, help));
    }
    let message = format!("`{owner}/{name}` is a Hugging Face name, and no such folder is here");
    let help = "download it and write the folder's path, or install a source that takes such ids";
    Some((message, help))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{help, hub_model, is_local};

    #[test]
    fn a_slip_is_told_apart_from_a_path_that_is_far_off() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/train.json"), "").unwrap();
        let check = |path: &str, expected: &str| {
            assert_eq!(help(Path::new(path), folder.path()), expected);
        };
        check("data/trian.json", "did you mean `data/train.json`?");
        check("dta", "did you mean `data`?");
        check("dta/trian.json", "did you mean `data/train.json`?");
        let start = format!("relative paths start at `{}`", folder.path().display());
        check("somewhere/else.json", &start);
    }

    #[test]
    fn names_of_the_hub_are_known_by_their_form() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("models/phi-3")).unwrap();
        for (path, part) in [
            ("owner/name-1.5_b", Some("is a Hugging Face name")),
            ("models/llama", Some("the folder `models` has no model `llama`")),
            ("models/phi3", None),
            ("modles/phi-3", None),
            ("./name", None),
            ("name", None),
            ("a/b/c", None),
        ] {
            let said = hub_model(Path::new(path), folder.path()).map(|(message, _)| message);
            let is_as_expected = match (&said, part) {
                (Some(said), Some(part)) => said.contains(part),
                (said, part) => said.is_none() && part.is_none(),
            };
            assert!(is_as_expected, "{path}: {said:?}");
            let is_here = path.starts_with("mod") || path == "./name";
            assert_eq!(is_local(Path::new(path), folder.path()), is_here, "{path}");
        }
    }
}
