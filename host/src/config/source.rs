//! Reading a config file into text with positions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::missing;

/// Bytes a config file may have; the largest public Olive config has 40 kB.
const LIMIT_BYTES: u64 = 8 << 20;

/// What some editors write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The language a config is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON with comments and trailing commas.
    Json,
    /// YAML 1.2.
    Yaml,
    /// A document that shows the config in code blocks.
    Markdown,
}

/// A config file's text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path as the user gave it.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

/// Why a config file could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read config `{}`: {source}", path.display())]
    Io {
        /// Path as the user gave it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than any config.
    #[error("config `{}` has {found} bytes, the limit is {LIMIT_BYTES}", path.display())]
    TooLarge {
        /// Path as the user gave it.
        path: PathBuf,
        /// Size of the file.
        found: u64,
    },
    /// The file is no text.
    #[error("config `{}` is not UTF-8 text (byte {offset})", path.display())]
    NotText {
        /// Path as the user gave it.
        path: PathBuf,
        /// First byte that is no UTF-8.
        offset: usize,
    },
    /// The file is UTF-16 text, as some shells of Windows write it.
    #[error("config `{}` is UTF-16 text; save it as UTF-8", path.display())]
    Utf16 {
        /// Path as the user gave it.
        path: PathBuf,
    },
    /// The file's suffix names a format that is not read.
    #[error(
        "config `{}` is of no known format: `.json`, `.jsonc`, `.yaml`, `.yml`, `.md` and \
         `.markdown` files are read",
        path.display()
    )]
    Format {
        /// Path as the user gave it.
        path: PathBuf,
    },
}

impl ReadError {
    /// What to try.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { path, .. } if path.is_dir() => {
                Some("a config is a file: name the one in this folder".into())
            }
            Self::Io { path, source } if source.kind() == io::ErrorKind::NotFound => {
                Some(match missing::neighbor(path, Path::new(".")) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "`olive init FILE` writes a config to start from".into(),
                })
            }
            Self::Io { .. }
            | Self::TooLarge { .. }
            | Self::NotText { .. }
            | Self::Utf16 { .. }
            | Self::Format { .. } => None,
        }
    }
}

/// Reads the config file at `path`; a file without a suffix is JSON.
///
/// # Errors
/// When the file is missing, too large, no UTF-8, or of a format that is not read.
pub fn read(path: &Path) -> Result<Source, ReadError> {
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    if Format::of(path).is_none() {
        return Err(ReadError::Format { path: path.to_owned() });
    }
    let found = fs::metadata(path).map_err(io_error)?.len();
    if found > LIMIT_BYTES {
        return Err(ReadError::TooLarge { path: path.to_owned(), found });
    }
    let text = text_of(fs::read(path).map_err(io_error)?, path)?;
    Ok(Source { path: path.to_owned(), text })
}

fn text_of(mut bytes: Vec<u8>, path: &Path) -> Result<String, ReadError> {
    // Two bytes a character: one of the first two is 0, unless a mark stands before them.
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] = bytes[..] {
        return Err(ReadError::Utf16 { path: path.to_owned() });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| ReadError::NotText {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

impl Format {
    /// The format that the suffix of `path` names; without a suffix it is JSON.
    pub fn of(path: &Path) -> Option<Self> {
        let Some(suffix) = path.extension() else { return Some(Self::Json) };
        match suffix.to_str()?.to_ascii_lowercase().as_str() {
            "json" | "jsonc" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "md" | "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }
}

impl Source {
    /// The language of the text; of an unknown suffix it is JSON.
    pub fn format(&self) -> Format {
        Format::of(&self.path).unwrap_or(Format::Json)
    }

    /// Folder that relative paths of the config start at, absolute.
    pub fn folder(&self) -> PathBuf {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Line and column (both from 1, columns in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// Text of a line, counted from 1.
    pub fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line - 1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Format, Source, read, text_of};

    #[test]
    fn columns_count_characters() {
        let source = Source { path: "x.json".into(), text: "{\n  \"é\": 1\n}".into() };
        let offset = source.text.find('1').unwrap();
        assert_eq!(source.position(offset), (2, 8));
        assert_eq!(source.line(2), "  \"é\": 1");
    }

    #[test]
    fn the_suffix_names_the_format() {
        for (path, format) in [
            ("a.json", Some(Format::Json)),
            ("a.jsonc", Some(Format::Json)),
            ("config", Some(Format::Json)),
            ("a.yaml", Some(Format::Yaml)),
            ("a.YML", Some(Format::Yaml)),
            ("recipe.he.md", Some(Format::Markdown)),
            ("a.markdown", Some(Format::Markdown)),
            ("a.toml", None),
        ] {
            assert_eq!(Format::of(Path::new(path)), format, "{path}");
        }
        let said = read(Path::new("a.toml")).unwrap_err().to_string();
        assert!(said.contains("`.yaml`"), "{said}");
    }

    #[test]
    fn only_utf8_is_text() {
        let text = |bytes: &[u8]| {
            text_of(bytes.to_vec(), Path::new("c.json")).map_err(|error| error.to_string())
        };
        assert_eq!(text(b"\xef\xbb\xbf{}"), Ok("{}".into()));
        let wide = Err("config `c.json` is UTF-16 text; save it as UTF-8".into());
        for bytes in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"{\0}\0", b"\0{\0}"] {
            assert_eq!(text(bytes), wide);
        }
        assert_eq!(text(b"{\xe9"), Err("config `c.json` is not UTF-8 text (byte 1)".into()));
        assert_eq!(text(b""), Ok(String::new()));
    }
}
