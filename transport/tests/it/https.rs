//! Transfers from a server that misbehaves, each in one way.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use olive_transport::{Fetched, Request, TransportError, fetch, fetch_small};

use crate::server::{Manner, Server, dead_port};
use crate::sha256;

/// A folder to fetch into.
struct Place {
    folder: tempfile::TempDir,
    limit: u64,
    sha256: Option<String>,
    patience: Duration,
    /// Bytes after which the user wants to stop.
    enough: u64,
}

impl Place {
    fn new() -> Self {
        let patience = Duration::from_secs(20);
        let folder = tempfile::tempdir().unwrap();
        Self { folder, limit: 1 << 30, sha256: None, patience, enough: u64::MAX }
    }

    fn of(content: &[u8]) -> Self {
        Self { sha256: Some(sha256(content)), ..Self::new() }
    }

    fn impatient() -> Self {
        Self { patience: Duration::from_millis(300), ..Self::new() }
    }

    fn with<T>(&self, work: impl FnOnce(&Request<'_>) -> T) -> T {
        let arrived = Cell::new(0);
        work(&Request {
            limit: self.limit,
            sha256: self.sha256.as_deref(),
            bearer: None,
            partial_dir: self.folder.path().join("partial"),
            patience: self.patience,
            on_progress: &|bytes, whole| {
                assert!(whole.is_none_or(|whole| whole >= bytes));
                arrived.set(bytes);
            },
            is_cancelled: &|| arrived.get() >= self.enough,
        })
    }

    fn fetch(&self, url: &str) -> Result<Fetched, TransportError> {
        self.with(|request| fetch(url, &self.file(), request))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("to/x.pack")
    }

    /// Checks that the file has come whole, and that nothing else is left.
    #[track_caller]
    fn check_whole(&self, url: &str, content: &[u8], resumed_from: u64) {
        let fetched = self.fetch(url).unwrap();
        assert_eq!(fs::read(self.file()).unwrap(), content);
        let expected = Fetched {
            path: self.file(),
            sha256: sha256(content),
            size: content.len() as u64,
            resumed_from,
        };
        assert_eq!(fetched, expected);
        assert_eq!(self.waiting(), 0);
    }

    /// Checks that nothing has come but this sentence.
    #[track_caller]
    fn check_refused(&self, url: &str, parts: &[&str]) {
        let said = self.fetch(url).unwrap_err().to_string();
        for part in parts.iter().chain([&url]) {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!said.contains('\n') && !said.ends_with('.'), "{said}");
        assert!(!self.file().exists());
    }

    /// Bytes that wait for the rest.
    fn waiting(&self) -> u64 {
        let entries = fs::read_dir(self.folder.path().join("partial")).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        files.map(|file| fs::metadata(file).unwrap().len()).sum()
    }
}

/// Bytes of which no two parts are alike.
fn content(size: u32) -> Vec<u8> {
    (0..size / 4).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn serve(content: &[u8], manner: Manner) -> (Server, String) {
    let server = Server::http();
    server.serve("/x.pack", content, manner);
    let url = server.url("/x.pack");
    (server, url)
}

#[test]
fn a_file_comes_whole() {
    let content = content(3_000_000);
    for manner in [Manner::Honest, Manner::Unversioned, Manner::NoRanges] {
        let (server, url) = serve(&content, manner);
        Place::new().check_whole(&url, &content, 0);
        Place::of(&content).check_whole(&url, &content, 0);
        assert_eq!(server.requests(), ["/x.pack", "/x.pack"]);
    }
    let (_server, url) = serve(b"", Manner::Honest);
    Place::new().check_whole(&url, b"", 0);
}

#[test]
fn what_breaks_off_goes_on_where_it_stopped() {
    let content = content(1_000_000);
    let (server, url) = serve(&content, Manner::Breaks(400_000));
    Place::new().check_whole(&url, &content, 0);
    let asked = ["/x.pack", "/x.pack from 400000", "/x.pack from 800000"];
    assert_eq!(server.requests(), asked);
}

#[test]
fn a_server_that_never_gives_more_is_given_up() {
    let content = content(1_000_000);
    let (server, url) = serve(&content, Manner::Breaks(0));
    Place::new().check_refused(&url, &["cannot reach", "broke after 0 bytes"]);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_later_call_goes_on_where_an_earlier_one_stopped() {
    let content = content(1_000_000);
    let (server, url) = serve(&content, Manner::Honest);
    let mut place = Place::of(&content);
    place.enough = 300_000;
    assert!(matches!(place.fetch(&url), Err(TransportError::Cancelled)));
    let waiting = place.waiting();
    assert!((300_000..1_000_100).contains(&waiting), "{waiting}");
    place.enough = u64::MAX;
    let fetched = place.fetch(&url).unwrap();
    assert!((300_000..1_000_000).contains(&fetched.resumed_from), "{fetched:?}");
    assert_eq!(fs::read(place.file()).unwrap(), content);
    assert_eq!(server.requests()[1], format!("/x.pack from {}", fetched.resumed_from));
}

#[test]
fn a_file_that_has_changed_is_fetched_anew() {
    let (old, new) = (content(1_000_000), vec![7; 900_000]);
    for place in [Place::new(), Place::of(&new)] {
        let (server, url) = serve(&old, Manner::Changes(300_000, new.clone()));
        place.check_whole(&url, &new, 0);
        assert_eq!(server.requests(), ["/x.pack", "/x.pack from 300000"]);
    }
}

/// Without an entity tag only the digest tells that the rest belongs to another file.
#[test]
fn a_file_that_has_changed_in_silence_is_fetched_anew() {
    let (old, new) = (content(1_000_000), vec![7; 1_000_000]);
    let (server, url) = serve(&old, Manner::Unversioned);
    let mut place = Place::of(&new);
    place.enough = 300_000;
    assert!(matches!(place.fetch(&url), Err(TransportError::Cancelled)));
    server.serve("/x.pack", &new, Manner::Unversioned);
    place.enough = u64::MAX;
    place.check_whole(&url, &new, 0);
}

#[test]
fn a_file_that_has_come_but_was_not_put_in_its_place_is() {
    let content = content(100_000);
    let (_server, url) = serve(&content, Manner::Honest);
    let place = Place::new();
    // What a process leaves that is killed before its last step.
    let folder = place.folder.path().join("partial");
    fs::create_dir_all(&folder).unwrap();
    let name = sha256(url.as_bytes());
    fs::write(folder.join(format!("{name}.partial")), &content).unwrap();
    fs::write(folder.join(format!("{name}.validator")), "\"1\"").unwrap();
    place.check_whole(&url, &content, 100_000);
}

#[test]
fn other_bytes_than_promised_are_refused() {
    let (server, url) = serve(b"something else", Manner::Honest);
    let place = Place::of(b"what is promised");
    place.check_refused(&url, &["sends something else than it says: its SHA-256 is `"]);
    assert_eq!((place.waiting(), server.requests().len()), (0, 1));
}

#[test]
fn lies_about_the_length_are_noticed() {
    let content = content(10_000);
    let (_server, url) = serve(&content, Manner::Claims(20_000));
    Place::of(&content).check_refused(&url, &["broke after"]);
    let (_server, url) = serve(&content, Manner::Claims(5_000));
    Place::of(&content).check_refused(&url, &["SHA-256"]);
    let (_server, url) = serve(&content, Manner::WrongPart);
    Place::new().check_refused(&url, &["another part of the file than is asked for"]);
}

#[test]
fn too_much_is_refused() {
    let (_server, url) = serve(b"", Manner::Endless);
    let mut place = Place::new();
    place.limit = 1_000_000;
    place.check_refused(&url, &["more than the 1000000 bytes that are taken"]);
    assert_eq!(place.waiting(), 0);
    let (server, url) = serve(&content(1_000_004), Manner::Honest);
    place.check_refused(&url, &["more than the 1000000 bytes that are taken"]);
    assert_eq!((place.waiting(), server.requests().len()), (0, 1));
    let small = place.with(|request| fetch_small(&url, request)).unwrap_err();
    assert!(small.to_string().contains("more than the 1000000 bytes"), "{small}");
}

#[test]
fn a_server_that_stops_is_given_up_in_time() {
    for (manner, said) in [
        (Manner::Silent, "sent nothing for 1 s"),
        (Manner::Stalls(10), "sent nothing for 1 s"),
        (Manner::Trickles(Duration::from_millis(50)), "sent only"),
    ] {
        let (_server, url) = serve(&content(100_000), manner);
        let start = Instant::now();
        Place::impatient().check_refused(&url, &[said]);
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    }
}

#[test]
fn a_user_who_wants_to_stop_need_not_wait() {
    let (_server, url) = serve(b"", Manner::Silent);
    let mut place = Place::new();
    place.enough = 0;
    let start = Instant::now();
    assert!(matches!(place.fetch(&url), Err(TransportError::Cancelled)));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_server_that_refuses_is_asked_again_when_that_may_help() {
    let content = content(10_000);
    for (status, header) in [
        ("500 Internal Server Error", "X: y"),
        ("502 Bad Gateway", "X: y"),
        ("503 Service Unavailable", "Retry-After: 1"),
        ("429 Too Many Requests", "Retry-After: 0"),
    ] {
        let (server, url) = serve(&content, Manner::Refuses(2, status, header));
        Place::new().check_whole(&url, &content, 0);
        assert_eq!(server.requests().len(), 3);
    }
    for (status, header, said) in [
        ("404 Not Found", "X: y", "answers 404 Not Found"),
        ("401 Unauthorized", "X: y", "answers 401 Unauthorized"),
        ("429 Too Many Requests", "Retry-After: 3600", "asks to come back in 3600 s"),
        ("302 Found", "X: y", "redirects to nowhere"),
    ] {
        let (server, url) = serve(&content, Manner::Refuses(9, status, header));
        Place::new().check_refused(&url, &[said]);
        assert!(server.requests().len() <= 4);
    }
}

#[test]
fn redirects_are_followed_five_times_and_to_https_only() {
    let server = Server::http();
    for hop in 0..6 {
        let next = format!("/{}", hop + 1);
        server.serve(&format!("/{hop}"), b"", Manner::Redirects(next));
    }
    server.serve("/6", b"here", Manner::Honest);
    Place::new().check_whole(&server.url("/1"), b"here", 0);
    Place::new().check_refused(&server.url("/0"), &["redirects more than 5 times"]);
    server.serve("/loop", b"", Manner::Redirects("/loop".into()));
    Place::new().check_refused(&server.url("/loop"), &["redirects more than 5 times"]);
    for place in ["http://example.org/x", "file:///etc/passwd", "ftp://localhost/x"] {
        server.serve("/away", b"", Manner::Redirects(place.into()));
        Place::new().check_refused(&server.url("/away"), &[place, "which is not https"]);
    }
}

#[test]
fn a_server_that_is_none_is_told() {
    let url = format!("http://127.0.0.1:{}/x.pack", dead_port());
    Place::new().check_refused(&url, &["cannot reach", "refused"]);
    let url = "https://no-such-host.invalid/x.pack";
    Place::new().check_refused(url, &["cannot reach"]);
    let (_server, url) = serve(b"", Manner::Garbage);
    Place::new().check_refused(&url, &["cannot reach"]);
    Place::new().check_refused("http://example.org/x.pack", &["use https"]);
    // Not TLS, though the address says so.
    let (_server, url) = serve(b"", Manner::Honest);
    Place::new().check_refused(&url.replace("http:", "https:"), &["cannot reach"]);
}

#[test]
fn a_small_file_that_is_not_there_is_none() {
    let (server, url) = serve(b"text", Manner::Honest);
    let small = |url: &str| Place::new().with(|request| fetch_small(url, request)).unwrap();
    assert_eq!(small(&url).as_deref(), Some(&b"text"[..]));
    assert_eq!(small(&server.url("/other")), None);
    let place = Place::of(b"other text");
    let said = place.with(|request| fetch_small(&url, request)).unwrap_err().to_string();
    assert!(said.contains("its SHA-256 is `"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let (_server, url) = serve(b"text", Manner::Honest);
    let place = Place::new();
    fs::write(place.folder.path().join("partial"), "a file").unwrap();
    let said = place.fetch(&url).unwrap_err().to_string();
    assert!(said.starts_with("cannot create `") && said.contains("partial"), "{said}");
}

/// What certificates are trusted is said by the environment of a process.
#[test]
fn a_server_is_trusted_by_the_authorities_of_this_machine() {
    let server = Server::https();
    server.serve("/x.pack", b"content", Manner::Honest);
    let away = Server::http();
    away.serve("/x.pack", b"content", Manner::Honest);
    server.serve("/away", b"", Manner::Redirects(away.url("/x.pack")));
    let stranger = Server::https();
    for (url, authority, said) in [
        (server.url("/x.pack"), server.authority(), "fetched 7 bytes"),
        (server.url("/x.pack"), stranger.authority(), "its certificate is invalid"),
        (server.url("/x.pack").replace("localhost", "127.0.0.1"), server.authority(), "invalid"),
        (server.url("/away"), server.authority(), "which is not https"),
        (server.url("/x.pack"), PathBuf::from("/none"), "cannot reach"),
    ] {
        let out = fetch_in_a_process(&url, &authority);
        assert!(out.contains(said), "{out}");
    }
    assert_eq!(away.requests().len(), 0);
}

fn fetch_in_a_process(url: &str, authority: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "https::fetch_as_the_environment_says", "--nocapture"])
        .env("OLIVE_TEST_URL", url)
        .env("SSL_CERT_FILE", authority)
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Is of use only when another test runs it, in a process of its own.
#[test]
fn fetch_as_the_environment_says() {
    let Ok(url) = std::env::var("OLIVE_TEST_URL") else { return };
    match Place::new().fetch(&url) {
        Ok(fetched) => println!("fetched {} bytes", fetched.size),
        Err(error) => println!("{error}"),
    }
}
