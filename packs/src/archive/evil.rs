//! Archives that must be refused, made by hand: their bytes are what no sound program writes.

#[path = "evil/forge.rs"]
mod forge;

use std::io::Write;

use serde_json::{Value, json};

use forge::{
    Block, END, ENTRY, FILES, File, compress, described, manifest, member, member_with_long_path,
    members_of, pack, pack_in_order, pack_with, padded, with,
};

/// An archive that must be refused.
pub(crate) struct Evil {
    /// What is wrong with it.
    pub(crate) name: String,
    /// Code of the rule it breaks.
    pub(crate) code: &'static str,
    /// The archive.
    pub(crate) bytes: Vec<u8>,
}

/// A path on this machine that nothing may touch.
pub(crate) const OUTSIDE: &str = "/tmp/olive-evil";

/// A pack that breaks no rule; only its modes are other than those of its manifest.
pub(crate) fn sound() -> Vec<u8> {
    let manifest = manifest(&FILES).to_string();
    let file = |path: &str, content: &[u8]| {
        let block = Block { mode: 0o6777, size: content.len() as u64, ..Block::new(path) };
        [block.bytes(), padded(content)].concat()
    };
    let mut tar = file("pack.json", manifest.as_bytes());
    for (path, content) in FILES {
        tar.extend(file(path, content));
    }
    compress(&[&tar, &END])
}

/// All of them.
pub(crate) fn archives() -> Vec<Evil> {
    [paths(), clashes(), members(), contents(), manifests(), tars(), frames(), bombs()]
        .into_iter()
        .flatten()
        .collect()
}

fn evil(code: &'static str, name: impl Into<String>, bytes: Vec<u8>) -> Evil {
    Evil { name: name.into(), code, bytes }
}

/// Paths that leave the pack, or that some system reads otherwise: in the manifest too, and in the
/// tar alone.
fn paths() -> Vec<Evil> {
    let (name, path) = ("n".repeat(256), "d/".repeat(512));
    let (name, path) = (format!("any/{name}"), format!("any/{path}x"));
    let bad = [
        "../x",
        "any/../../x",
        "..",
        ".",
        "./any/x",
        "any/./x",
        "any//x",
        "any/",
        OUTSIDE,
        "//host/share/x",
        "\\\\host\\share\\x",
        "any\\..\\x",
        "C:/x",
        "C:x",
        "any/x:stream",
        "any/x\ny",
        "any/\u{1b}[2Jx",
        "any/x\u{7f}",
        "any/\u{202e}x",
        "any/\u{e9}",
        "any/e\u{301}",
        "any/x.",
        "any/x ",
        "any/.../x",
        "any/nul",
        "any/Aux.so",
        "any/con .txt",
        "any/COM1.tar.gz",
        "any/conin$",
        &name,
        &path,
    ];
    let listed = |path: &str| {
        let shown: String = path.chars().take(20).collect();
        evil("pack-path", format!("listed path {shown:?}"), pack(&with(&[(path, b"evil")]), &[]))
    };
    let unlisted = |path: &str| {
        let shown: String = path.chars().take(20).collect();
        let bytes = pack(&FILES, &member_with_long_path(path, b"evil"));
        evil("pack-path", format!("path {shown:?} in the tar alone"), bytes)
    };
    let mut rows: Vec<Evil> = bad.iter().map(|path| listed(path)).collect();
    rows.extend(bad.iter().map(|path| unlisted(path)));
    rows.push(listed(""));
    rows.push(listed("any/x\0y"));
    let latin = Block { path: b"any/caf\xe9".to_vec(), ..Block::new("") };
    rows.push(evil("pack-path", "path that is not UTF-8", pack(&FILES, &latin.bytes())));
    rows
}

/// Paths that are one on some system, or not where they should be.
fn clashes() -> Vec<Evil> {
    let rows: [(&str, &str, &[&str]); 9] = [
        ("pack-path", "names that differ in case", &["any/X", "any/x"]),
        ("pack-path", "folders that differ in case", &["any/Lib/a", "any/lib/b"]),
        ("pack-path", "a file that is a folder too", &["any/a", "any/a/b"]),
        ("pack-path", "a file that is a folder too in another case", &["any/A", "any/a/b"]),
        ("pack-twice", "a path listed twice", &["any/a", "any/a"]),
        ("pack-twice", "a manifest that lists itself", &["pack.json"]),
        ("pack-path", "a manifest in another case", &["PACK.JSON"]),
        ("pack-path", "a manifest that is a folder", &["pack.json/x"]),
        ("pack-manifest", "files that are not sorted", &["any/b", "any/a"]),
    ];
    rows.map(|(code, name, paths)| {
        let files: Vec<File<'_>> = paths.iter().map(|path| (*path, &b"evil"[..])).collect();
        evil(code, name, pack_in_order(&files))
    })
    .into()
}

/// Members that are no plain files.
fn members() -> Vec<Evil> {
    let kinds = [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "character device"),
        (b'4', "block device"),
        (b'5', "folder"),
        (b'6', "named pipe"),
        (b'7', "contiguous file"),
        (b'A', "unknown kind"),
        (b'D', "GNU folder dump"),
        (b'K', "GNU long link"),
        (b'L', "GNU long name"),
        (b'M', "GNU continued file"),
        (b'S', "GNU sparse file"),
        (b'V', "GNU volume label"),
        (b'g', "global PAX header"),
    ];
    let mut rows: Vec<Evil> = kinds
        .map(|(kind, name)| {
            let block = Block { kind, link: OUTSIDE, ..Block::new("any/x") };
            evil("pack-member", name, pack(&FILES, &block.bytes()))
        })
        .into();

    let link = Block { kind: b'2', link: "/tmp", ..Block::new("any/link") }.bytes();
    let through = [link.clone(), member("any/link/olive-evil", b"evil")].concat();
    let files = with(&[("any/link/olive-evil", b"evil")]);
    rows.push(evil("pack-member", "file through a link", pack_with(&files, &through)));
    let behind = [link, member("any/link", b"evil")].concat();
    let files = with(&[("any/link", b"evil")]);
    rows.push(evil("pack-member", "link that a listed file follows", pack_with(&files, &behind)));
    let gnu = Block { magic: *b"ustar  \0", ..Block::new("any/x") };
    rows.push(evil("pack-member", "header in GNU's form", pack(&FILES, &gnu.bytes())));

    let pax = |record: &str| {
        let block = Block { kind: b'x', size: record.len() as u64, ..Block::new("pax") };
        [block.bytes(), padded(record.as_bytes()), member("any/x", b"evil")].concat()
    };
    for (name, record) in [
        ("PAX header with a size", "10 size=1\n".to_owned()),
        ("PAX header with a link", "19 linkpath=../../\n".to_owned()),
        ("PAX header with two paths", "14 path=any/x\n14 path=any/y\n".to_owned()),
        ("PAX header with a wrong length", "99 path=any/x\n".to_owned()),
        ("PAX header without path", String::new()),
        ("PAX header of a sparse file", "22 GNU.sparse.major=1\n".to_owned()),
        ("long PAX header", format!("3000 path={}\n", "x".repeat(2989))),
    ] {
        rows.push(evil("pack-tar", name, pack(&FILES, &pax(&record))));
    }
    let alone = Block { kind: b'x', size: 14, ..Block::new("pax") }.bytes();
    let alone = [alone, padded(b"14 path=any/x\n")].concat();
    rows.push(evil("pack-tar", "PAX header without member", pack(&FILES, &alone)));
    let twice = [alone.clone(), alone, member("any/x", b"evil")].concat();
    rows.push(evil("pack-member", "PAX header of a PAX header", pack(&FILES, &twice)));
    rows
}

/// Members that are not what the manifest says.
fn contents() -> Vec<Evil> {
    let first = |content: &[u8]| {
        let files = [(ENTRY, content), FILES[1], FILES[2]];
        compress(&[&described(&FILES), &members_of(&files), &END])
    };
    let missing = compress(&[&described(&FILES), &members_of(&FILES[..2]), &END]);
    let none = compress(&[&described(&FILES), &END]);
    vec![
        evil("pack-unlisted", "unlisted member", pack(&FILES, &member("any/x", b"evil"))),
        evil("pack-unlisted", "unlisted empty member", pack(&FILES, &member("any/x", b""))),
        evil("pack-twice", "member twice", pack(&FILES, &member(ENTRY, b"{}"))),
        evil("pack-twice", "second manifest", pack(&FILES, &member("pack.json", b"{}"))),
        evil("pack-missing", "missing member", missing),
        evil("pack-missing", "nothing but a manifest", none),
        evil("pack-size", "member that is larger", first(b"{} ")),
        evil("pack-size", "member that is smaller", first(b"{")),
        evil("pack-digest", "member with other content", first(b"[]")),
    ]
}

/// Manifests that break a rule.
fn manifests() -> Vec<Evil> {
    let mut rows = Vec::new();
    let mut changed = |code, name: &str, change: &dyn Fn(&mut Value)| {
        let mut manifest = manifest(&FILES);
        change(&mut manifest);
        let first = member("pack.json", manifest.to_string().as_bytes());
        rows.push(evil(code, name, compress(&[&first, &members_of(&FILES), &END])));
    };
    changed("pack-format", "format of tomorrow", &|manifest| {
        manifest["format"] = json!(2);
        manifest["novelty"] = json!(true);
    });
    changed("pack-manifest", "unknown key", &|manifest| manifest["setup"] = json!("rm -rf /"));
    changed("pack-manifest", "unknown key without end", &|manifest| {
        manifest[&"k".repeat(1 << 20)] = json!(1);
    });
    changed("pack-manifest", "version without end", &|manifest| {
        manifest["version"] = json!("1".repeat(1 << 20));
    });
    changed("pack-manifest", "name without end", &|manifest| {
        manifest["name"] = json!("a/".repeat(1 << 20));
    });
    changed("pack-manifest", "key missing", &|manifest| {
        manifest.as_object_mut().unwrap().remove("license");
    });
    changed("pack-manifest", "name with a path", &|manifest| {
        manifest["name"] = json!("acme/../words");
    });
    changed("pack-manifest", "version with a path", &|manifest| {
        manifest["version"] = json!("../../1.0.0");
    });
    changed("pack-manifest", "another publisher", &|manifest| {
        manifest["publisher"]["id"] = json!("olive");
    });
    changed("pack-manifest", "description that clears the screen", &|manifest| {
        manifest["description"] = json!("\u{1b}[2J");
    });
    changed("pack-manifest", "entry that is no file", &|manifest| {
        manifest["plugins"][0]["entry"]["any"] = json!("../../bin/sh");
    });
    changed("pack-manifest", "descriptor that is no file", &|manifest| {
        manifest["plugins"][0]["descriptor"] = json!("/etc/passwd");
    });
    changed("pack-manifest", "target that is a path", &|manifest| {
        manifest["plugins"][0]["entry"] = json!({"../x": ENTRY});
    });
    changed("pack-manifest", "digest that is none", &|manifest| {
        manifest["files"][0]["sha256"] = json!("../../../../x");
    });
    changed("pack-manifest", "size below zero", &|manifest| {
        manifest["files"][0]["size"] = json!(-1);
    });
    let text = |text: &[u8]| compress(&[&member("pack.json", text), &END]);
    rows.push(evil("pack-manifest", "manifest that is no JSON", text(b"\x7fELF")));
    rows.push(evil("pack-manifest", "manifest without end", text(b"{\"format\": 1")));
    rows.push(evil("pack-manifest", "manifest of brackets", text(&b"[".repeat(100_000))));
    rows
}

/// Tars that are not what a tar should be.
fn tars() -> Vec<Evil> {
    let sound = [described(&FILES), members_of(&FILES)].concat();
    let extra = |block: Block<'_>| pack(&FILES, &block.bytes());
    let mut sums = Block::new("any/x").bytes();
    sums[0] ^= 1;
    let mut padding = member("any/x", b"evil");
    *padding.last_mut().unwrap() = b'!';
    let manifest = Block { size: 5 << 20, ..Block::new("pack.json") }.bytes();
    let link = Block { kind: b'2', link: OUTSIDE, ..Block::new("pack.json") }.bytes();
    let listed = with(&[("any/x", b"evil")]);
    vec![
        evil("pack-format", "tar without members", compress(&[&END])),
        evil("pack-format", "manifest that is not first", compress(&[&members_of(&FILES), &END])),
        evil("pack-member", "manifest that is a link", compress(&[&link, &END])),
        evil("pack-limit", "manifest without bound", compress(&[&manifest, &vec![b' '; 5 << 20]])),
        evil("pack-tar", "checksum that is wrong", pack(&FILES, &sums)),
        evil(
            "pack-tar",
            "size that is no number",
            extra(Block { digits: *b"evil-evil-e\0", ..Block::new("any/x") }),
        ),
        evil(
            "pack-unlisted",
            "size beyond all bounds",
            extra(Block {
                digits: [0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
                ..Block::new("any/x")
            }),
        ),
        evil(
            "pack-tar",
            "bytes between members",
            compress(&[&described(&listed), &members_of(&FILES), &padding, &END]),
        ),
        evil(
            "pack-tar",
            "one block of zeros",
            compress(&[&sound, &END[..512], &member("any/x", b"evil"), &END]),
        ),
        evil(
            "pack-trailing",
            "member behind the end",
            compress(&[&sound, &END, &member("any/x", b"evil"), &END]),
        ),
        evil("pack-trailing", "bytes behind the end", compress(&[&sound, &END, b"evil"])),
        evil("pack-trailing", "zeros without end", compress(&[&sound, &END, &vec![0; 1 << 20]])),
        evil("pack-truncated", "tar without end", compress(&[&sound])),
        evil("pack-truncated", "half an end", compress(&[&sound, &END[..512]])),
        evil("pack-truncated", "half a member", compress(&[&sound[..sound.len() - 100]])),
    ]
}

/// Files that are not one zstd frame.
fn frames() -> Vec<Evil> {
    let sound = sound();
    let cut = |length: usize| sound[..length].to_vec();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, b'e', b'v', b'i', b'l'];
    let mut flipped = sound.clone();
    *flipped.last_mut().unwrap() ^= 0x10;
    let tar = [described(&FILES), members_of(&FILES), END.to_vec()].concat();
    vec![
        evil("pack-format", "empty file", Vec::new()),
        evil("pack-format", "three bytes", cut(3)),
        evil("pack-format", "tar without zstd", tar),
        evil("pack-format", "zip", b"PK\x03\x04 and so on".to_vec()),
        evil("pack-truncated", "beginning alone", cut(4)),
        evil("pack-truncated", "half a file", cut(sound.len() / 2)),
        evil("pack-truncated", "all but the last byte", cut(sound.len() - 1)),
        evil("pack-damaged", "bit of the checksum that has flipped", flipped),
        evil("pack-trailing", "byte behind the frame", [&sound[..], b"!"].concat()),
        evil("pack-trailing", "second frame", [&sound[..], &sound].concat()),
        evil("pack-trailing", "skippable frame behind", [&sound[..], &skippable].concat()),
        evil("pack-format", "skippable frame before", [&skippable, &sound[..]].concat()),
    ]
}

/// Archives that would take memory or disk without bound.
fn bombs() -> Vec<Evil> {
    let zeros = vec![0; 1 << 20];
    let (bomb_size, wide_size) = (256 << 20, 16 << 20);
    let listed = |size: u64| {
        let mut manifest = manifest(&FILES);
        manifest["files"][0]["size"] = json!(size);
        let header = Block { size, ..Block::new(ENTRY) }.bytes();
        [member("pack.json", manifest.to_string().as_bytes()), header].concat()
    };
    let inflate = |size: u64, window_log: u32| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(&listed(size)).unwrap();
        (0..size >> 20).for_each(|_| encoder.write_all(&zeros).unwrap());
        encoder.finish().unwrap()
    };
    let many: Vec<String> = (0..10_001).map(|number| format!("any/{number:05}")).collect();
    let mut many: Vec<File<'_>> = many.iter().map(|path| (path.as_str(), &b""[..])).collect();
    many.extend(FILES);
    let mut large = manifest(&FILES);
    (0..3).for_each(|file| large["files"][file]["size"] = json!(3_u64 << 30));
    let large = member("pack.json", large.to_string().as_bytes());
    vec![
        evil("pack-limit", "file that grows too much", inflate(bomb_size, 23)),
        evil("pack-limit", "file that is too large", compress(&[&listed(5 << 30), &zeros])),
        evil("pack-limit", "files that are too large", compress(&[&large, &zeros])),
        evil("pack-limit", "size that overflows", compress(&[&listed(u64::MAX), &zeros])),
        evil("pack-limit", "files that are too many", compress(&[&described(&many), &END])),
        evil("pack-damaged", "window that is too wide", inflate(wide_size, 27)),
    ]
}
