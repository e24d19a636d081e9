//! The sources of the contract, as they go into the folder `sdk/` of a new plugin.
//!
//! The contract's crates are on no registry, so the program carries them: a new plugin depends on
//! them by path and builds with what the registry has. Dependencies are pinned to the versions that
//! Olive itself is built and tested with.

mod lock;
mod manifest;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Version of the contract's crates.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The WIT package of components.
pub const WIT: &str = include_str!("../../plugin-api/wit/0.1.1/olive-plugin.wit");

/// Crates of the contract, each a folder of the same name but `olive-`.
const CRATES: [&str; 3] = ["plugin-api", "schemas", "validator-api"];

/// Every file of `sdk/`, by path below it.
pub fn files() -> Vec<(String, String)> {
    let own = SDK.iter().filter(|(path, _)| *path != "Cargo.toml" && *path != "Cargo.lock");
    let mut files: Vec<(String, String)> =
        own.map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
    files.push(("Cargo.toml".into(), manifest::of(&CRATES)));
    files.push(("README.md".into(), readme()));
    files
}

/// The lock file of a plugin that depends on these packages of ours and of the registry.
pub fn lock(plugin: &str, dependencies: &[&str]) -> String {
    lock::of(source("Cargo.lock"), plugin, dependencies)
}

/// Text of an embedded file; empty when there is none.
fn source(path: &str) -> &'static str {
    SDK.iter().find(|(name, _)| *name == path).map_or("", |(_, text)| text)
}

/// Version of the binary contract, as its source says.
fn api_version() -> &'static str {
    let parts = source("plugin-api/src/version.rs").split_once("API_VERSION_C: &CStr = c\"");
    parts.and_then(|(_, rest)| rest.split('"').next()).unwrap_or("unknown")
}

fn readme() -> String {
    let api = api_version();
    format!(
        "# The contract between Olive and its plugins\n\n\
         Plugin API {api}, components `olive:plugin@0.1.1`; written by `olive plugin new` of Olive \
         {VERSION}. These are Olive's own sources; leave them as they are.\n\n\
         | folder | holds |\n| --- | --- |\n\
         | `plugin-api/` | traits and binary interface of native plugins; `wit/` for components |\n\
         | `schemas/` | types of everything that is written down |\n\
         | `validator-api/` | traits of validators and graph passes |\n\n\
         For a newer version, let the newer `olive plugin new` make a plugin elsewhere and take its \
         `sdk/`.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{CRATES, WIT, api_version, files, source};

    #[test]
    fn the_versions_are_those_of_the_sources() {
        assert!(api_version().split('.').all(|part| part.parse::<u32>().is_ok()));
        assert!(WIT.contains("package olive:plugin@0.1.1;"));
    }

    #[test]
    fn every_crate_is_whole() {
        let files = files();
        let has = |path: &str| files.iter().any(|(name, text)| name == path && !text.is_empty());
        for name in CRATES {
            assert!(has(&format!("{name}/Cargo.toml")), "{name}");
            assert!(has(&format!("{name}/src/lib.rs")), "{name}");
        }
        assert!(has("LICENSE") && has("Cargo.toml") && has("schemas/known-packs.json"));
        assert!(has("plugin-api/wit/0.1.1/olive-plugin.wit"));
        assert!(!files.iter().any(|(name, _)| name.contains("target/")));
    }

    #[test]
    fn what_the_crates_include_is_there() {
        for (path, text) in files() {
            let included = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in included.filter(|line| line.contains("include_str!(\"../")) {
                let name = line.split("include_str!(\"../").nth(1).and_then(|rest| {
                    let (name, _) = rest.split_once('"')?;
                    Some(format!("{}/{name}", path.split('/').next()?))
                });
                assert!(!source(&name.unwrap()).is_empty(), "{path}: {line}");
            }
        }
    }
}
