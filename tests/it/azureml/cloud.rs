//! A small Azure on one port of this machine, with TLS: login, resource manager, history of runs,
//! registries and storage. It remembers what it is told, runs the jobs it is given, and can be made
//! to stumble. Its storage is a map, or Azurite behind it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;

use super::azurite::{self, Azurite};
use super::computes::Made;
use super::service;
use crate::packs::servers::https::certify;

/// The client's secret, which nothing may ever tell.
pub(super) const SECRET: &str = "s3cret-of-the-client";
/// The token of a workload, and what a machine shows to ask for its identity: neither is told.
pub(super) const ASSERTION: &str = "assert10n-of-the-workload";
pub(super) const IDENTITY: &str = "identity-of-the-mach1ne";
/// How every token of the login service begins.
pub(super) const TOKEN: &str = "t0ken-for-";
/// What every valid signature of the storage begins with.
pub(super) const SIGNATURE: &str = "s1gnature-";

/// How a request goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The answer has this status and header.
    Status(u16, &'static str),
    /// The connection ends without an answer.
    Drops,
    /// It is done, but the connection ends without an answer.
    Forgets,
    /// The answer comes byte by byte, with pauses.
    Trickles,
    /// Signatures given so far are no longer valid.
    Expires,
    /// The blob that it asks for is another one from now on.
    Changes,
    /// Nothing goes wrong, so that the next one does.
    Passes,
}

/// The cloud; it ends when it goes out of scope.
pub(super) struct Cloud {
    pub(super) state: Arc<State>,
    listening: Option<JoinHandle<()>>,
}

/// What it knows.
pub(super) struct State {
    /// Port it listens at.
    pub(super) port: u16,
    /// Folder for its certificate and the jobs' files.
    pub(super) folder: tempfile::TempDir,
    /// The server that has the blobs, when there is one.
    pub(super) azurite: Option<Azurite>,
    /// Blobs by container and path otherwise.
    pub(super) blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    /// What opens the default datastore.
    pub(super) opening: Mutex<Opening>,
    /// How many signatures that are given out next have run out already.
    pub(super) num_stale: Mutex<usize>,
    /// Documents by their path.
    pub(super) documents: Mutex<BTreeMap<String, Value>>,
    /// Words for how jobs are, by name.
    pub(super) jobs: Mutex<BTreeMap<String, &'static str>>,
    /// Computes that were made, by name.
    pub(super) computes: Mutex<BTreeMap<String, Made>>,
    /// Which signatures are valid.
    pub(super) epoch: Mutex<usize>,
    /// Whether jobs never get a machine, as when their image cannot be made.
    pub(super) has_no_images: AtomicBool,
    /// Bytes that an image writes into the log of each job before the worker begins.
    pub(super) num_log_bytes: AtomicUsize,
    /// Whether connections stay open after an answer.
    pub(super) keeps_alive: AtomicBool,
    /// Connections so far.
    pub(super) num_connections: AtomicUsize,
    /// Requests to services, but for those about blobs.
    pub(super) sent: Mutex<Vec<Asked>>,
    requests: Mutex<Vec<String>>,
    faults: Mutex<Vec<(String, Fault)>>,
    is_over: AtomicBool,
}

/// What the workspace gives to who asks for a way into its default datastore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// A signature of the workspace.
    Signature,
    /// The key of the storage account, with which whoever has it signs.
    Key,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// As it was written, with query.
    pub(super) target: String,
    /// Without query, decoded.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) content: Vec<u8>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Vec<u8>,
}

impl Answer {
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self { status, headers: Vec::new(), content: value.to_string().into_bytes() }
    }

    pub(super) fn plain(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Vec::new() }
    }
}

impl Cloud {
    pub(super) fn new() -> Self {
        Self::with(None)
    }

    /// One whose blobs lie in a real blob server, which is told to open its containers.
    pub(super) fn on(azurite: Azurite) -> Self {
        Self::with(Some(azurite))
    }

    fn with(azurite: Option<Azurite>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State {
            port: listener.local_addr().unwrap().port(),
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
            azurite,
            blobs: Mutex::default(),
            opening: Mutex::new(Opening::Signature),
            num_stale: Mutex::default(),
            documents: Mutex::default(),
            jobs: Mutex::default(),
            computes: Mutex::default(),
            epoch: Mutex::default(),
            has_no_images: AtomicBool::new(false),
            num_log_bytes: AtomicUsize::new(0),
            keeps_alive: AtomicBool::new(false),
            num_connections: AtomicUsize::new(0),
            sent: Mutex::default(),
            requests: Mutex::default(),
            faults: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let certificate = certify(&state.folder.path().join("authority.pem"));
        let shared = Arc::clone(&state);
        let listening = thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let tls = ServerConnection::new(Arc::clone(&certificate)).unwrap();
                let (stream, shared) = (StreamOwned::new(tls, connection), Arc::clone(&shared));
                // A client that goes away ends its thread by an error.
                thread::spawn(move || drop(talk(stream, &shared)));
            }
        });
        Self { state, listening: Some(listening) }
    }

    /// Variables by which a program finds it.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let url = self.state.url();
        vec![
            ("SSL_CERT_FILE", self.state.folder.path().join("authority.pem").display().to_string()),
            ("AZURE_AUTHORITY_HOST", url.clone()),
            ("OLIVE_AZURE_RESOURCE_MANAGER", url.clone()),
            ("OLIVE_AZURE_REGISTRIES", url),
            ("AZURE_CONFIG_DIR", self.state.folder.path().join("azure").display().to_string()),
            ("AZURE_TENANT_ID", "tenant".into()),
            ("AZURE_CLIENT_ID", "client".into()),
            ("AZURE_CLIENT_SECRET", SECRET.into()),
        ]
    }

    /// The next request whose method and path have `part` goes wrong.
    pub(super) fn stumble(&self, part: &str, fault: Fault) {
        self.state.faults.lock().unwrap().push((part.to_owned(), fault));
    }

    /// What was never asked for, of what was to go wrong.
    pub(super) fn unmet(&self) -> Vec<String> {
        let faults = self.state.faults.lock().unwrap();
        faults.iter().map(|(part, fault)| format!("{part}: {fault:?}")).collect()
    }

    /// Method and path of every request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Puts a file into the container `data`, which is that of the default datastore.
    pub(super) fn put(&self, path: &str, content: &[u8]) {
        self.state.write(&format!("data/{path}"), content.to_vec());
    }

    /// Paths of the blobs whose path begins with `prefix`, in the same container.
    pub(super) fn blobs(&self, prefix: &str) -> Vec<String> {
        self.state.paths(&format!("data/{prefix}"))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.state.port)));
        let _ = self.listening.take().map(JoinHandle::join);
    }
}

impl State {
    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// A signature that is valid now.
    pub(super) fn signature(&self) -> String {
        if self.azurite.is_some() {
            return azurite::signature(azurite::LATE);
        }
        format!("sv=1&sig={SIGNATURE}{}", self.epoch.lock().unwrap())
    }

    /// The signature that is given out next.
    pub(super) fn given(&self) -> String {
        let mut num_stale = self.num_stale.lock().unwrap();
        if *num_stale == 0 {
            return self.signature();
        }
        *num_stale -= 1;
        azurite::signature(azurite::PAST)
    }

    /// Folder of the files of a job.
    pub(super) fn job_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join("jobs").join(name)
    }

    fn fault(&self, told: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let place = faults.iter().position(|(part, _)| told.contains(part.as_str()))?;
        Some(faults.remove(place).1)
    }
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

fn talk(mut stream: Stream, state: &Arc<State>) -> io::Result<()> {
    state.num_connections.fetch_add(1, Ordering::Relaxed);
    stream.sock.set_read_timeout(Some(Duration::from_mins(1)))?;
    while serve(&mut stream, state)? {}
    stream.conn.send_close_notify();
    stream.flush()
}

/// Answers one request; tells whether another may come.
fn serve(stream: &mut Stream, state: &Arc<State>) -> io::Result<bool> {
    let keeps_alive = state.keeps_alive.load(Ordering::Relaxed);
    let asked = read(stream)?;
    let told = format!("{} {}", asked.method, asked.path);
    state.requests.lock().unwrap().push(told.clone());
    if !asked.path.starts_with("/store/") {
        state.sent.lock().unwrap().push(asked.clone());
    }
    let fault = state.fault(&told);
    match fault {
        Some(Fault::Drops) => return Err(io::ErrorKind::ConnectionAborted.into()),
        Some(Fault::Expires) => *state.epoch.lock().unwrap() += 1,
        Some(Fault::Changes) => {
            state.write(asked.path.trim_start_matches("/store/"), b"another".to_vec());
        }
        _ => {}
    }
    let answer = match fault {
        Some(Fault::Status(status, header)) => {
            let headers = header.split_once(": ").map(|(_, value)| ("retry-after", value.into()));
            Answer { headers: headers.into_iter().collect(), ..Answer::plain(status) }
        }
        _ => service::answer(&asked, state),
    };
    if matches!(fault, Some(Fault::Forgets)) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let manner = Manner {
        is_head: asked.method == "HEAD",
        is_slow: matches!(fault, Some(Fault::Trickles)),
        keeps_alive,
    };
    write(stream, &answer, &manner)?;
    Ok(keeps_alive)
}

fn read(stream: &mut Stream) -> io::Result<Asked> {
    let mut stream = BufReader::new(stream);
    let mut next = || -> io::Result<String> {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    let first = next()?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = next()?.split_once(": ") {
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut content = vec![0; length];
    stream.read_exact(&mut content)?;
    let (method, target) = (method.to_owned(), target.to_owned());
    let path = decoded(path);
    Ok(Asked { method, target, path, query, headers, content })
}

/// How an answer is written.
struct Manner {
    is_head: bool,
    is_slow: bool,
    keeps_alive: bool,
}

fn write(stream: &mut Stream, answer: &Answer, manner: &Manner) -> io::Result<()> {
    let Manner { is_head, is_slow, keeps_alive } = *manner;
    let connection = if keeps_alive { "keep-alive" } else { "close" };
    let mut head = format!("HTTP/1.1 {} So\r\nconnection: {connection}\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &[*name, ": ", value, "\r\n"].concat();
    }
    if !is_head {
        let length = answer.content.len();
        head += &["content-length: ", &length.to_string(), "\r\n"].concat();
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    let content = if is_head { &[] } else { &answer.content[..] };
    let (slow, rest) = content.split_at(if is_slow { content.len().min(100) } else { 0 });
    for byte in slow {
        stream.write_all(&[*byte])?;
        stream.flush()?;
        thread::sleep(Duration::from_millis(5));
    }
    stream.write_all(rest)?;
    stream.flush()
}

/// Text whose letters were percent-encoded.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| after.get(..2)).flatten();
        let code =
            code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
