//! What a request is answered with, in each manner.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Asked, Manner, Served, Stream};

/// End of an answer without content, after which the connection ends as after all others; said, so
/// that nobody asks again on it.
const NOTHING: &str = "Content-Length: 0\r\nConnection: close\r\n\r\n";

/// Answers what is `asked` for the `times`-th time.
pub(super) fn serve(
    stream: &mut dyn Stream,
    served: &Served,
    asked: &Asked,
    times: usize,
    is_over: &AtomicBool,
) -> io::Result<()> {
    let content = &served.content[..];
    let version = served.version;
    let tag = format!("ETag: \"{version}\"\r\n");
    let whole = |stream: &mut dyn Stream, headers: &str, length: usize| {
        write!(stream, "HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n")
    };
    match &served.manner {
        Manner::Unversioned => honest(stream, content, None, asked, usize::MAX),
        Manner::Breaks(after) => {
            honest(stream, content, Some(version), asked, *after)?;
            abort(stream)
        }
        Manner::Changes(after, _) if times == 1 => {
            honest(stream, content, Some(version), asked, *after)?;
            abort(stream)
        }
        Manner::Changes(_, next) => honest(stream, next, Some(version + 1000), asked, usize::MAX),
        Manner::Refuses(refusals, status, header) if times <= *refusals => {
            write!(stream, "HTTP/1.1 {status}\r\n{header}\r\n{NOTHING}")
        }
        Manner::Guarded(challenge, by) if asked.authorization.as_deref() != Some(by) => {
            let header = format!("WWW-Authenticate: {challenge}");
            write!(stream, "HTTP/1.1 401 Unauthorized\r\n{header}\r\n{NOTHING}")
        }
        Manner::Honest | Manner::Guarded(..) | Manner::Refuses(..) => {
            honest(stream, content, Some(version), asked, usize::MAX)
        }
        Manner::NoRanges => {
            whole(stream, &tag, content.len())?;
            stream.write_all(content)
        }
        Manner::Trickles(pause) => {
            whole(stream, &tag, content.len())?;
            trickle(stream, content, *pause)
        }
        Manner::Stalls(after) => {
            honest(stream, content, Some(version), asked, *after)?;
            wait(stream, is_over)
        }
        Manner::Silent => wait(stream, is_over),
        Manner::Claims(length) => {
            whole(stream, "", *length)?;
            stream.write_all(content)
        }
        Manner::Endless => endless(stream, is_over),
        Manner::WrongPart => wrong_part(stream, content, &tag, asked.from.is_some()),
        Manner::Redirects(place) => {
            write!(stream, "HTTP/1.1 302 Found\r\nLocation: {place}\r\n{NOTHING}")
        }
        Manner::Garbage => stream.write_all(b"220 mail.example ESMTP\r\n"),
    }
}

fn trickle(stream: &mut dyn Stream, content: &[u8], pause: Duration) -> io::Result<()> {
    for byte in content {
        stream.write_all(&[*byte])?;
        stream.flush()?;
        thread::sleep(pause);
    }
    Ok(())
}

fn endless(stream: &mut dyn Stream, is_over: &AtomicBool) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    while !is_over.load(Ordering::Relaxed) {
        stream.write_all(&[b'x'; 16 << 10])?;
    }
    Ok(())
}

/// Breaks in the middle, and answers the request for the rest with a part from the beginning.
fn wrong_part(stream: &mut dyn Stream, content: &[u8], tag: &str, is_part: bool) -> io::Result<()> {
    let all = content.len();
    let range = format!("Content-Range: bytes 0-{}/{all}\r\n{tag}", all.saturating_sub(1));
    let status = if is_part { "206 Partial Content" } else { "200 OK" };
    write!(stream, "HTTP/1.1 {status}\r\n{range}Content-Length: {all}\r\n\r\n")?;
    if is_part {
        return stream.write_all(content);
    }
    stream.write_all(&content[..all / 2])?;
    abort(stream)
}

/// The whole, or the part that is asked for and still of that version; at most `most` bytes of it.
fn honest(
    stream: &mut dyn Stream,
    content: &[u8],
    version: Option<usize>,
    asked: &Asked,
    most: usize,
) -> io::Result<()> {
    let tag = version.map(|version| format!("\"{version}\""));
    let is_same = asked.if_range.is_none() || asked.if_range == tag;
    let tag = tag.map(|tag| format!("ETag: {tag}\r\n")).unwrap_or_default();
    let all = content.len();
    let (head, rest) = match asked.from.filter(|_| is_same) {
        Some(from) if from >= all => {
            let range = format!("Content-Range: bytes */{all}\r\n");
            (format!("416 Range Not Satisfiable\r\n{range}"), &[][..])
        }
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{all}\r\n", all - 1);
            (format!("206 Partial Content\r\n{range}"), &content[from..])
        }
        None => ("200 OK\r\n".to_owned(), content),
    };
    write!(stream, "HTTP/1.1 {head}{tag}Content-Length: {}\r\n\r\n", rest.len())?;
    stream.write_all(&rest[..rest.len().min(most)])?;
    stream.flush()
}

/// Ends the connection without a word.
fn abort(stream: &mut dyn Stream) -> io::Result<()> {
    stream.tcp().shutdown(Shutdown::Both)
}

/// Waits until the client has gone, or the server goes.
fn wait(stream: &mut dyn Stream, is_over: &AtomicBool) -> io::Result<()> {
    stream.tcp().set_read_timeout(Some(Duration::from_millis(100)))?;
    while !is_over.load(Ordering::Relaxed) {
        match stream.read(&mut [0]) {
            Ok(0) => return Ok(()),
            Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
