//! `olive plugin pack`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use olive_schemas::pack::PackManifest;
use serde_json::json;

use super::super::say;
use crate::cli::packs::PackArgs;
use crate::error::Error;
use crate::pack::{self, Options, Packed, Tried};

/// Makes a pack of a plugin, and tells what is in it.
pub(super) fn run(args: &PackArgs) -> Result<(), Error> {
    let start = Instant::now();
    let key = args.key.as_deref().map(pack::secret_key).transpose()?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    let options = Options { out: &out, has_trial: !args.no_test, key: key.as_ref() };
    if options.has_trial && !args.json {
        // Trying a plugin takes seconds in which nothing is to be seen.
        let _ = writeln!(io::stderr(), "trying the plugin; `--no-test` leaves that out");
    }
    let packed = pack::build(&args.dir, &options)?;
    let duration = start.elapsed();
    say(&if args.json { json(&packed, duration) } else { text(&packed, args, duration) });
    Ok(())
}

fn text(packed: &Packed, args: &PackArgs, duration: Duration) -> String {
    let Packed { path, sha256, size, manifest, signed, tried } = packed;
    let provides = manifest.provides();
    let named = |(kind, names): &(&str, &[String])| {
        (!names.is_empty()).then(|| format!("{kind} {}", names.join(", ")))
    };
    let provides: Vec<String> = provides.lists().iter().filter_map(named).collect();
    let tried = tried.map(|Tried { passed, failed, skipped }| {
        format!("{passed} checks passed, {failed} failed, {skipped} skipped")
    });
    let sign = format!("nobody has: olive plugin sign {} --key FILE", shown(path));
    let signed = signed.as_ref().map_or(sign, |signed| format!("by key {}", signed.key_id));
    let why_not = if args.no_test { "not, as --no-test says" } else { "nothing runs here" };
    let mut lines = vec![format!("{} {}", manifest.name, manifest.version)];
    lines.extend(provides.iter().map(|line| format!("  provides  {line}")));
    lines.extend([
        format!("  targets   {}", manifest.targets().join(", ")),
        format!("  api       {}", manifest.api),
        format!("  files     {}", manifest.files.len()),
        format!("  tried     {}", tried.unwrap_or_else(|| why_not.to_owned())),
        format!("  signed    {signed}"),
        format!("  sha256    {sha256}"),
        format!("{}  {size} bytes in {:.1} s", shown(path), duration.as_secs_f64()),
    ]);
    lines.extend(unchanged(manifest).map(|note| format!("note: {note}")));
    lines.join("\n") + "\n"
}

/// What of the template's recipe is still to be changed before others install the pack.
fn unchanged(manifest: &PackManifest) -> impl Iterator<Item = &'static str> {
    let publisher = (manifest.publisher.id == "example").then_some(
        "`example` stands for your name: write it into `name` and `publisher` of `olive-pack.json`",
    );
    let license = (manifest.license == "LicenseRef-Not-Chosen")
        .then_some("no license is chosen yet: write it into `license` of `olive-pack.json`, and its text into `LICENSE`");
    [publisher, license].into_iter().flatten()
}

/// A path in the working directory without the `./` before it.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn json(packed: &Packed, duration: Duration) -> String {
    let Packed { path, sha256, size, manifest, signed, tried } = packed;
    let tried = tried.map(|Tried { passed, failed, skipped }| {
        json!({"passed": passed, "failed": failed, "skipped": skipped})
    });
    let line = json!({
        "name": manifest.name,
        "version": manifest.version,
        "path": path,
        "sha256": sha256,
        "size": size,
        "targets": manifest.targets(),
        "api": manifest.api,
        "provides": manifest.provides(),
        "files": manifest.files.len(),
        "checks": tried,
        "signature": signed.as_ref().map(|signed| &signed.path),
        "key": signed.as_ref().map(|signed| &signed.key_id),
        "seconds": duration.as_secs_f64(),
    });
    format!("{line}\n")
}
