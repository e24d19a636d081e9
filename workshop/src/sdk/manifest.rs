//! The manifest of the folder `sdk/`: the root's, cut to the crates of the contract.

use super::source;

/// A workspace of `crates` from which they inherit what they inherit here.
pub(super) fn of(crates: &[&str]) -> String {
    let inherited = inherited(crates);
    let members = crates.join("\",\n    \"");
    let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = [\n    \"{members}\",\n]\n");
    let mut section = "";
    for line in source("Cargo.toml").lines() {
        if line.starts_with('[') {
            section = line;
            if is_kept(section) {
                text.push('\n');
            }
        }
        let is_wanted = match section {
            "[workspace.dependencies]" => {
                line == section || name(line).is_some_and(|name| inherited.contains(&name))
            }
            section => is_kept(section) && !line.is_empty() && !line.starts_with('#'),
        };
        if is_wanted {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn is_kept(section: &str) -> bool {
    section.starts_with("[workspace.")
}

/// Dependencies that the crates inherit from the root.
fn inherited(crates: &[&str]) -> Vec<&'static str> {
    let manifests = crates.iter().map(|name| source(&format!("{name}/Cargo.toml")));
    manifests
        .flat_map(str::lines)
        .filter_map(|line| name(line)?.strip_suffix(".workspace"))
        .collect()
}

/// What a line of the form `name = value` sets.
fn name(line: &str) -> Option<&str> {
    Some(line.split_once(" = ")?.0)
}

#[cfg(test)]
mod tests {
    use super::super::CRATES;
    use super::{inherited, of};

    #[test]
    fn everything_that_is_inherited_is_there() {
        let manifest = of(&CRATES);
        let names = inherited(&CRATES);
        assert!(names.contains(&"serde") && names.contains(&"wit-bindgen"), "{names:?}");
        for name in names {
            let is_field = manifest.contains(&format!("\n{name} = "));
            assert!(is_field, "`{name}` is missing:\n{manifest}");
        }
        assert!(manifest.contains("[workspace.lints.rust]\n"), "{manifest}");
        assert!(manifest.contains("olive-schemas = { path = \"schemas\" }\n"), "{manifest}");
    }

    #[test]
    fn nothing_else_of_the_root_is() {
        let manifest = of(&CRATES);
        for other in ["wasmtime", "candle", "[profile", "olive-workshop", "\"host\""] {
            assert!(!manifest.contains(other), "{other}:\n{manifest}");
        }
    }
}
