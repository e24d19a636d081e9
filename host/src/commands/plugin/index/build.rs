//! `olive plugin index build`.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use olive_packs::PackError;
use olive_packs::archive::{self, Limits};
use olive_packs::index::{self, Yank};
use olive_packs::signature::SUFFIX;
use olive_schemas::pack::{IndexEntry, PackIndex};

use super::super::super::say;
use super::size;
use crate::cli::packs::IndexBuildArgs;
use crate::error::Error;
use crate::pack;
use crate::store::files::write_atomically;

/// Writes an index of packs, and signs it when there is a key.
pub(super) fn run(args: &IndexBuildArgs) -> Result<(), Error> {
    let output = &args.output;
    let last = last(output)?;
    let name = args.name.clone().or_else(|| last.as_ref().map(|last| last.name.clone()));
    let name = name.ok_or_else(|| {
        let output = output.display();
        Error::Usage(format!("there is no index `{output}` yet; `--name` says what it is called"))
    })?;
    let key = args.key.as_ref().map(|path| pack::secret_key(path)).transpose()?;
    let yanks = args.yanked.iter().map(|yank| parse_yank(yank)).collect::<Result<Vec<_>, _>>()?;
    let entries = args.packs.iter().map(|pack| entry(pack, args)).collect::<Result<Vec<_>, _>>()?;

    let built = index::grown(last, &name, entries, &yanks)?;
    let has_changed = write(output, index::text(&built)?.as_bytes())?;
    let verb = if has_changed { "wrote" } else { "nothing to change in" };
    let wrote = format!("{verb} {}: index {name}, {}", output.display(), size(&built));
    let signed = match key {
        Some(key) => format!("signed by key {}", pack::sign(output, &key)?.key_id),
        None if beside(output).exists() => "signed as before".to_owned(),
        None => "nobody has signed it: users take it once `olive plugin sign` has".to_owned(),
    };
    say(&format!("{wrote}\n{signed}\n"));
    Ok(())
}

/// The index that is there.
fn last(output: &Path) -> Result<Option<PackIndex>, PackError> {
    match fs::read(output) {
        Ok(content) => index::parse(&content, &output.display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PackError::io("read", output)(error)),
    }
}

/// `NAME@VERSION=REASON`.
fn parse_yank(text: &str) -> Result<Yank, Error> {
    let parse = || {
        let (name, rest) = text.split_once('@')?;
        let (version, reason) = rest.split_once('=')?;
        let reason = Some(reason.trim()).filter(|reason| !reason.is_empty())?;
        let name = name.parse().ok()?;
        Some(Yank { name, version: version.to_owned(), reason: reason.to_owned() })
    };
    parse().ok_or_else(|| {
        let text = text.escape_debug();
        Error::Usage(format!("`--yank {text}` is not of the form `PUBLISHER/NAME@VERSION=REASON`"))
    })
}

/// How the pack at `path` is listed.
fn entry(path: &Path, args: &IndexBuildArgs) -> Result<IndexEntry, Error> {
    let open = || File::open(path).map_err(PackError::io("read", path));
    let described =
        archive::describe(open()?, &Limits::default()).map_err(|error| error.of_archive(path))?;
    let (sha256, size) = archive::digest(open()?).map_err(PackError::io("read", path))?;
    let url = match &args.base_url {
        Some(base) => {
            let file = path.file_name().unwrap_or_default().display();
            format!("{}/{file}", base.trim_end_matches('/'))
        }
        None => below(path, &args.output)?,
    };
    Ok(index::entry(&described.manifest, &url, &sha256, size))
}

/// The path of a pack from the folder of the index.
fn below(pack: &Path, output: &Path) -> Result<String, PackError> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let real = |path: &Path| path.canonicalize().map_err(PackError::io("find", path));
    let (real_pack, real_folder) = (real(pack)?, real(folder)?);
    let Ok(relative) = real_pack.strip_prefix(&real_folder) else {
        let message = format!(
            "`{}` does not lie below `{}`, where the index is",
            pack.display(),
            folder.display()
        );
        return Err(PackError::refused("index-place", message)
            .with_help("`--base-url` says where the packs are published"));
    };
    let parts: Vec<String> = relative
        .components()
        .map(|part: Component<'_>| part.as_os_str().display().to_string())
        .collect();
    Ok(parts.join("/"))
}

/// Writes the index unless it is there already; says whether it did. A signature of what was there
/// goes first.
fn write(output: &Path, content: &[u8]) -> Result<bool, PackError> {
    if fs::read(output).is_ok_and(|there| there == content) {
        return Ok(false);
    }
    let signature = beside(output);
    if signature.exists() {
        fs::remove_file(&signature).map_err(PackError::io("remove", &signature))?;
    }
    write_atomically(output, content).map_err(PackError::io("write", output))?;
    Ok(true)
}

fn beside(output: &Path) -> PathBuf {
    let mut path = output.as_os_str().to_owned();
    path.push(SUFFIX);
    path.into()
}
