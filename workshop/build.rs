//! Embeds the templates of new plugins and the sources of the contract.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What goes into the folder `sdk/` of a new plugin, below the root of the repository.
const SDK: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "plugin-api",
    "schemas/Cargo.toml",
    "schemas/known-packs.json",
    "schemas/src",
    "validator-api/Cargo.toml",
    "validator-api/src",
];

/// Files of the example of a process plugin, which is a template too.
const EXAMPLE: [&str; 6] = [
    "cast-weights.plugin.json",
    "conformance.json",
    "main.py",
    "olive_plugin.py",
    "safetensors_file.py",
    "test_main.py",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.parent().ok_or("the crate stands in no folder")?;
    let mut sdk = Vec::new();
    for name in SDK {
        println!("cargo:rerun-if-changed={}", root.join(name).display());
        collect(root, &root.join(name), &mut sdk)?;
    }
    let templates = here.join("templates");
    println!("cargo:rerun-if-changed={}", templates.display());
    let mut files = Vec::new();
    collect(&templates, &templates, &mut files)?;
    for name in EXAMPLE {
        let path = root.join("examples/process-plugin").join(name);
        println!("cargo:rerun-if-changed={}", path.display());
        files.push((format!("pass-python/{name}"), path));
    }

    let mut code = String::new();
    list(&mut code, "/// Sources of the contract, by path below `sdk/`.", "SDK", &sdk)?;
    list(&mut code, "/// Templates, by path below `templates/`.", "TEMPLATES", &files)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), code)?;
    Ok(())
}

/// Adds the files at and below `path`, each with its name below `root`, sorted.
fn collect(
    root: &Path,
    path: &Path,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), Box<dyn Error>> {
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut entries = entries.collect::<Result<Vec<PathBuf>, _>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(root, entry, found));
    }
    let name = path.strip_prefix(root)?.components();
    let name: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy()).collect();
    found.push((name.join("/"), path.to_owned()));
    Ok(())
}

/// Writes a constant with the text of every file.
fn list(
    code: &mut String,
    doc: &str,
    constant: &str,
    files: &[(String, PathBuf)],
) -> Result<(), Box<dyn Error>> {
    writeln!(code, "{doc}\npub(crate) const {constant}: &[(&str, &str)] = &[")?;
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
    }
    writeln!(code, "];")?;
    Ok(())
}
