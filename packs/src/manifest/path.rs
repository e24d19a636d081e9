//! Paths that mean one file on every system.

use std::collections::HashMap;

use olive_schemas::pack::MANIFEST;

use super::printable;
use crate::PackError;

/// Bytes of a path.
const LONGEST: usize = 1024;
/// Bytes of a part of a path.
const LONGEST_PART: usize = 255;
/// Names that Windows has for devices, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Checks that `path` is a path a pack may have on every system.
///
/// # Errors
/// Which rule it breaks.
pub fn check(path: &str) -> Result<(), PackError> {
    let Some(why) = problem(path) else { return Ok(()) };
    Err(PackError::refused("pack-path", format!("path `{}` in the pack {why}", printable(path))))
}

/// Checks each of `paths`, and all of them together: sorted, none twice, no two that are one where
/// case does not count, no file where another has a folder.
pub(super) fn check_all<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), PackError> {
    let mut taken = HashMap::from([(MANIFEST.to_owned(), Taken { by: MANIFEST, is_file: true })]);
    let mut last = "";
    for path in paths {
        check(path)?;
        for (end, is_file) in folders(path).map(|end| (end, false)).chain([(path.len(), true)]) {
            take(&mut taken, path, end, is_file)?;
        }
        if path < last {
            let message = format!(
                "`{path}` stands behind `{last}` in the manifest, and files are sorted by path"
            );
            return Err(PackError::refused("pack-manifest", message));
        }
        last = path;
    }
    Ok(())
}

/// A place that a file or a folder has, and the path that has it first.
#[derive(Clone, Copy)]
struct Taken<'a> {
    by: &'a str,
    is_file: bool,
}

fn take<'a>(
    taken: &mut HashMap<String, Taken<'a>>,
    path: &'a str,
    end: usize,
    is_file: bool,
) -> Result<(), PackError> {
    let place = &path[..end];
    let key = place.to_ascii_lowercase();
    let Some(before) = taken.get(&key) else {
        taken.insert(key, Taken { by: path, is_file });
        return Ok(());
    };
    let Taken { by, is_file: was_file } = *before;
    if !is_file && !was_file && by.starts_with(place) {
        return Ok(());
    }
    let (code, message) = if by == path {
        ("pack-twice", format!("`{path}` is twice in the pack"))
    } else if is_file != was_file {
        (
            "pack-path",
            format!(
                "one of `{by}` and `{path}` in the pack is a file where the other has a folder"
            ),
        )
    } else {
        ("pack-path", format!("`{by}` and `{path}` in the pack are one where case does not count"))
    };
    Err(PackError::refused(code, message))
}

fn folders(path: &str) -> impl Iterator<Item = usize> {
    path.match_indices('/').map(|(end, _)| end)
}

fn problem(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("is empty".into());
    }
    if path.starts_with('/') || path.starts_with('\\') {
        return Some("is absolute".into());
    }
    if path.len() > LONGEST {
        return Some(format!("is {} bytes long, and at most {LONGEST} are allowed", path.len()));
    }
    path.split('/').find_map(part_problem)
}

fn part_problem(part: &str) -> Option<String> {
    if part.is_empty() {
        return Some("has an empty part".into());
    }
    if part == "." || part == ".." {
        return Some(format!("has a part `{part}`"));
    }
    if part.len() > LONGEST_PART {
        return Some(format!(
            "has a part of {} bytes, and at most {LONGEST_PART} are allowed",
            part.len()
        ));
    }
    if let Some(char) = part.chars().find(|char| !is_portable(*char)) {
        return Some(format!(
            "has `{}`, which not every system takes in a name: only ASCII is allowed, without `\\ : * ? \" < > |`",
            char.escape_default()
        ));
    }
    if part.ends_with('.') || part.ends_with(' ') {
        return Some("has a part that ends with a dot or a space".into());
    }
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_port = ["com", "lpt"].iter().any(|port| {
        stem.strip_prefix(port)
            .is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    });
    if is_port || DEVICES.contains(&stem.as_str()) {
        return Some(format!("has a part `{part}`, which is a device on Windows"));
    }
    None
}

/// ASCII alone, so that no two names are one after Unicode normalization or case folding.
fn is_portable(char: char) -> bool {
    matches!(char, ' '..='~') && !r#"\:*?"<>|"#.contains(char)
}
