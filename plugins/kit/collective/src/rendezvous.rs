//! How ranks find each other: each leaves a file in a folder that all of them see.
//!
//! The file says where the rank listens and holds a secret that only readers of the folder know.
//! Rank `r` connects to rank `r + 1`, and takes the connection of rank `r - 1`. A file that an
//! earlier group left leads to a closed port or a wrong secret, and is read again.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::CollectiveError;

/// What a connection starts with, before secret, rank and number of ranks.
const GREETING: &[u8; 8] = b"OLVRANK1";
/// What accepts it.
const WELCOME: u8 = 1;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 16;
/// Time between two looks for a rank.
const LOOK: Duration = Duration::from_millis(50);
/// Time for a connection and its greeting.
const GREETING_TIME: Duration = Duration::from_secs(5);

/// Which rank of how many a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which one it is, from 0.
    pub rank: usize,
    /// How many there are; at least 1.
    pub ranks: usize,
}

impl Place {
    /// The rank that sends to this one.
    pub(crate) fn previous(self) -> usize {
        (self.rank + self.ranks - 1) % self.ranks
    }

    /// The rank that this one sends to.
    pub(crate) fn next(self) -> usize {
        (self.rank + 1) % self.ranks
    }
}

/// Where and how ranks meet.
#[derive(Debug, Clone)]
pub struct Meeting {
    /// Folder that all ranks see and can write; made when it is not there.
    pub dir: PathBuf,
    /// Names or addresses by which other machines may reach this one, the likeliest first. The
    /// address of the machine itself, 127.0.0.1, is tried last in any case.
    pub hosts: Vec<String>,
    /// How long other ranks are waited for.
    pub wait: Duration,
}

/// The two connections of a rank.
#[derive(Debug)]
pub(crate) struct Neighbours {
    pub(crate) from_previous: TcpStream,
    pub(crate) to_next: TcpStream,
}

/// What a rank leaves in the folder.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    hosts: Vec<String>,
    port: u16,
    secret: String,
}

impl Meeting {
    /// Waits until both neighbours are connected.
    pub(crate) fn neighbours(&self, place: Place) -> Result<Neighbours, CollectiveError> {
        let listener = listen().map_err(CollectiveError::Listen)?;
        let port = listener.local_addr().map_err(CollectiveError::Listen)?.port();
        let secret = secret().map_err(CollectiveError::Listen)?;
        let mut hosts = self.hosts.clone();
        hosts.push(Ipv4Addr::LOCALHOST.to_string());
        self.leave(place.rank, &Card { hosts, port, secret: secret.clone() })?;
        let deadline = Instant::now() + self.wait;
        // Both at once: who waits for an answer answers others.
        let (from_previous, to_next) = thread::scope(|scope| {
            let accepting = scope.spawn(|| until(deadline, || accept(&listener, &secret, place)));
            let to_next = until(deadline, || self.connect(place));
            (accepting.join().ok().flatten(), to_next)
        });
        let missing = |rank| {
            let Place { ranks, .. } = place;
            CollectiveError::Missing { rank, ranks, waited: self.wait }
        };
        Ok(Neighbours {
            to_next: to_next.ok_or_else(|| missing(place.next()))?,
            from_previous: from_previous.ok_or_else(|| missing(place.previous()))?,
        })
    }

    fn file(&self, rank: usize) -> PathBuf {
        self.dir.join(format!("rank-{rank}.json"))
    }

    /// Puts the card where others find it, whole, readable by nobody else.
    fn leave(&self, rank: usize, card: &Card) -> Result<(), CollectiveError> {
        let path = self.file(rank);
        let text = serde_json::to_string(card).map_err(io::Error::other);
        let write = |text: String| {
            fs::create_dir_all(&self.dir)?;
            // The system makes it with access for its owner alone.
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            file.write_all(text.as_bytes())?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        };
        text.and_then(write)
            .map_err(|source| CollectiveError::Folder { path: path.clone(), source })
    }

    /// A connection to the next rank, when it is there.
    fn connect(&self, place: Place) -> Option<TcpStream> {
        let card = read(&self.file(place.next()))?;
        let mut streams = card.hosts.iter().filter_map(|host| {
            let addresses = (host.as_str(), card.port).to_socket_addrs().ok()?;
            addresses.into_iter().find_map(|address| greet(address, &card.secret, place).ok())
        });
        streams.next()
    }
}

/// What `look` finds, asked again and again until the deadline.
fn until<T>(deadline: Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        match look() {
            None if Instant::now() < deadline => thread::sleep(LOOK),
            found => return found,
        }
    }
}

fn read(path: &Path) -> Option<Card> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// A port on all networks of the machine.
fn listen() -> io::Result<TcpListener> {
    let any = |address: SocketAddr| TcpListener::bind(address);
    let listener = any((Ipv6Addr::UNSPECIFIED, 0).into())
        .or_else(|_| any((Ipv4Addr::UNSPECIFIED, 0).into()))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn secret() -> io::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.map(|byte| format!("{byte:02x}")).concat())
}

fn greet(address: SocketAddr, secret: &str, place: Place) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, GREETING_TIME)?;
    stream.set_read_timeout(Some(GREETING_TIME))?;
    stream.write_all(&greeting(secret, place))?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    if answer[0] == WELCOME { Ok(stream) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn greeting(secret: &str, Place { rank, ranks }: Place) -> Vec<u8> {
    let mut bytes = GREETING.to_vec();
    bytes.extend_from_slice(secret.as_bytes());
    bytes.extend_from_slice(&(rank as u64).to_le_bytes());
    bytes.extend_from_slice(&(ranks as u64).to_le_bytes());
    bytes
}

/// The connection of the previous rank, when it has come; strangers are turned away.
fn accept(listener: &TcpListener, secret: &str, place: Place) -> Option<TcpStream> {
    let expected = greeting(secret, Place { rank: place.previous(), ranks: place.ranks });
    std::iter::from_fn(|| listener.accept().ok()).find_map(|(mut stream, _)| {
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(GREETING_TIME)).ok()?;
        let mut got = vec![0; expected.len()];
        stream.read_exact(&mut got).ok()?;
        if got != expected {
            return None;
        }
        stream.write_all(&[WELCOME]).ok()?;
        Some(stream)
    })
}
