//! Requests to a service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use olive_transport::{Answer, Ask, Exchange, TransportError};

use crate::server::{Manner, Server, dead_port};

fn put(url: &str, limit: u64) -> Result<Answer, TransportError> {
    let headers = [("authorization".to_owned(), "Bearer t0ken".to_owned())];
    let patience = Duration::from_secs(20);
    Exchange::new()?.send(Ask { limit, headers: &headers, ..ask(url, b"content", patience) })
}

fn ask<'a>(url: &'a str, content: &[u8], patience: Duration) -> Ask<'a> {
    Ask {
        method: "PUT",
        url,
        headers: &[],
        content: Some(content.to_vec()),
        limit: 100,
        patience,
        is_cancelled: &|| false,
    }
}

/// A server that takes one connection and answers `count` requests over it; it reads a content
/// mebibyte by mebibyte, with a `pause` before each.
fn single(count: usize, pause: Duration) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/job", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut come = 0;
        for _ in 0..count {
            let mut left = content_length(&mut stream);
            come += left;
            while left > 0 {
                thread::sleep(pause);
                let mut part = vec![0; left.min(1 << 20)];
                stream.read_exact(&mut part).unwrap();
                left -= part.len();
            }
            let answer = b"HTTP/1.1 200 So\r\ncontent-length: 2\r\n\r\nok";
            stream.get_mut().write_all(answer).unwrap();
        }
        come
    });
    (url, serving)
}

fn content_length(stream: &mut impl BufRead) -> usize {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            return length;
        }
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.parse().unwrap();
        }
    }
}

#[test]
fn an_answer_is_given_whatever_it_says() {
    let server = Server::http();
    let refuses = Manner::Refuses(1, "429 Too Many Requests", "Retry-After: 7");
    server.serve("/job", b"hello", refuses);
    let refused = put(&server.url("/job"), 100).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));
    let taken = put(&server.url("/job"), 100).unwrap();
    assert_eq!((taken.status, &taken.content[..]), (200, &b"hello"[..]));
    assert_eq!(server.requests(), ["/job by Bearer t0ken with content"; 2]);
}

#[test]
fn requests_share_a_connection() {
    let (url, serving) = single(3, Duration::ZERO);
    let exchange = Exchange::new().unwrap();
    for _ in 0..3 {
        let answer = exchange.send(ask(&url, b"content", Duration::from_secs(20))).unwrap();
        assert_eq!((answer.status, &answer.content[..]), (200, &b"ok"[..]));
    }
    assert_eq!(serving.join().unwrap(), 3 * b"content".len());
}

#[test]
fn a_content_that_moves_may_take_longer_than_the_patience() {
    let (url, serving) = single(1, Duration::from_millis(60));
    let content = vec![7; 32 << 20];
    let answer = Exchange::new().unwrap().send(ask(&url, &content, Duration::from_secs(1)));
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(serving.join().unwrap(), content.len());
}

#[test]
fn errors_tell_no_signature() {
    let server = Server::http();
    server.serve("/job", b"hello", Manner::Honest);
    let large = put(&format!("{}?sig=s3cret", server.url("/job")), 2).unwrap_err();
    let dead = put(&format!("http://localhost:{}/x?sig=s3cret", dead_port()), 2).unwrap_err();
    let open = put("http://example.org/x?sig=s3cret", 2).unwrap_err();
    for (error, part, is_passing) in [
        (large, "more than the 2 bytes", false),
        (dead, "cannot reach", true),
        (open, "use https", false),
    ] {
        let said = error.to_string();
        assert!(said.contains(part) && !said.contains("s3cret"), "{said}");
        assert_eq!(error.is_passing(), is_passing, "{said}");
    }
}
