//! `olive plugin install https://…`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use olive_packs::archive;

use super::https::{Manner, Server, dead_port};
use crate::packs::install::{active, lines, prune, tree};
use crate::packs::keys::Key;
use crate::playground::{Playground, Said};

/// A pack that is no smaller when it is compressed.
fn large() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let noise: Vec<u8> = (0..400_000).flat_map(|_| next()).collect();
    let folder = tempfile::tempdir().unwrap();
    fs::read(prune("1.0.0").file("docs/noise", noise).write(folder.path())).unwrap()
}

fn small() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::read(prune("1.0.0").write(folder.path())).unwrap()
}

fn sha256(content: &[u8]) -> String {
    archive::digest(content).unwrap().0
}

/// `olive plugin install SOURCE`, trusting the authority in the file `authority`.
fn command(playground: &Playground, source: &str, authority: &Path, more: &[&str]) -> Command {
    let mut command = playground.command(&["plugin", "install", source]);
    command.args(more).env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
    command
}

fn install(playground: &Playground, source: &str, server: &Server, more: &[&str]) -> Said {
    Said::from(command(playground, source, &server.authority(), more).output().unwrap())
}

/// Bytes of downloads that wait for the rest.
fn waiting(playground: &Playground) -> u64 {
    let names = playground.names("home/downloads");
    let partial = names.iter().filter(|name| name.ends_with(".partial"));
    let size = |name| {
        let path = playground.path("home/downloads").join(name);
        fs::metadata(path).map_or(0, |metadata| metadata.len())
    };
    partial.map(size).sum()
}

#[test]
fn a_signed_pack_comes_over_https() {
    let (playground, server, key) = (Playground::bare(), Server::https(), Key::new());
    let path = prune("1.0.0").write(&playground.path("made"));
    key.sign(&path);
    let content = fs::read(&path).unwrap();
    server.serve("/prune.pack", &content, Manner::Honest);
    let signature = fs::read(format!("{}.minisig", path.display())).unwrap();
    server.serve("/prune.pack.minisig", &signature, Manner::Honest);
    playground.olive(&["plugin", "trust", "add", "acme", &key.public]).check(0, &[]);

    let url = format!("{}#sha256={}", server.url("/prune.pack"), sha256(&content));
    install(&playground, &url, &server, &[]).check(0, &["installed acme/prune 1.0.0", &key.id]);
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
    assert!(playground.names("home/downloads").is_empty());
    assert_eq!(server.requests(), ["/prune.pack", "/prune.pack.minisig"]);
}

#[test]
fn an_install_that_is_killed_goes_on_where_it_stopped() {
    let (playground, server, content) = (Playground::bare(), Server::https(), large());
    server.serve("/x.pack", &content, Manner::Stalls(2_000_000));
    let url = format!("{}#sha256={}", server.url("/x.pack"), sha256(&content));
    let more = ["--allow-unsigned", "--json"];
    let mut child = command(&playground, &url, &server.authority(), &more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while waiting(&playground) < 2_000_000 {
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(tree(&playground.path("data")).is_empty());

    server.serve("/x.pack", &content, Manner::Honest);
    let said = install(&playground, &url, &server, &more);
    said.check(0, &[]);
    let fetched = lines(&said).into_iter().find(|line| line["stage"] == "fetch").unwrap();
    assert!(fetched["done_bytes"].as_u64().unwrap() >= 2_000_000, "{fetched}");
    assert_eq!(server.requests()[1], "/x.pack from 2000000");
    assert_eq!(active(&playground), ["acme/prune 1.0.0"]);
    assert_eq!(waiting(&playground), 0);
}

#[test]
fn a_server_that_breaks_off_is_asked_for_the_rest() {
    let (playground, server, content) = (Playground::bare(), Server::https(), large());
    server.serve("/x.pack", &content, Manner::Breaks(1_200_000));
    let said = install(&playground, &server.url("/x.pack"), &server, &["--allow-unsigned"]);
    said.check(0, &["installed acme/prune 1.0.0"]);
    assert_eq!(server.requests()[2], "/x.pack from 2400000");
}

/// Checks that `source` is refused in one sentence, and that nothing of it is left.
#[track_caller]
fn check_refused(source: &str, authority: &Path, code: i32, parts: &[&str]) {
    let playground = Playground::bare();
    let more = ["--allow-unsigned"];
    let said = Said::from(command(&playground, source, authority, &more).output().unwrap());
    said.check(code, parts);
    let sentences = said.err.lines().filter(|line| line.starts_with("error[")).count();
    assert_eq!(sentences, 1, "{}", said.err);
    assert!(active(&playground).is_empty());
    assert!(tree(&playground.path("data/plugins/packs")).is_empty());
    assert_eq!(waiting(&playground), 0);
    assert!(playground.names("home/downloads").is_empty());
}

#[test]
fn a_server_that_lies_or_fails_is_told_in_one_sentence() {
    let (server, away) = (Server::https(), Server::http());
    let content = small();
    away.serve("/x.pack", &content, Manner::Honest);
    let other = sha256(b"other");
    for (manner, fragment, code, said) in [
        (Manner::Honest, format!("#sha256={other}"), 10, "its SHA-256 is `"),
        (Manner::Breaks(0), String::new(), 10, "the connection broke after 0 bytes"),
        (Manner::Redirects(away.url("/x.pack")), String::new(), 10, "which is not https"),
        (Manner::Redirects("/x.pack".into()), String::new(), 10, "redirects more than 5 times"),
        (
            Manner::Refuses(usize::MAX, "403 Forbidden", "X: y"),
            String::new(),
            10,
            "answers 403 Forbidden",
        ),
        (Manner::Garbage, String::new(), 10, "cannot reach"),
        (Manner::Claims(100), String::new(), 12, "error[pack-"),
    ] {
        server.serve("/x.pack", &content, manner);
        let source = format!("{}{fragment}", server.url("/x.pack"));
        check_refused(&source, &server.authority(), code, &[said]);
    }
    assert!(away.requests().is_empty());
    server.serve("/x.pack", b"<html>sign in first</html>", Manner::Honest);
    check_refused(&server.url("/x.pack"), &server.authority(), 12, &["error[pack-"]);
    let none = server.url("/none.pack");
    check_refused(&none, &server.authority(), 10, &["answers 404 Not Found"]);
}

#[test]
fn a_server_that_cannot_be_trusted_or_reached_is_told_in_one_sentence() {
    let (server, stranger) = (Server::https(), Server::https());
    server.serve("/x.pack", &small(), Manner::Honest);
    let trusted = stranger.authority();
    let parts = ["is not trusted: its certificate is invalid", "`SSL_CERT_FILE`"];
    check_refused(&server.url("/x.pack"), &trusted, 10, &parts);
    let dead = format!("https://localhost:{}/x.pack", dead_port());
    check_refused(&dead, &trusted, 10, &["cannot reach", "refused", "`HTTPS_PROXY`"]);
    let plain = "http://example.org/x.pack";
    check_refused(plain, &trusted, 12, &["https"]);
}

/// A server can be slow for a long time; the user need not.
#[cfg(unix)]
#[test]
fn a_user_can_stop_a_download() -> io::Result<()> {
    use crate::playground::signal;

    let (playground, server) = (Playground::bare(), Server::https());
    server.serve("/x.pack", &large(), Manner::Stalls(100_000));
    let url = server.url("/x.pack");
    let mut child = command(&playground, &url, &server.authority(), &["--allow-unsigned"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    while waiting(&playground) < 100_000 {
        assert!(child.try_wait()?.is_none());
        thread::sleep(Duration::from_millis(5));
    }
    signal("INT", &child.id().to_string());
    assert_eq!(child.wait()?.code(), Some(30));
    assert!(active(&playground).is_empty());
    assert_eq!(waiting(&playground), 100_000);
    Ok(())
}
