//! Azurite, Microsoft's own server of blobs for tests: it judges signatures, ranges, blocks and
//! conditions as the service does.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use ct_codecs::{Base64, Decoder, Encoder};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::cloud::Answer;

/// Name of the storage account.
pub(super) const ACCOUNT: &str = "store";
/// Its key, which nothing may ever tell.
pub(super) const KEY: &str = "c3RvcmUta2V5LXRoYXQtbm9ib2R5LW1heS1ldmVyLXNlZQ==";
/// A point of time that no test reaches.
pub(super) const LATE: &str = "2099-01-01T00:00:00Z";
/// One that all have behind them.
pub(super) const PAST: &str = "2020-01-01T00:00:00Z";

/// Containers that there are.
const CONTAINERS: [&str; 3] = ["code", "data", "logs"];
/// Version of the service that requests and signatures name.
const VERSION: &str = "2018-11-09";
/// Headers of its answers that are handed on.
const TOLD: [&str; 4] = ["content-range", "etag", "x-ms-error-code", "x-ms-blob-type"];

/// The server; it ends when it goes out of scope.
pub(super) struct Azurite {
    process: Child,
    port: u16,
    /// Where it talks to; it ends when nobody listens.
    _said: BufReader<ChildStdout>,
}

impl Azurite {
    /// Starts the server, when it is on this machine; says so when it is not.
    pub(super) fn find() -> Option<Self> {
        let Some(folder) = std::env::var_os("OLIVE_TEST_AZURITE") else {
            println!("skipped: OLIVE_TEST_AZURITE names no Azurite: run `cargo xtask test`");
            return None;
        };
        let script = PathBuf::from(folder).join("node_modules/azurite/dist/src/blob/main.js");
        let mut process = Command::new("node")
            .arg(script)
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"])
            .args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let port = said.by_ref().lines().find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("listens on http://127.0.0.1:")?;
            Some(port.trim().parse().unwrap())
        });
        let azurite = Self { process, port: port.unwrap(), _said: said };
        for container in CONTAINERS {
            let target = format!("/{ACCOUNT}/{container}?restype=container&{}", signature(LATE));
            assert_eq!(azurite.ask("PUT", &target, &[], &[]).status, 201, "{container}");
        }
        Some(azurite)
    }

    /// Address at which it is spoken to directly.
    pub(super) fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it answers to a request for `target`, a path with its query.
    pub(super) fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        content: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.0\r\nhost: {}\r\n", self.endpoint());
        write!(head, "content-length: {}\r\n", content.len()).unwrap();
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        stream.write_all(content).unwrap();
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole).unwrap();
        parse(&whole, method == "HEAD")
    }

    /// Puts `content` into the blob at `path`, which begins with the container.
    pub(super) fn write(&self, path: &str, content: &[u8]) {
        let kind = [("x-ms-blob-type", "BlockBlob"), ("x-ms-version", VERSION)];
        let answer = self.ask("PUT", &blob(path), &kind, content);
        assert_eq!(answer.status, 201, "{path}");
    }

    /// What the blob at `path` holds, if it is there.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let answer = self.ask("GET", &blob(path), &[], &[]);
        (answer.status == 200).then_some(answer.content)
    }

    /// Containers and paths of the blobs that begin with `prefix`, in order.
    pub(super) fn paths(&self, prefix: &str) -> Vec<String> {
        let (container, prefix) = prefix.split_once('/').unwrap();
        let target = format!(
            "/{ACCOUNT}/{container}?restype=container&comp=list&prefix={}&{}",
            encoded(prefix),
            signature(LATE)
        );
        let answer = self.ask("GET", &target, &[], &[]);
        assert_eq!(answer.status, 200, "{target}");
        let text = String::from_utf8(answer.content).unwrap();
        let names = text.split("<Name>").skip(1).map(|part| part.split('<').next().unwrap());
        names.map(|name| format!("{container}/{}", name.replace("&amp;", "&"))).collect()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A signature of the account for all of its containers until `expiry`: Azure Storage, "Create an
/// account SAS".
pub(super) fn signature(expiry: &str) -> String {
    let (may, kinds) = ("rwdlac", "sco");
    let lines = [ACCOUNT, may, "b", kinds, "", expiry, "", "", VERSION, ""];
    let key = Base64::decode_to_vec(KEY, None).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(lines.join("\n").as_bytes());
    let signature = Base64::encode_to_string(mac.finalize().into_bytes()).unwrap();
    let (expiry, signature) = (encoded(expiry), encoded(&signature));
    format!("sv={VERSION}&ss=b&srt={kinds}&sp={may}&se={expiry}&sig={signature}")
}

fn blob(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(encoded).collect();
    format!("/{ACCOUNT}/{}?{}", parts.join("/"), signature(LATE))
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}

fn parse(whole: &[u8], is_head: bool) -> Answer {
    let end = whole.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&whole[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let header = |wanted: &str| {
        let mut pairs = head.lines().filter_map(|line| line.split_once(": "));
        pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    let length = is_head.then_some("content-length");
    let names = TOLD.into_iter().chain(length);
    let headers = names.filter_map(|name| Some((name, header(name)?))).collect();
    Answer { status, headers, content: whole[end + 4..].to_vec() }
}
