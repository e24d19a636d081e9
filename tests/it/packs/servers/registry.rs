//! Debian's `docker-registry`, run as it is, on a free port, with its files in a folder.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

/// The user `me` with the password `secret`, as `htpasswd -B` keeps it.
const PASSWORD_FILE: &str = "me:$2b$04$T2RiIkjxjol7xCvp4.sx5uHLw.YZ0lPW8v9QXim0A/L.zI9v6Au/i\n";

/// A registry; it ends when it goes out of scope.
pub(crate) struct Registry {
    program: Child,
    port: String,
    folder: tempfile::TempDir,
}

impl Registry {
    /// For everyone; `None`, said aloud, when this machine has none.
    pub(crate) fn open() -> Option<Self> {
        Self::start("")
    }

    /// For the user `me` with the password `secret` only.
    pub(crate) fn closed() -> Option<Self> {
        Self::start("auth: {htpasswd: {realm: test, path: FOLDER/passwords}}\n")
    }

    /// The reference of a repository, without tag.
    pub(crate) fn reference(&self, repository: &str) -> String {
        format!("oci://{}/{repository}", self.host())
    }

    /// Its host and port.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The file in which it keeps what has this SHA-256.
    pub(crate) fn blob(&self, sha256: &str) -> PathBuf {
        let blobs = self.folder.path().join("storage/docker/registry/v2/blobs/sha256");
        blobs.join(&sha256[..2]).join(sha256).join("data")
    }

    /// Puts a manifest at `REPOSITORY:TAG`, whatever it says.
    pub(crate) fn put_manifest(&self, repository: &str, tag: &str, manifest: &Value) {
        let text = manifest.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port.parse().unwrap())).unwrap();
        write!(
            stream,
            "PUT /v2/{repository}/manifests/{tag} HTTP/1.1\r\n\
             Host: {}\r\nConnection: close\r\n\
             Content-Type: application/vnd.oci.image.manifest.v1+json\r\n\
             Content-Length: {}\r\n\r\n{text}",
            self.host(),
            text.len()
        )
        .unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
    }

    fn start(auth: &str) -> Option<Self> {
        let Some(program) = std::env::var_os("OLIVE_TEST_REGISTRY") else {
            println!("skipped: no OCI registry: cargo xtask test brings one");
            return None;
        };
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().display().to_string();
        let config = format!(
            "version: 0.1\n\
             log: {{level: info}}\n\
             storage: {{filesystem: {{rootdirectory: {path}/storage}}}}\n\
             http: {{addr: '127.0.0.1:0', secret: test}}\n{}",
            auth.replace("FOLDER", &path)
        );
        fs::write(folder.path().join("config.yml"), config).unwrap();
        fs::write(folder.path().join("passwords"), PASSWORD_FILE).unwrap();
        let mut program = Command::new(program)
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(program.stderr.take().unwrap());
        let port = port(&mut said, folder.path());
        // It would stop at a full pipe.
        thread::spawn(move || said.read_to_end(&mut Vec::new()));
        Some(Self { program, port, folder })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The port it says it listens on.
fn port(said: &mut impl BufRead, folder: &Path) -> String {
    let mut heard = String::new();
    loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "{}: {heard}", folder.display());
        if let Some((_, address)) = line.split_once("listening on 127.0.0.1:") {
            return address.chars().take_while(char::is_ascii_digit).collect();
        }
        heard.push_str(&line);
    }
}
