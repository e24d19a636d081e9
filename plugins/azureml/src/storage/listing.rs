//! What lies in a container.

use super::{Container, told};
use crate::AzureError;
use crate::line::accepted;

/// Blobs of all pages at most.
const BLOBS: usize = 1_000_000;

/// A blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Its path in the container.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Entity tag of what it held when it was listed, as headers have it; empty when it has none.
    pub(crate) version: String,
}

impl Container<'_> {
    /// The blobs whose path begins with `prefix`, in order of their paths; without the empty ones that
    /// stand for folders.
    ///
    /// # Errors
    /// When the service does not list them.
    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<Blob>, AzureError> {
        let mut blobs = Vec::new();
        let mut marker = String::new();
        loop {
            let mut query = vec![("restype", "container"), ("comp", "list"), ("prefix", prefix)];
            if !marker.is_empty() {
                query.push(("marker", &marker));
            }
            let answer = accepted(&told(prefix), self.ask("GET", "", &query, &[], None)?)?;
            let text = String::from_utf8_lossy(&answer.content);
            blobs.extend(page(&text));
            if blobs.len() > BLOBS {
                return Err(AzureError::odd(told(prefix), "a list without end"));
            }
            match element(&text, "NextMarker").filter(|next| !next.is_empty()) {
                Some(next) => marker = unescaped(next),
                None => break,
            }
        }
        blobs.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files(&blobs))
    }
}

/// The blobs of one page of a list.
fn page(text: &str) -> impl Iterator<Item = Blob> {
    text.split("<Blob>").skip(1).filter_map(|text| {
        let text = text.split("</Blob>").next()?;
        let is_folder = element(text, "ResourceType") == Some("directory");
        let path = unescaped(element(text, "Name")?);
        let size = element(text, "Content-Length")?.parse().ok()?;
        let version = quoted(element(text, "Etag").unwrap_or_default());
        (!is_folder).then_some(Blob { path, size, version })
    })
}

/// An entity tag as headers have it; lists leave the marks around it out.
fn quoted(tag: &str) -> String {
    match unescaped(tag).trim_matches('"') {
        "" => String::new(),
        tag => format!("\"{tag}\""),
    }
}

/// Without empty blobs that others lie below.
fn files(blobs: &[Blob]) -> Vec<Blob> {
    let is_folder = |blob: &Blob| {
        let below = format!("{}/", blob.path);
        let next = blobs.partition_point(|other| other.path < below);
        blob.size == 0 && blobs.get(next).is_some_and(|other| other.path.starts_with(&below))
    };
    let kept = blobs.iter().filter(|blob| !is_folder(blob) && !blob.path.ends_with('/'));
    kept.cloned().collect()
}

/// The text of the first element of this name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

fn unescaped(text: &str) -> String {
    let mut plain = text.to_owned();
    for (entity, letter) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
    {
        plain = plain.replace(entity, letter);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Blob, element, files, page, quoted};

    /// As Azurite writes it.
    const PAGE: &str = "<?xml version=\"1.0\"?><EnumerationResults><Prefix>m</Prefix><Blobs>\
        <Blob><Name>m/a &amp;lt;.json</Name><Properties><Etag>x</Etag>\
        <Content-Length>12</Content-Length></Properties></Blob>\
        <Blob><Name>m/sub</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>\
        <Blob><Name>m/sub-1</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>\
        <Blob><Name>m/dir</Name><Properties><Content-Length>0</Content-Length>\
        <ResourceType>directory</ResourceType></Properties></Blob>\
        <Blob><Name>m/sub/b</Name><Properties><Content-Length>3</Content-Length></Properties></Blob>\
        </Blobs><NextMarker>2</NextMarker></EnumerationResults>";

    #[test]
    fn a_page_lists_files_and_where_the_next_begins() {
        let mut blobs: Vec<Blob> = page(PAGE).collect();
        blobs.sort_by(|one, other| one.path.cmp(&other.path));
        let blob = |path: &str, size, tag| Blob { path: path.into(), size, version: quoted(tag) };
        let expected =
            [blob("m/a &lt;.json", 12, "x"), blob("m/sub-1", 0, ""), blob("m/sub/b", 3, "")];
        assert_eq!(files(&blobs), expected);
        assert_eq!(element(PAGE, "NextMarker"), Some("2"));
        assert_eq!(page("<EnumerationResults/>").count(), 0);
        for (tag, expected) in [("0x8D", "\"0x8D\""), ("&quot;0x8D&quot;", "\"0x8D\""), ("", "")] {
            assert_eq!(quoted(tag), expected, "{tag}");
        }
    }
}
