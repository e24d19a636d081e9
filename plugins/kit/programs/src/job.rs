//! The files of a job: written whole, read piece by piece.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use olive_schemas::system::LogPart;

/// Bytes of a log after which no further line is given: all must fit into one message to the host.
const PART: u64 = 4 << 20;
/// Lines of what a job complained of that are shown.
const LAST_LINES: usize = 10;

/// Writes the file `name` of `folder`, whole, for nobody else to read: variables may hold secrets.
///
/// # Errors
/// When it cannot be written.
pub fn put(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = folder.join(format!("{name}.new"));
    create_private(&new)?.write_all(text.as_bytes())?;
    fs::rename(&new, folder.join(name))
}

/// The file `name` of `folder`, which may not be there yet, without the end of its line.
pub fn get(folder: &Path, name: &str) -> Option<String> {
    let bytes = fs::read(folder.join(name)).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// What stands in the file at `path` from byte `from` on, or the first of it, in whole lines unless
/// its writer `has_ended`. There is nothing in a file that is not there yet.
///
/// # Errors
/// When it cannot be read.
pub fn log(path: &Path, from: u64, has_ended: bool) -> io::Result<LogPart> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => {
            let mut file = opened?;
            file.seek(SeekFrom::Start(from))?;
            let mut lines = BufReader::new(file);
            lines.by_ref().take(PART).read_to_end(&mut bytes)?;
            lines.read_until(b'\n', &mut bytes)?;
        }
    }
    if !has_ended {
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
    }
    let next = from + bytes.len() as u64;
    Ok(LogPart { text: String::from_utf8_lossy(&bytes).into_owned(), next })
}

/// The last lines of the file `name` of `folder`, for people.
pub fn last_lines(folder: &Path, name: &str) -> Vec<String> {
    let text = get(folder, name).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{get, last_lines, log, put};

    #[test]
    fn files_are_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(get(folder.path(), "code"), None);
        put(folder.path(), "code", "0\n").unwrap();
        assert_eq!(get(folder.path(), "code").as_deref(), Some("0"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("code")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let lines: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        put(folder.path(), "err", &lines.join("\n")).unwrap();
        assert_eq!(last_lines(folder.path(), "err"), lines[2..]);
        assert_eq!(last_lines(folder.path(), "none"), Vec::<String>::new());
    }

    #[test]
    fn logs_are_given_in_whole_lines_and_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        assert_eq!(log(&path, 0, false).unwrap().next, 0);
        fs::write(&path, "one\ntwo\nthr").unwrap();
        for (from, has_ended, text, next) in [
            (0, false, "one\ntwo\n", 8),
            (4, false, "two\n", 8),
            (8, false, "", 8),
            (8, true, "thr", 11),
        ] {
            let part = log(&path, from, has_ended).unwrap();
            assert_eq!((part.text.as_str(), part.next), (text, next));
        }
    }

    #[test]
    fn a_long_log_is_given_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let line = "x".repeat(3 << 20) + "\n";
        fs::write(&path, line.repeat(3)).unwrap();
        let first = log(&path, 0, true).unwrap();
        assert!(first.text == line.repeat(2));
        assert!(log(&path, first.next, true).unwrap().text == line);
    }
}
