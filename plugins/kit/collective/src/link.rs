//! How two neighbours talk: frames over a connection.
//!
//! A frame is one byte for its kind, and a number as 8 bytes, little-endian: the length of the
//! data that follows, or the rank that was lost.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

const DATA: u8 = 0;
const LOST: u8 = 1;

/// After how much silence of a machine it is asked whether it is there, how often and how long.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(5), 3);

/// What a frame says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// So many bytes follow.
    Data(u64),
    /// This rank is lost; nothing follows.
    Lost(u64),
}

/// Why no frame came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The other side closed the connection, or its machine is gone.
    Gone,
    /// Nothing came in time.
    Silent,
}

/// Prepares a connection: small frames leave at once, and a machine that is gone is noticed.
pub(crate) fn prepare(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    let (time, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval);
    let keepalive = keepalive.with_retries(retries);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))
}

/// Sends `bytes` as one frame.
pub(crate) fn send(mut stream: &TcpStream, bytes: &[u8]) -> Result<(), Broken> {
    let header = header(DATA, bytes.len() as u64);
    stream.write_all(&header).and_then(|()| stream.write_all(bytes)).map_err(|e| broken(&e))
}

/// Tells the other side which rank is lost, if it still listens.
pub(crate) fn send_lost(mut stream: &TcpStream, rank: usize) {
    // Who does not hear it knows already that something is wrong.
    let _ = stream.write_all(&header(LOST, rank as u64));
}

/// The next frame's head.
pub(crate) fn receive(mut stream: &TcpStream) -> Result<Frame, Broken> {
    let mut header = [0; 9];
    stream.read_exact(&mut header).map_err(|error| broken(&error))?;
    let [kind, number @ ..] = header;
    let number = u64::from_le_bytes(number);
    Ok(if kind == LOST { Frame::Lost(number) } else { Frame::Data(number) })
}

/// The data of a frame.
pub(crate) fn receive_data(mut stream: &TcpStream, bytes: &mut [u8]) -> Result<(), Broken> {
    stream.read_exact(bytes).map_err(|error| broken(&error))
}

/// Reads the data of a frame and forgets it.
pub(crate) fn pass_over(stream: &TcpStream, len: u64) -> Result<(), Broken> {
    let passed = io::copy(&mut stream.take(len), &mut io::sink());
    match passed {
        Ok(passed) if passed == len => Ok(()),
        Ok(_) => Err(Broken::Gone),
        Err(error) => Err(broken(&error)),
    }
}

/// Whether a connection that does not block has neither ended nor brought news of a lost rank.
#[cfg(any(feature = "mpi", feature = "nccl", test))]
pub(crate) fn is_quiet(stream: &TcpStream) -> bool {
    let mut kind = [0];
    match stream.peek(&mut kind) {
        Ok(0) => false,
        Ok(_) => kind[0] != LOST,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

fn header(kind: u8, number: u64) -> [u8; 9] {
    let mut header = [kind; 9];
    header[1..].copy_from_slice(&number.to_le_bytes());
    header
}

/// A limit of time ends a read or write as "would block"; "timed out" is what the system says of a
/// machine that no longer answers.
fn broken(error: &io::Error) -> Broken {
    match error.kind() {
        ErrorKind::WouldBlock => Broken::Silent,
        _ => Broken::Gone,
    }
}
