//! Single requests to a service.

use std::time::Duration;

use olive_transport::{Answer, Ask, TransportError, exchange};

use crate::server::{Manner, Server, dead_port};

fn put(url: &str, limit: u64) -> Result<Answer, TransportError> {
    exchange(Ask {
        method: "PUT",
        url,
        headers: &[("authorization".into(), "Bearer t0ken".into())],
        content: Some(b"content".to_vec()),
        limit,
        patience: Duration::from_secs(20),
        is_cancelled: &|| false,
    })
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
