//! A pack as people and programs read about it.

use olive_schemas::pack::PackFile;
use serde_json::json;

use super::super::install::contents;
use super::Pack;
use crate::render::plain;
use crate::units;

/// The page for people.
pub(super) fn text(pack: &Pack) -> String {
    let manifest = &pack.manifest;
    let publisher = &manifest.publisher;
    let mut lines = vec![
        format!("{} {}", manifest.name, manifest.version),
        format!("  {}", plain(&manifest.description)),
    ];
    let mut row = |title: &str, text: &str| lines.push(format!("  {title:11}  {}", plain(text)));
    row("publisher", &format!("{} ({})", publisher.name, publisher.id));
    row("license", &manifest.license);
    manifest.homepage.iter().for_each(|page| row("homepage", page));
    row("signed by", &pack.signature);
    row("state", &pack.state);
    row("source", &pack.source);
    row("archive", &format!("{}, SHA-256 {}", bytes(pack.size), pack.sha256));
    row("plugin API", &manifest.api);
    manifest.min_host.iter().for_each(|version| row("Olive", &format!(">={version}")));
    row("targets", &manifest.targets().join(", "));
    pack.misfit.iter().for_each(|misfit| row("does not fit", misfit));
    let names = |names: &[_]| names.iter().map(ToString::to_string).collect::<Vec<String>>();
    if !manifest.conflicts.is_empty() {
        row("conflicts", &names(&manifest.conflicts).join(", "));
    }
    if !manifest.replaces.is_empty() {
        row("replaces", &names(&manifest.replaces).join(", "));
    }
    if pack.is_installed {
        row("folder", &pack.folder.display().to_string());
    }
    lines.push("  provides".into());
    let parts = contents::parts(manifest, &pack.folder);
    lines.extend(parts.iter().map(|part| format!("    {}", contents::line(part))));
    let total: u64 = manifest.files.iter().map(|file| file.size).sum();
    lines.push(format!("  files        {}, {}", manifest.files.len(), bytes(total)));
    lines.extend(manifest.files.iter().map(|file| format!("    {}", line(file))));
    lines.join("\n") + "\n"
}

/// One JSON object.
pub(super) fn json(pack: &Pack) -> String {
    let parts = contents::parts(&pack.manifest, &pack.folder);
    let line = json!({
        "manifest": pack.manifest,
        "source": pack.source,
        "sha256": pack.sha256,
        "size": pack.size,
        "key": pack.signer,
        "signature": pack.signature,
        "state": pack.state,
        "is_installed": pack.is_installed,
        "misfit": pack.misfit,
        "folder": pack.is_installed.then_some(&pack.folder),
        "targets": pack.manifest.targets(),
        "provides": parts.iter().map(contents::json).collect::<Vec<_>>(),
    });
    format!("{line}\n")
}

fn line(file: &PackFile) -> String {
    let mark = if file.executable { "  program" } else { "" };
    format!("{:>10}  {}{mark}", bytes(file.size), file.path)
}

fn bytes(count: u64) -> String {
    units::bytes(count as f64)
}
