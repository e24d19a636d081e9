//! Places that refuse: a full disk, a disk that is read-only, files that are none.

use std::fs;
use std::process::Command;

use super::{Site, check_refusal, install, small};
use crate::playground::{Playground, Said};

/// Runs `script` by the shell in a namespace of its own, where it may mount; `@` is the folder of
/// the playground. None when this machine does not allow that, which is said.
fn in_namespace(playground: &Playground, script: &str) -> Option<Said> {
    let program = playground.command(&[]);
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.output().ok()
    };
    let probe = run("mount -t tmpfs none /mnt");
    if !probe.is_some_and(|output| output.status.success()) {
        println!("skipped: a namespace with mounts of its own is not allowed here");
        return None;
    }
    let script = script.replace('@', &playground.path("").display().to_string());
    run(&script).map(Said::from)
}

/// Installs two versions of a pack on disks from too small for the first to large enough for both,
/// page by page; a line of facts for each attempt.
const INSTALL_ON_DISKS: &str = r#"
export OLIVE_DATA_HOME=@data OLIVE="@bin/olive"
mkdir -p @data @said
for pages in $(seq 4 60); do
    mount -t tmpfs -o size=$((pages * 4))k none @data || exit 9
    for version in 1 2; do
        find @data | sort > @said/before
        $OLIVE plugin install @packs/acme-words-$version.0.0.pack --allow-unsigned \
            > @said/out 2> @said/err
        code=$?
        find @data | sort > @said/after
        echo "pages=$pages version=$version code=$code" \
            "errors=$(grep -c '^error' @said/err)" \
            "full=$(grep -c 'No space left on device' @said/err)" \
            "lines=$(grep -vc '^  ' @said/err)" \
            "same=$(cmp -s @said/before @said/after && echo yes || echo no)" \
            "files=$(find @data -type f -size +0 | wc -l)" \
            "left=$(find @data/plugins/tmp -mindepth 1 2>/dev/null | wc -l)" \
            "listed=$($OLIVE plugin list | grep -c 'acme/words')" \
            "sound=$($OLIVE plugin verify > /dev/null 2>&1 && echo yes || echo no)"
        [ $code = 0 ] || break
    done
    umount @data || exit 9
done
"#;

/// Content that does not get smaller, of the length that is asked for.
fn noise() -> impl FnMut(usize) -> Vec<u8> {
    let mut state = 1_u64;
    move |length| {
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(|_| byte()).collect()
    }
}

#[test]
fn a_full_disk_leaves_the_old_packs() {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    small("acme/words", "1.0.0").write(&packs);
    let mut noise = noise();
    let large = small("acme/words", "2.0.0")
        .file("any/a", noise(10_000))
        .file("any/b/c", noise(30_000))
        .file("any/d", noise(40_000));
    large.write(&packs);
    let Some(said) = in_namespace(&playground, INSTALL_ON_DISKS) else { return };
    println!("{}", said.out);
    said.check(0, &["pages="]);
    let (mut full, mut done) = (0, 0);
    for line in said.out.lines() {
        let is = |fact: &str| line.split(' ').any(|word| word == fact);
        assert!(is("left=0") && is("sound=yes"), "{line}\n{}", said.err);
        if is("code=0") {
            done += usize::from(is("version=2"));
            assert!(is("errors=0") && is("listed=1"), "{line}");
            continue;
        }
        full += 1;
        assert!(is("code=10") && is("errors=1") && is("full=1") && is("lines=1"), "{line}");
        if is("version=2") {
            assert!(is("same=yes") && is("listed=1"), "{line}");
        } else {
            assert!(is("files=0") && is("listed=0"), "{line}");
        }
    }
    assert!(full > 10 && done > 10, "{full} disks were full, {done} were not");
}

#[test]
fn a_read_only_store_is_used_and_not_changed() {
    let site = Site::new();
    let playground = &site.playground;
    let newer = small("acme/words", "2.0.0").write(&playground.path("packs"));
    fs::copy(newer, playground.path("newer.pack")).unwrap();
    playground.passes(&serde_json::json!({"first": {"type": "Toy"}}));
    let commands = [
        "install @newer.pack --allow-unsigned",
        "remove acme/words",
        "rollback 0",
        "clean",
        "trust remove acme",
    ];
    for arguments in commands {
        let script = format!(
            "mount --bind @data @data && mount -o remount,ro,bind @data && \
             exec @bin/olive plugin {arguments}"
        );
        let Some(said) = in_namespace(playground, &script) else { return };
        println!("{arguments}: {}", said.err);
        if said.code != Some(12) {
            check_refusal(&said, 10, "error[pack-io]: ");
            said.check(10, &["Read-only file system"]);
        }
        site.check_unchanged(&said);
    }
    let script = "mount --bind @data @data && mount -o remount,ro,bind @data && \
                  @bin/olive plugin list && @bin/olive plugin verify && \
                  exec @bin/olive run --config @olive.json";
    let Some(said) = in_namespace(playground, script) else { return };
    said.check(0, &["acme/words 1.0.0", "first (Toy): done"]);
}

#[test]
fn a_store_of_somebody_else_is_not_changed() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let playground = &site.playground;
    let newer = small("acme/words", "2.0.0").write(&playground.path("packs"));
    let store = playground.path("data/plugins");
    let set = |mode| fs::set_permissions(&store, fs::Permissions::from_mode(mode)).unwrap();
    set(0o500);
    if fs::write(store.join("probe"), "").is_ok() {
        fs::remove_file(store.join("probe")).unwrap();
        set(0o700);
        println!("skipped: this user may write everywhere");
        return;
    }
    for folder in ["tmp", "packs", "generations"] {
        fs::set_permissions(store.join(folder), fs::Permissions::from_mode(0o500)).unwrap();
    }
    let said = install(playground, &newer, &["--allow-unsigned"]);
    for folder in ["tmp", "packs", "generations"] {
        fs::set_permissions(store.join(folder), fs::Permissions::from_mode(0o700)).unwrap();
    }
    set(0o700);
    check_refusal(&said, 10, "error[pack-io]: ");
    site.check_unchanged(&said);
    site.check_usable();
}

#[test]
fn what_is_no_file_is_no_pack() {
    let site = Site::new();
    let pipe = site.playground.path("pipe.pack");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    site.refuses(&pipe, &["--allow-unsigned"], "pack-source");
    site.refuses("/dev/zero".as_ref(), &["--allow-unsigned"], "pack-source");

    let missing = site.playground.path("missing.pack");
    let said = install(&site.playground, &missing, &["--allow-unsigned"]);
    check_refusal(&said, 10, "error[pack-io]: cannot read `");
    site.check_unchanged(&said);
}
