//! What a manifest must keep to, beyond its types.

mod path;

pub use path::check as check_path;

use std::collections::HashSet;

use olive_schemas::pack::{ANY_TARGET, FORMAT, PackManifest, PackPlugin, PluginKind, Provides};
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::PackError;
use crate::data::is_sha256;

/// Code of a manifest that breaks a rule.
const CODE: &str = "pack-manifest";
/// Characters a text of the manifest may have at most.
const LONGEST_TEXT: usize = 1000;
/// Characters of a stranger's text that a message shows.
const LONGEST_SHOWN: usize = 200;

/// Reads a manifest and checks it.
///
/// # Errors
/// When it is none, has another format, or breaks a rule of [`check`].
pub fn parse(bytes: &[u8]) -> Result<PackManifest, PackError> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let unreadable = |error: serde_json::Error| {
        let why = printable(&error.to_string());
        PackError::refused(CODE, format!("the pack's manifest cannot be understood: {why}"))
    };
    let Versioned { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
    check_format(format)?;
    let manifest = serde_json::from_slice(bytes).map_err(unreadable)?;
    check(&manifest)?;
    Ok(manifest)
}

/// Checks everything of `manifest` that does not need its files: format, names, versions, paths (no
/// two that are one on some system), entries and descriptors that are listed files.
///
/// # Errors
/// The first rule that is broken.
pub fn check(manifest: &PackManifest) -> Result<(), PackError> {
    let PackManifest {
        format,
        name,
        version,
        publisher,
        license,
        description,
        homepage,
        api,
        min_host,
        conflicts,
        replaces,
        plugins,
        files,
    } = manifest;
    check_format(*format)?;
    check_version("version", version)?;
    if publisher.id != name.publisher() {
        let id = printable(&publisher.id);
        return Err(broken(format!("publisher `{id}` may not ship the pack `{name}`")));
    }
    check_text("publisher.name", &publisher.name)?;
    check_license(license)?;
    check_text("description", description)?;
    homepage.iter().try_for_each(|page| check_homepage(page))?;
    check_range("api", api)?;
    min_host.iter().try_for_each(|oldest| check_version("min_host", oldest))?;
    if conflicts.contains(name) || replaces.contains(name) {
        return Err(broken(format!("the pack `{name}` conflicts with itself or replaces itself")));
    }
    path::check_all(files.iter().map(|file| file.path.as_str()))?;
    for file in files {
        if !is_sha256(&file.sha256) {
            return Err(broken(format!("`{}` has no SHA-256 in the manifest", file.path)));
        }
    }
    check_plugins(manifest, plugins)
}

/// The beginning of `text`, with characters that would change a terminal, or the order of what
/// follows, written out.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars().take(LONGEST_SHOWN) {
        if is_plain(char) {
            shown.push(char);
        } else {
            shown.extend(char.escape_unicode());
        }
    }
    if text.chars().nth(LONGEST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn is_plain(char: char) -> bool {
    let turns =
        matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !char.is_control() && !turns
}

fn check_format(format: u32) -> Result<(), PackError> {
    if format == FORMAT {
        return Ok(());
    }
    let message = format!("the pack has format {format}, and this Olive reads format {FORMAT}");
    Err(PackError::refused("pack-format", message)
        .with_help("upgrade Olive, or take another version of the pack"))
}

fn check_plugins(manifest: &PackManifest, plugins: &[PackPlugin]) -> Result<(), PackError> {
    let files: HashSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    let mut ids = HashSet::new();
    for plugin in plugins {
        check_plugin(plugin, &files)?;
        if !ids.insert(plugin.id.to_ascii_lowercase()) {
            return Err(broken(format!("two plugins of the pack are called `{}`", plugin.id)));
        }
    }
    Ok(())
}

fn check_plugin(plugin: &PackPlugin, files: &HashSet<&str>) -> Result<(), PackError> {
    let PackPlugin { id, kind, provides, descriptor, entry, execution_provider } = plugin;
    check_text("id of a plugin", id)?;
    if id.contains('/') {
        return Err(broken(format!("`{id}` is no id of a plugin: it has a `/`")));
    }
    path::check(id)?;
    check_provides(id, provides)?;
    let is_provider = *kind == PluginKind::OrtEp;
    if descriptor.is_some() == is_provider || execution_provider.is_some() != is_provider {
        let [has, lacks] = if is_provider {
            ["execution_provider", "descriptor"]
        } else {
            ["descriptor", "execution_provider"]
        };
        let kind = kind.name();
        return Err(broken(format!(
            "plugin `{id}` of kind `{kind}` must have `{has}` and no `{lacks}`"
        )));
    }
    if let Some(provider) = execution_provider {
        check_text("name of an execution provider", &provider.name)?;
        check_range("onnxruntime", &provider.onnxruntime)?;
        if provider.devices.is_empty() {
            return Err(broken(format!("execution provider `{}` has no device", provider.name)));
        }
    }
    if let Some(descriptor) = descriptor {
        check_listed(id, descriptor, files)?;
    }
    if entry.is_empty() {
        return Err(broken(format!("plugin `{id}` has no entry for any target")));
    }
    for (target, path) in entry {
        check_target(id, target)?;
        check_listed(id, path, files)?;
        let folder = path.split('/').next().unwrap_or_default();
        if folder != target && folder != ANY_TARGET {
            return Err(broken(format!(
                "entry `{path}` of plugin `{id}` is neither in `{target}/` nor in `{ANY_TARGET}/`"
            )));
        }
    }
    Ok(())
}

fn check_provides(id: &str, provides: &Provides) -> Result<(), PackError> {
    for (what, names) in provides.lists() {
        for name in names {
            check_text(what, name)?;
        }
        if !names.is_sorted_by(|one, next| one < next) {
            return Err(broken(format!("each {what} of plugin `{id}` must be named once, sorted")));
        }
    }
    Ok(())
}

fn check_listed(id: &str, path: &str, files: &HashSet<&str>) -> Result<(), PackError> {
    if files.contains(path) {
        return Ok(());
    }
    let path = printable(path);
    Err(broken(format!("plugin `{id}` names `{path}`, which is no file of the pack")))
}

fn check_target(id: &str, target: &str) -> Result<(), PackError> {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_letter);
    let is_triple = matches!(target.split('-').count(), 3 | 4) && target.split('-').all(is_word);
    if is_triple || target == ANY_TARGET {
        return Ok(());
    }
    let target = printable(target);
    Err(broken(format!(
        "`{target}` of plugin `{id}` is neither a target triple nor `{ANY_TARGET}`"
    )))
}

fn check_version(field: &str, version: &str) -> Result<(), PackError> {
    Version::parse(version).map(|_| ()).map_err(|error| {
        broken(format!(
            "`{field}` is `{}`, which is no semver version: {error}",
            printable(version)
        ))
    })
}

fn check_range(field: &str, range: &str) -> Result<(), PackError> {
    VersionReq::parse(range).map(|_| ()).map_err(|error| {
        broken(format!("`{field}` is `{}`, which is no semver range: {error}", printable(range)))
    })
}

fn check_license(license: &str) -> Result<(), PackError> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+:() ".contains(&byte);
    check_text("license", license)?;
    if license.bytes().all(is_letter) {
        return Ok(());
    }
    let license = printable(license);
    Err(broken(format!("`license` is `{license}`, which is no SPDX expression")))
}

fn check_homepage(page: &str) -> Result<(), PackError> {
    check_text("homepage", page)?;
    if page.starts_with("https://") || page.starts_with("http://") {
        return Ok(());
    }
    let page = printable(page);
    Err(broken(format!("`homepage` is `{page}`, which is no web address")))
}

fn check_text(field: &str, text: &str) -> Result<(), PackError> {
    let why = if text.trim().is_empty() {
        "is empty".to_owned()
    } else if !text.chars().all(is_plain) {
        format!("has a control character: `{}`", printable(text))
    } else if text.chars().count() > LONGEST_TEXT {
        format!("is longer than {LONGEST_TEXT} characters")
    } else {
        return Ok(());
    };
    Err(broken(format!("`{field}` {why}")))
}

fn broken(message: String) -> PackError {
    PackError::refused(CODE, message)
}

#[cfg(test)]
mod tests;
