//! No file makes the reader of packs panic, or write anything but plain files into its folder.
//!
//! The first byte of the input says what the rest is: `0` an archive, `1` the tar in one, `2` the
//! manifest of one, the remainder of its value by three.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use olive_packs::archive::{self, Limits, Unpacked};

/// Describes and unpacks `input`, and looks at what was written.
///
/// # Panics
/// When something else than plain files in their folder was written, or when what was unpacked is
/// not what was described.
pub fn read(input: &[u8]) {
    let Some((&form, rest)) = input.split_first() else { return };
    let archive = match form % 3 {
        0 => rest.to_vec(),
        1 => compressed(rest),
        _ => compressed(
            &[&header(rest.len())[..], rest, &vec![0; padding(rest.len())], &[0; 1024]].concat(),
        ),
    };
    let limits = Limits { total: 1 << 20, ..Limits::default() };
    let described = archive::describe(&archive[..], &limits);
    let place = tempfile::tempdir().expect("a folder can be made");
    let (file, folder) = (place.path().join("archive"), place.path().join("pack"));
    fs::write(&file, &archive).expect("a file can be written");
    fs::create_dir(&folder).expect("a folder can be made");
    let file = File::open(file).expect("a file can be read");
    let unpacked = archive::unpack(&file, &folder, &limits, &|_| ());
    let written = check(&folder);
    assert_eq!(fs::read_dir(&place).expect("a folder can be read").count(), 2);
    match (described, unpacked) {
        (Ok(described), Ok(unpacked)) => check_unpacked(&unpacked, &described, &archive, written),
        (Err(_), Ok(_)) => panic!("what cannot be described was unpacked"),
        (_, Err(error)) => assert!(!error.to_string().chars().any(char::is_control), "{error:?}"),
    }
}

fn check_unpacked(
    unpacked: &Unpacked,
    described: &archive::Described,
    archive: &[u8],
    written: usize,
) {
    assert_eq!(unpacked.described, *described);
    let digest = archive::digest(archive).expect("memory can be read");
    assert_eq!((unpacked.sha256.clone(), unpacked.size), digest);
    assert_eq!(written, described.manifest.files.len() + 1);
}

/// Counts the files below `folder`; everything else must be a folder.
fn check(folder: &Path) -> usize {
    let count = |entry: io::Result<fs::DirEntry>| {
        let path = entry.expect("a folder can be read").path();
        let kind = fs::symlink_metadata(&path).expect("a name can be looked up").file_type();
        assert!(kind.is_dir() || kind.is_file(), "{}", path.display());
        if kind.is_dir() { check(&path) } else { 1 }
    };
    fs::read_dir(folder).expect("a folder can be read").map(count).sum()
}

fn compressed(tar: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("zstd can be set up");
    encoder.write_all(tar).and_then(|()| encoder.finish()).expect("memory can be written")
}

/// The header of a manifest of `size` bytes.
fn header(size: usize) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.set_path("pack.json").expect("the path is short");
    header.set_size(size as u64);
    header.set_cksum();
    *header.as_bytes()
}

fn padding(size: usize) -> usize {
    size.next_multiple_of(512) - size
}
