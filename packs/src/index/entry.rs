//! One version of a pack in an index.

use std::path::Path;

use olive_schemas::pack::{IndexEntry, PackManifest};

use crate::manifest::printable;

/// An entry, with the index that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Name of the index.
    pub index: String,
    /// URL or path of the index; the entry's URL may be relative to it.
    pub index_url: String,
    /// The entry.
    pub entry: IndexEntry,
}

impl Found {
    /// Where the archive is: a URL or a path.
    pub fn location(&self) -> String {
        let (index, url) = (&self.index_url, &self.entry.url);
        if url.contains("://") {
            return url.clone();
        }
        if !index.contains("://") {
            let folder = Path::new(index).parent().unwrap_or(Path::new("."));
            return folder.join(url).display().to_string();
        }
        let index = index.split(['?', '#']).next().unwrap_or_default();
        let folder = match index.rsplit_once('/') {
            Some((folder, _)) if !folder.ends_with('/') => folder,
            // The index is the root of its server.
            _ => index,
        };
        format!("{folder}/{url}")
    }
}

/// The entry of a pack whose archive is at `url`.
pub fn entry(manifest: &PackManifest, url: &str, sha256: &str, size: u64) -> IndexEntry {
    IndexEntry {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        publisher: manifest.publisher.clone(),
        license: manifest.license.clone(),
        description: manifest.description.clone(),
        homepage: manifest.homepage.clone(),
        api: manifest.api.clone(),
        targets: manifest.targets(),
        provides: manifest.provides(),
        url: url.to_owned(),
        sha256: sha256.to_owned(),
        size,
        yanked: None,
    }
}

/// Checks that an archive can be at `url`: an https or oci address, or a path below the index.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("the address `{}`, {why}", printable(url)));
    let is_plain = |text: &str, more: &[u8]| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    if let Some((scheme, rest)) = url.split_once("://") {
        return match scheme {
            "https" | "oci" if is_plain(rest, b"-._~:/?[]@!$&'()*+,;=%") && !rest.is_empty() => {
                Ok(())
            }
            "https" | "oci" => refuse("which is none"),
            _ => refuse("which is neither https, nor oci, nor a path below the index"),
        };
    }
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && is_plain(part, b"-._~+");
    if url.split('/').all(is_part) { Ok(()) } else { refuse("which is no path below the index") }
}

#[cfg(test)]
mod tests {
    use super::{Found, check_url, entry};
    use crate::samples::manifest;

    #[test]
    fn archives_are_at_addresses_or_below_the_index() {
        for (url, is_one) in [
            ("acme-prune-1.2.0.pack", true),
            ("v1/acme-prune-1.2.0+cuda.pack", true),
            ("https://example.com/a%20b.pack?x=1", true),
            ("oci://example.com:5000/acme/prune@sha256:ab", true),
            ("http://example.com/x.pack", false),
            ("file:///etc/passwd", false),
            ("https://", false),
            ("https://exa mple.com/x", false),
            ("https://example.com/x#y", false),
            ("/etc/passwd", false),
            ("../x.pack", false),
            ("a/../../x.pack", false),
            ("a//x.pack", false),
            ("a\\..\\x.pack", false),
            ("c:x.pack", false),
            ("%2e%2e/x.pack", false),
            ("x.pack?y", false),
            ("", false),
        ] {
            assert_eq!(check_url(url).is_ok(), is_one, "{url}");
        }
    }

    #[test]
    fn a_path_is_relative_to_the_index() {
        for (index, url, location) in [
            ("/srv/index.json", "x.pack", "/srv/x.pack"),
            ("/srv/index.json", "v1/x.pack", "/srv/v1/x.pack"),
            ("https://a.example/packs/index.json", "x.pack", "https://a.example/packs/x.pack"),
            ("https://a.example/packs/?t=1/2", "x.pack", "https://a.example/packs/x.pack"),
            ("https://a.example", "x.pack", "https://a.example/x.pack"),
            (
                "https://a.example/index.json",
                "https://b.example/x.pack",
                "https://b.example/x.pack",
            ),
            ("/srv/index.json", "oci://b.example/x:1", "oci://b.example/x:1"),
        ] {
            let entry = entry(&manifest("acme/prune", "1.0.0"), url, "", 1);
            let found = Found { index: "acme".into(), index_url: index.into(), entry };
            assert_eq!(found.location(), location);
        }
    }
}
