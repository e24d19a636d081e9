//! Paths as URIs (RFC 3986, RFC 8089).

use std::path::{Component, Path, PathBuf};

/// The path as a URI: relative when the file lies below `folder`, else with scheme `file`.
pub(super) fn uri(path: &Path, folder: &Path) -> String {
    let path = normal(&folder.join(path));
    if let Ok(below) = path.strip_prefix(normal(folder)) {
        return joined(below);
    }
    let path = joined(&path);
    // A path with a drive letter has no slash of its own.
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("file://{slash}{path}")
}

/// The path without `.` and `..`; links are not followed.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                normal.push(component);
            }
        }
    }
    normal
}

fn joined(path: &Path) -> String {
    let mut uri = String::new();
    for component in path.components() {
        if matches!(component, Component::RootDir) {
            uri.push('/');
            continue;
        }
        if !uri.is_empty() && !uri.ends_with('/') {
            uri.push('/');
        }
        uri.extend(component.as_os_str().as_encoded_bytes().iter().map(|&byte| encoded(byte)));
    }
    uri
}

fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use super::uri;

    #[test]
    fn paths_below_the_folder_are_relative() {
        for (path, expected) in [
            ("a.json", "a.json"),
            ("./b/../c d#é.json", "c%20d%23%C3%A9.json"),
            ("/home/here/b/a.json", "b/a.json"),
            ("../a.json", "file:///home/a.json"),
            ("/other/a:b.json", "file:///other/a%3Ab.json"),
        ] {
            assert_eq!(uri(Path::new(path), Path::new("/home/here")), expected);
        }
    }
}
