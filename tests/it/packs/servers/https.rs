//! A small server that can misbehave: HTTP/1.1 on threads, with TLS by an authority of its own.
//!
//! One connection serves one request. What is served, and in which manner, is chosen per path.

#[path = "https/answer.rs"]
mod answer;

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How a path is served.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// As it should be: whole or in part, with an entity tag.
    Honest,
    /// The same, without saying which version it is.
    Unversioned,
    /// Always whole.
    NoRanges,
    /// Each answer breaks off after so many bytes.
    Breaks(usize),
    /// The first answer breaks off after so many bytes; then the file is another one.
    Changes(usize, Vec<u8>),
    /// A byte, and after a while another.
    Trickles(Duration),
    /// So many bytes, and then nothing, for ever.
    Stalls(usize),
    /// Takes the request, and answers nothing.
    Silent,
    /// Names a length that is not the file's, and closes after the file.
    Claims(usize),
    /// Without length and end.
    Endless,
    /// Sends the beginning, whatever part is asked for.
    WrongPart,
    /// Refuses so often, with this status and header, and is honest then.
    Refuses(usize, &'static str, &'static str),
    /// Refuses with this challenge whoever does not show this authorization, and is honest then.
    Guarded(String, &'static str),
    /// Sends to another address.
    Redirects(String),
    /// Something that is not HTTP.
    Garbage,
}

/// A server; it ends when it goes out of scope.
pub(crate) struct Server {
    port: u16,
    scheme: &'static str,
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    served: Mutex<HashMap<String, Served>>,
    requests: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

#[derive(Clone)]
struct Served {
    content: Arc<Vec<u8>>,
    manner: Manner,
    version: usize,
}

/// What a client asks for.
#[derive(Default)]
struct Asked {
    /// Without query.
    path: String,
    query: String,
    from: Option<usize>,
    if_range: Option<String>,
    authorization: Option<String>,
    content: String,
}

/// What a connection is made of, with or without TLS.
trait Stream: Read + Write {
    /// The connection below.
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

impl Server {
    /// On a free port of this machine, with TLS; [`authority`](Self::authority) vouches for it.
    pub(crate) fn https() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = certify(&folder.path().join("authority.pem"));
        Self::start("https", folder, move |connection| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(StreamOwned::new(tls, connection))
        })
    }

    /// On a free port of this machine, without TLS.
    pub(crate) fn http() -> Self {
        Self::start("http", tempfile::tempdir().unwrap(), |connection| Box::new(connection))
    }

    /// Serves `content` at `path` (`/x.pack`) from now on.
    pub(crate) fn serve(&self, path: &str, content: &[u8], manner: Manner) {
        let mut served = self.shared.served.lock().unwrap();
        let version = served
            .get(path)
            .map_or(1, |before| before.version + usize::from(*before.content != content));
        let content = Arc::new(content.to_vec());
        served.insert(path.into(), Served { content, manner, version });
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.port)
    }

    /// The certificate of the authority, in PEM, for `SSL_CERT_FILE`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What was asked for: `/x.pack`, or `/x.pack?query from 100 by Basic abc`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    fn start(
        scheme: &'static str,
        folder: tempfile::TempDir,
        open: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let (open, theirs) = (Arc::new(open), Arc::clone(&shared));
        let listening = Some(thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if theirs.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (open, shared) = (Arc::clone(&open), Arc::clone(&theirs));
                // A client that goes away ends its thread by an error.
                thread::spawn(move || drop(talk(&mut *open(connection), &shared)));
            }
        }));
        Self { port, scheme, folder, shared, listening }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let _ = self.listening.take().map(JoinHandle::join);
    }
}

/// A port at which nothing listens.
pub(crate) fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority, whose certificate goes to `path`, and a certificate of it for `localhost`.
pub(crate) fn certify(path: &Path) -> Arc<ServerConfig> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages.push(KeyUsagePurpose::KeyCertSign);
    authority.distinguished_name.push(DnType::CommonName, "authority of a test");
    let key = KeyPair::generate().unwrap();
    fs::write(path, authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);

    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// Serves one request.
fn talk(stream: &mut dyn Stream, shared: &Shared) -> io::Result<()> {
    let asked = read_request(stream)?;
    let times = {
        let mut requests = shared.requests.lock().unwrap();
        requests.push(asked.told());
        requests.iter().filter(|told| told.split([' ', '?']).next() == Some(&asked.path)).count()
    };
    let served = shared.served.lock().unwrap().get(&asked.path).cloned();
    let Some(served) = served else {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
        return stream.flush();
    };
    answer::serve(stream, &served, &asked, times, &shared.is_over)?;
    stream.flush()?;
    // Until the client has taken all, or a reset would take it away.
    stream.tcp().shutdown(Shutdown::Write)?;
    let _ = io::copy(stream, &mut io::sink());
    Ok(())
}

fn read_request(stream: &mut dyn Stream) -> io::Result<Asked> {
    stream.tcp().set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut stream = BufReader::new(stream);
    let mut next = || -> io::Result<String> {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    let first = next()?;
    let target = first.split(' ').nth(1).ok_or(io::ErrorKind::UnexpectedEof)?;
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut asked = Asked { path: path.into(), query: query.into(), ..Asked::default() };
    let mut length = 0;
    while let Some((name, value)) = next()?.split_once(": ") {
        match name.to_lowercase().as_str() {
            "range" => {
                let from = value.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
                asked.from = from.and_then(|from| from.parse().ok());
            }
            "if-range" => asked.if_range = Some(value.into()),
            "authorization" => asked.authorization = Some(value.into()),
            "content-length" => length = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    stream.take(length).read_to_string(&mut asked.content)?;
    Ok(asked)
}

impl Asked {
    fn told(&self) -> String {
        let mut told = format!("{}{}", self.path, self.query);
        told.extend(self.from.map(|from| format!(" from {from}")));
        told.extend(self.authorization.as_ref().map(|who| format!(" by {who}")));
        told.extend(
            Some(&self.content).filter(|text| !text.is_empty()).map(|text| format!(" with {text}")),
        );
        told
    }
}
