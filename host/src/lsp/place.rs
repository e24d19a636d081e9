//! Where a document lies: its URI as a path.

use std::path::PathBuf;

use lsp_types::Uri;

use crate::config::source::Format;

/// The path of the document at `uri`, whose language the client calls `language`.
///
/// A document without a file is as if it lay in the working folder. A path whose suffix names no
/// format gets one by the language; none when that is not read either.
pub(super) fn path(uri: &Uri, language: &str) -> Option<PathBuf> {
    let path = file(&uri.0).unwrap_or_else(|| "untitled".into());
    let suffix = match language.to_ascii_lowercase().as_str() {
        "json" | "jsonc" => "json",
        "yaml" => "yaml",
        "markdown" => "md",
        _ => return Format::of(&path).filter(|_| path.extension().is_some()).map(|_| path),
    };
    let is_read = path.extension().is_some() && Format::of(&path).is_some();
    Some(if is_read { path } else { path.with_extension(suffix) })
}

fn file(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = &rest[rest.find('/')?..];
    let path = decode(path.split(['?', '#']).next().unwrap_or_default());
    let has_drive = path.as_bytes().get(2) == Some(&b':');
    Some(PathBuf::from(if has_drive { &path[1..] } else { &path }))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lsp_types::Uri;

    use super::path;

    #[test]
    fn uris_are_paths() {
        for (uri, language, expected) in [
            ("file:///a/b%20c/%C3%A9.json", "json", Some("/a/b c/é.json")),
            ("file:///c%3A/x.yaml", "yaml", Some("c:/x.yaml")),
            ("file://localhost/a.md", "markdown", Some("/a.md")),
            ("file:///a/100%.json", "", Some("/a/100%.json")),
            ("file:///a/config", "jsonc", Some("/a/config.json")),
            ("file:///a/config", "", None),
            ("file:///a.toml", "toml", None),
            ("file:///a.json5", "json5", None),
            ("untitled:Untitled-1", "yaml", Some("untitled.yaml")),
            ("file:///a.json", "plaintext", Some("/a.json")),
        ] {
            let found = path(&Uri(uri.to_owned()), language);
            assert_eq!(found, expected.map(PathBuf::from), "{uri}");
        }
    }
}
