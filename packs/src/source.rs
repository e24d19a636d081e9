//! Where a pack is taken from, as the user says it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use olive_schemas::pack::PackName;
use semver::VersionReq;

use crate::PackError;
use crate::data::is_sha256;
use crate::manifest::printable;

/// Where a pack is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An archive on this machine; its signature lies beside it.
    File(PathBuf),
    /// A plugin's folder, which is packed first; nobody signs it.
    Folder(PathBuf),
    /// An archive at an https address; its signature has the address with `.minisig`.
    Url {
        /// The address without fragment.
        url: String,
        /// The digest that the fragment `#sha256=…` names.
        sha256: Option<String>,
    },
    /// An artifact in an OCI registry: `oci://HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]`.
    Oci(String),
    /// A name that the indexes know, `[PUBLISHER/]NAME[@VERSION]`.
    Named {
        /// The name, perhaps without publisher.
        name: String,
        /// The versions that will do.
        requirement: VersionReq,
    },
}

/// What a source can be.
const FORMS: &str = "name a file that ends in `.pack`, a folder, `https://…`, `oci://HOST/REPOSITORY`, \
                     or `[PUBLISHER/]NAME[@VERSION]`";

impl FromStr for Source {
    type Err = PackError;

    /// A word alone is a name, whatever lies in the working directory; a path has a separator or
    /// ends in `.pack`. `publisher/name` is a path when something is there, and a name otherwise.
    fn from_str(text: &str) -> Result<Self, PackError> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return remote(text, &scheme.to_ascii_lowercase(), rest);
        }
        let path = Path::new(text);
        let has_separator = text.chars().any(std::path::is_separator);
        let is_pack = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pack"));
        if is_pack || (has_separator && path.exists()) {
            return local(path);
        }
        match named(text)? {
            Some(source) => Ok(source),
            None if has_separator => local(path),
            None => Err(refused(format!("`{}` is no source of a pack", printable(text)))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Folder(path) => path.display().fmt(f),
            Self::Url { url, sha256: None } => f.write_str(url),
            Self::Url { url, sha256: Some(sha256) } => write!(f, "{url}#sha256={sha256}"),
            Self::Oci(reference) => f.write_str(reference),
            Self::Named { name, requirement } if *requirement == VersionReq::STAR => {
                f.write_str(name)
            }
            Self::Named { name, requirement } => write!(f, "{name}@{requirement}"),
        }
    }
}

fn local(path: &Path) -> Result<Source, PackError> {
    let about = path.metadata().map_err(PackError::io("read", path))?;
    if about.is_dir() {
        return Ok(Source::Folder(path.to_owned()));
    }
    if !about.is_file() {
        let path = path.display();
        return Err(refused(format!("`{path}` is neither a file nor a folder")));
    }
    Ok(Source::File(path.to_owned()))
}

fn remote(text: &str, scheme: &str, rest: &str) -> Result<Source, PackError> {
    let shown = printable(text);
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused(format!(
            "`{shown}` is no address: it has a space or a letter beyond ASCII"
        )));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        let message = format!("`{scheme}://…@…` carries a password, which would be written down");
        return Err(refused(message));
    }
    if authority.is_empty() || path.is_empty() {
        return Err(refused(format!("`{shown}` names no pack on a host")));
    }
    match scheme {
        "https" => url(text),
        "http" if is_loopback(authority) => url(text),
        "http" => Err(refused(format!("`{shown}` would be fetched in the open"))
            .with_help("use `https://`; `http://` is for this machine alone")),
        "oci" => Ok(Source::Oci(text.to_owned())),
        other => Err(refused(format!("packs are not fetched through `{}`", printable(other)))),
    }
}

fn url(text: &str) -> Result<Source, PackError> {
    let Some((url, fragment)) = text.split_once('#') else {
        return Ok(Source::Url { url: text.to_owned(), sha256: None });
    };
    let sha256 = fragment.strip_prefix("sha256=").map(str::to_ascii_lowercase);
    match sha256.filter(|sha256| is_sha256(sha256)) {
        Some(sha256) => Ok(Source::Url { url: url.to_owned(), sha256: Some(sha256) }),
        None => Err(refused(format!("`#{}` is no digest of a pack", printable(fragment)))
            .with_help("write `#sha256=` and 64 hexadecimal digits")),
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A name, when `text` has the form of one.
fn named(text: &str) -> Result<Option<Source>, PackError> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    if !PackName::is_part(name) && name.parse::<PackName>().is_err() {
        return Ok(None);
    }
    let requirement = match version {
        Some(version) => VersionReq::parse(version).map_err(|error| {
            refused(format!("`{}` is no range of versions: {error}", printable(version)))
                .with_help("write `@1.2` for any 1.x from 1.2 on, or `@=1.2.0` for this one alone")
        })?,
        None => VersionReq::STAR,
    };
    Ok(Some(Source::Named { name: name.to_owned(), requirement }))
}

fn refused(message: String) -> PackError {
    PackError::refused("pack-source", message).with_help(FORMS)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Source;

    #[test]
    fn a_source_is_told_by_its_form() {
        let sha256 = "0123456789abcdef".repeat(4);
        for (text, kind) in [
            ("gpu", "Named"),
            ("olive/gpu", "Named"),
            ("olive/gpu@1.2", "Named"),
            ("gpu@=1.2.0", "Named"),
            ("gpu@^1", "Named"),
            ("gpu@>=1.2, <2", "Named"),
            ("src", "Named"),
            ("./src", "Folder"),
            ("src/archive", "Folder"),
            ("./Cargo.toml", "File"),
            ("https://a.example/b.pack", "Url"),
            ("HTTPS://a.example/b.pack", "Url"),
            (&format!("https://a.example/b.pack#sha256={sha256}"), "Url"),
            ("http://localhost:8000/b.pack", "Url"),
            ("http://127.0.0.1/b.pack", "Url"),
            ("http://[::1]:80/b.pack", "Url"),
            ("oci://a.example:5000/b/c:1.2", "Oci"),
        ] {
            let source: Source = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(format!("{source:?}").starts_with(kind), "{text} is {source:?}");
            assert_eq!(source.to_string().parse::<Source>().unwrap(), source, "{text}");
        }
    }

    #[test]
    fn what_is_no_source_is_refused_with_a_way_out() {
        for (text, part) in [
            ("", "no source of a pack"),
            ("Gpu", "no source of a pack"),
            ("gpu@new", "no range of versions"),
            ("gpu@", "no range of versions"),
            ("http://a.example/b.pack", "in the open"),
            ("http://127.0.0.1.a.example/b.pack", "in the open"),
            ("http://localhost.a.example/b.pack", "in the open"),
            ("https://a.example/b.pack#sha256=12", "no digest of a pack"),
            ("https://a.example/b.pack#md5=12", "no digest of a pack"),
            ("https://me:secret@a.example/b.pack", "carries a password"),
            ("https://a.example", "names no pack on a host"),
            ("https:///b.pack", "names no pack on a host"),
            ("https://a.example/b c.pack", "no address"),
            ("https://a.example/\u{202e}kcap.pack", "\\u{202e}"),
            ("oci://a.example", "names no pack on a host"),
            ("ftp://a.example/b.pack", "not fetched through `ftp`"),
            ("file:///b.pack", "names no pack on a host"),
            ("/dev/null", "neither a file nor a folder"),
        ] {
            let error = text.parse::<Source>().expect_err(text);
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(!error.to_string().contains("secret"));
            assert!(error.help().is_some(), "{text}");
        }
        for text in ["none.pack", "./none", "none/none/none", "/none"] {
            let error = text.parse::<Source>().expect_err(text);
            assert!(error.to_string().starts_with("cannot read `"), "{text}: {error}");
        }
    }

    #[test]
    fn a_path_that_is_there_stands_before_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("a.pack");
        fs::write(&pack, "").unwrap();
        let parse = |text: &std::path::Path| text.to_str().unwrap().parse::<Source>().unwrap();
        assert_eq!(parse(&pack), Source::File(pack.clone()));
        assert_eq!(parse(folder.path()), Source::Folder(folder.path().to_owned()));
    }
}
