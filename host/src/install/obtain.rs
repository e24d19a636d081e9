//! Getting hold of an archive: from a file, a folder, an https address, a registry, or by name.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use olive_packs::PackError;
use olive_packs::archive::{self, Limits};
use olive_packs::index::Found;
use olive_packs::signature::{SUFFIX, Signature};
use olive_packs::source::Source;
use olive_schemas::pack::PackName;
use olive_transport::{Fetched, Request, oci};
use tempfile::TempDir;

use super::{InstallContext, Rules, Stage, Watch, absolute};
use crate::error::Error;
use crate::pack;

/// Bytes of a signature at most.
const SIGNATURE_BYTES: u64 = 16 << 10;
/// Longest time without a byte from a server.
const PATIENCE: Duration = Duration::from_secs(30);
/// Age at which a folder of a fetch belongs to a command that was killed.
const STALE: Duration = Duration::from_hours(24);

/// An archive at hand, which nobody has judged yet.
pub struct Obtained {
    /// The archive.
    pub archive: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
    /// Its signature, unchecked.
    pub signature: Option<Signature>,
    /// Where it came from, as `olive plugin install` takes it; names this very content where a
    /// source of that kind can.
    pub source: String,
    /// The pack it must hold, when an index or a lock file has said so.
    pub expected: Option<(PackName, String)>,
    /// When getting hold of it began.
    pub begun_at: Instant,
    /// Holds the archive when it is not the user's own file.
    _folder: Option<TempDir>,
}

/// What an archive must be, by the word of an index or a lock file.
#[derive(Debug, Clone)]
pub struct Pin {
    /// Name of the pack.
    pub name: PackName,
    /// Version of the pack.
    pub version: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// Who says so: ``index `acme` ``, `olive.lock`.
    pub by: String,
}

/// Gets hold of the archive of `source`, which must be as `pin` says.
///
/// # Errors
/// When it cannot be found, fetched or built, or is something else than `pin` says.
pub fn obtain(
    source: &Source,
    pin: Option<&Pin>,
    rules: &Rules,
    context: &InstallContext,
    watch: &dyn Watch,
) -> Result<Obtained, Error> {
    match source {
        Source::File(path) => file(path, pin),
        Source::Folder(path) => folder(path, pin, rules, context),
        Source::Url { url, sha256 } => https(url, sha256.as_deref(), pin, context, watch),
        Source::Oci(reference) => registry(reference, pin, context, watch),
        Source::Named { name, requirement } => {
            let found = context.indexes.find(name, requirement, &context.machine)?;
            let listed = listed(&found);
            if let Some(pin) = pin {
                check_pin(pin, &listed.sha256, &format!("what {} lists", listed.by))?;
            }
            let source = format!("{}@={}", found.entry.name, found.entry.version);
            let location = found.location();
            let obtained = obtain(&place(&location), Some(&listed), rules, context, watch)?;
            Ok(Obtained { source, ..obtained })
        }
    }
}

/// What an index says about an archive.
fn listed(found: &Found) -> Pin {
    let entry = &found.entry;
    Pin {
        name: entry.name.clone(),
        version: entry.version.clone(),
        sha256: entry.sha256.clone(),
        size: entry.size,
        by: format!("index `{}`", found.index),
    }
}

/// The source at a location of an index, which is never a name.
fn place(location: &str) -> Source {
    if location.starts_with("oci://") {
        Source::Oci(location.to_owned())
    } else if location.contains("://") {
        Source::Url { url: location.to_owned(), sha256: None }
    } else {
        Source::File(location.into())
    }
}

fn file(path: &Path, pin: Option<&Pin>) -> Result<Obtained, Error> {
    let begun_at = Instant::now();
    let path = &absolute(path)?;
    let metadata = fs::metadata(path).map_err(PackError::io("read", path))?;
    let (size, most) = (metadata.len(), Limits::default().archive);
    if !metadata.is_file() {
        let what = format!("`{}` is no file", path.display());
        return Err(PackError::refused("pack-source", what).into());
    }
    if size > most {
        let what = format!("`{}` has {size} bytes, and a pack at most {most}", path.display());
        return Err(PackError::refused("pack-too-large", what).into());
    }
    let content = File::open(path).map_err(PackError::io("read", path))?;
    let (sha256, size) = archive::digest(content).map_err(PackError::io("read", path))?;
    let source = path.display().to_string();
    if let Some(pin) = pin {
        check_pin(pin, &sha256, &format!("`{source}`"))?;
    }
    let signature = signature_beside(path)?;
    let expected = pin.map(Pin::pack);
    let archive = path.clone();
    Ok(Obtained { archive, sha256, size, signature, source, expected, begun_at, _folder: None })
}

fn folder(
    path: &Path,
    pin: Option<&Pin>,
    rules: &Rules,
    context: &InstallContext,
) -> Result<Obtained, Error> {
    let begun_at = Instant::now();
    let path = &absolute(path)?;
    if !rules.allow_unsigned {
        // Said before anything of the folder runs.
        let what = format!("nobody has signed the pack in the folder `{}`", path.display());
        let help = "`--allow-unsigned` installs it all the same; `olive plugin pack` makes a file \
                    of it that can be signed";
        return Err(PackError::refused("pack-unsigned", what).with_help(help).into());
    }
    let kept = own_folder(&context.downloads)?;
    let packed =
        pack::build(path, &pack::Options { out: kept.path(), has_trial: false, key: None })?;
    let obtained = file(&packed.path, pin)?;
    let source = path.display().to_string();
    Ok(Obtained { source, signature: None, begun_at, _folder: Some(kept), ..obtained })
}

fn https(
    url: &str,
    sha256: Option<&str>,
    pin: Option<&Pin>,
    context: &InstallContext,
    watch: &dyn Watch,
) -> Result<Obtained, Error> {
    let begun_at = Instant::now();
    if let (Some(pin), Some(sha256)) = (pin, sha256) {
        check_pin(pin, sha256, &format!("what `{url}` is to have"))?;
    }
    let kept = own_folder(&context.downloads)?;
    let to = kept.path().join(file_name(url));
    let transfer = Transfer { pin, sha256, downloads: &context.downloads, watch };
    let fetched = transfer.run(url, |request| olive_transport::fetch(url, &to, request))?;
    let signature = transfer.signature_at(url)?;
    let source = format!("{url}#sha256={}", fetched.sha256);
    Ok(fetched_from(source, fetched, signature, pin, begun_at, kept))
}

fn registry(
    reference: &str,
    pin: Option<&Pin>,
    context: &InstallContext,
    watch: &dyn Watch,
) -> Result<Obtained, Error> {
    let begun_at = Instant::now();
    let kept = own_folder(&context.downloads)?;
    let to = kept.path().join("from-registry.pack");
    let transfer = Transfer { pin, sha256: None, downloads: &context.downloads, watch };
    let pulled = transfer.run(reference, |request| oci::pull(reference, &to, request))?;
    let signature = pulled.signature.as_deref().map(Signature::parse).transpose()?;
    Ok(fetched_from(pulled.pinned, pulled.archive, signature, pin, begun_at, kept))
}

fn fetched_from(
    source: String,
    fetched: Fetched,
    signature: Option<Signature>,
    pin: Option<&Pin>,
    begun_at: Instant,
    kept: TempDir,
) -> Obtained {
    Obtained {
        archive: fetched.path,
        sha256: fetched.sha256,
        size: fetched.size,
        signature,
        source,
        expected: pin.map(Pin::pack),
        begun_at,
        _folder: Some(kept),
    }
}

/// A transfer of an archive and its signature.
struct Transfer<'a> {
    pin: Option<&'a Pin>,
    sha256: Option<&'a str>,
    downloads: &'a Path,
    watch: &'a dyn Watch,
}

impl Transfer<'_> {
    fn run<T, E: Into<Error>>(
        &self,
        subject: &str,
        fetch: impl FnOnce(&Request<'_>) -> Result<T, E>,
    ) -> Result<T, Error> {
        let fetched = fetch(&Request {
            limit: self.pin.map_or(Limits::default().archive, |pin| pin.size),
            sha256: self.pin.map(|pin| pin.sha256.as_str()).or(self.sha256),
            bearer: None,
            partial_dir: self.downloads.to_owned(),
            patience: PATIENCE,
            on_progress: &|done, total| {
                self.watch.progress(Stage::Fetch, subject, done, total);
            },
            is_cancelled: &|| self.watch.is_cancelled(),
        });
        self.watch.stage_ended();
        fetched.map_err(Into::into)
    }

    /// The signature of the archive at `url`, if the server has one.
    fn signature_at(&self, url: &str) -> Result<Option<Signature>, Error> {
        let (path, query) = url.split_at(url.find('?').unwrap_or(url.len()));
        let request = Request {
            limit: SIGNATURE_BYTES,
            sha256: None,
            bearer: None,
            partial_dir: self.downloads.to_owned(),
            patience: PATIENCE,
            on_progress: &|_, _| {},
            is_cancelled: &|| self.watch.is_cancelled(),
        };
        let bytes = olive_transport::fetch_small(&format!("{path}{SUFFIX}{query}"), &request)?;
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(text.map(|text| Signature::parse(&text)).transpose()?)
    }
}

/// The signature in the file beside the archive at `path`, if there is one.
fn signature_beside(path: &Path) -> Result<Option<Signature>, PackError> {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    let path = PathBuf::from(name);
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(PackError::io("read", &path))?;
    file.take(SIGNATURE_BYTES).read_to_end(&mut bytes).map_err(PackError::io("read", &path))?;
    Signature::parse(&String::from_utf8_lossy(&bytes)).map(Some)
}

impl Pin {
    fn pack(&self) -> (PackName, String) {
        (self.name.clone(), self.version.clone())
    }
}

fn check_pin(pin: &Pin, sha256: &str, what: &str) -> Result<(), PackError> {
    if pin.sha256 == sha256 {
        return Ok(());
    }
    let Pin { name, version, by, sha256: wanted, .. } = pin;
    let message = format!(
        "{what} is not the {name} {version} that {by} names: its SHA-256 is {sha256}, not {wanted}"
    );
    Err(PackError::refused("pack-other-content", message))
}

/// Last part of the path of `url`.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    if olive_packs::manifest::check_path(name).is_ok() { name } else { "fetched.pack" }
}

/// A new folder in `downloads` that goes when it is dropped; sweeps away those of killed commands.
fn own_folder(downloads: &Path) -> Result<TempDir, PackError> {
    const PREFIX: &str = "taking-";
    fs::create_dir_all(downloads).map_err(PackError::io("make", downloads))?;
    for entry in fs::read_dir(downloads).map_err(PackError::io("read", downloads))?.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let age = entry.metadata().and_then(|metadata| metadata.modified());
        let age = age.map(|made| SystemTime::now().duration_since(made).unwrap_or_default());
        if is_ours && age.is_ok_and(|age| age > STALE) {
            // It is in nobody's way: another command can have removed it, or may do it next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(downloads);
    made.map_err(PackError::io("make a folder in", downloads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_called_as_its_address_says() {
        for (url, name) in [
            ("https://example.com/a/acme-prune-1.0.0.pack", "acme-prune-1.0.0.pack"),
            ("https://example.com/a/x.pack?token=1/2", "x.pack"),
            ("https://example.com/", "fetched.pack"),
            ("https://example.com/..", "fetched.pack"),
        ] {
            assert_eq!(file_name(url), name, "{url}");
        }
    }

    #[test]
    fn a_location_of_an_index_is_no_name() {
        assert_eq!(place("oci://host/a:1"), Source::Oci("oci://host/a:1".into()));
        assert_eq!(place("prune"), Source::File("prune".into()));
        let url = "https://example.com/a.pack";
        assert_eq!(place(url), Source::Url { url: url.into(), sha256: None });
    }
}
