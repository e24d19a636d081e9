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

/// The path of what stands where `path`, which starts at `folder`, leads under a name that is
/// nearly the same.
pub fn neighbor(path: &Path, folder: &Path) -> Option<String> {
    let path = path.to_str()?;
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let (place, written) = path.split_at(start);
    let entries = fs::read_dir(folder.join(place)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let name = nearest(written, names.iter().map(String::as_str))?;
    Some(format!("{place}{name}"))
}

/// What to say of a model's `path` that leads nowhere, when it is `owner/name`, as the Hugging Face
/// hub names models: message and help.
pub fn hub_model(path: &Path) -> Option<(String, &'static str)> {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let (owner, name) = path.to_str()?.split_once('/')?;
    (is_name(owner) && is_name(name)).then(|| {
        let message =
            format!("`{owner}/{name}` is a Hugging Face name, and no such folder is here");
        let help =
            "download it and write the folder's path, or install a source that takes such ids";
        (message, help)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{help, hub_model};

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
        let start = format!("relative paths start at `{}`", folder.path().display());
        check("somewhere/else.json", &start);
    }

    #[test]
    fn names_of_the_hub_are_known_by_their_form() {
        for (path, is_name) in
            [("owner/name-1.5_b", true), ("./name", false), ("name", false), ("a/b/c", false)]
        {
            assert_eq!(hub_model(Path::new(path)).is_some(), is_name, "{path}");
        }
    }
}
