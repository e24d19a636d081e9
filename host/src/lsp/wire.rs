//! Messages of the protocol on a stream: a header with the length, then JSON.

use std::io::{self, BufRead, Read, Write};

use lsp_types::ErrorCodes;
use lsp_types::json_rpc::{Error, Id, RequestObject, ResponseObject};
use serde::Serialize;
use serde_json::Value;

/// Bytes a line of a header may have.
const LINE_LIMIT: u64 = 4 << 10;

/// Bytes a message may have; it may hold a whole document.
const MESSAGE_LIMIT: u64 = 64 << 20;

/// Something that came in.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// A request or a notification.
    Call(RequestObject),
    /// The answer to a request; none is ever made.
    Answer,
    /// No message; this is what to say about it.
    Malformed(Box<ResponseObject>),
}

/// Reads the next message; none at the end of the stream.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let mut length: Option<u64> = None;
    loop {
        let mut line = Vec::new();
        if (&mut *input).take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let field = line.split_once(':');
        if let Some((_, value)) =
            field.filter(|(name, _)| name.trim().eq_ignore_ascii_case("Content-Length"))
        {
            length = value.trim().parse().ok();
        }
    }
    let Some(length) = length else {
        return Ok(Some(malformed(ErrorCodes::ParseError, "a header has no `Content-Length`")));
    };
    if length > MESSAGE_LIMIT {
        io::copy(&mut input.take(length), &mut io::sink())?;
        return Ok(Some(malformed(ErrorCodes::InvalidRequest, "the message is too long")));
    }
    let mut body = Vec::new();
    if input.take(length).read_to_end(&mut body)? as u64 != length {
        return Ok(None);
    }
    Ok(Some(parse(&body)))
}

/// Writes one message.
pub(super) fn write(out: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    write!(out, "Content-Length: {}\r\n\r\n", body.len())?;
    out.write_all(&body)?;
    out.flush()
}

fn parse(body: &[u8]) -> Incoming {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return malformed(ErrorCodes::ParseError, &error.to_string()),
    };
    if value.get("method").is_none()
        && (value.get("result").is_some() || value.get("error").is_some())
    {
        return Incoming::Answer;
    }
    let has_method = value.get("method").is_some_and(Value::is_string);
    match serde_json::from_value(value) {
        Ok(call) if has_method => Incoming::Call(call),
        Ok(_) => malformed(ErrorCodes::InvalidRequest, "a message names its `method`"),
        Err(error) => malformed(ErrorCodes::InvalidRequest, &error.to_string()),
    }
}

fn malformed(code: ErrorCodes, message: &str) -> Incoming {
    let error = Error { code, message: message.to_owned(), data: None };
    Incoming::Malformed(Box::new(ResponseObject::from_error(Id::Null, error)))
}

#[cfg(test)]
mod tests {
    use super::{Incoming, read};

    fn said(stream: &str) -> Vec<String> {
        let mut input = stream.as_bytes();
        let mut said = Vec::new();
        while let Some(incoming) = read(&mut input).unwrap() {
            said.push(match incoming {
                Incoming::Call(call) => call.method().to_owned(),
                Incoming::Answer => "answer".to_owned(),
                Incoming::Malformed(answer) => answer.error().unwrap().message.clone(),
            });
        }
        said
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_no_message_does_not_end_the_stream() {
        let exit = framed(r#"{"jsonrpc": "2.0", "method": "exit"}"#);
        for (wrong, message) in [
            (framed("{"), "EOF while parsing an object at line 1 column 1"),
            (framed("[]"), "a message names its `method`"),
            (framed(r#"{"jsonrpc": "2.0", "id": 1, "result": 2}"#), "answer"),
            ("content-type: x\r\n\r\n".to_owned(), "a header has no `Content-Length`"),
            ("Content-Length: x\r\n\r\n".to_owned(), "a header has no `Content-Length`"),
        ] {
            let heard = said(&format!("{wrong}{exit}"));
            assert_eq!(heard.len(), 2, "{heard:?}");
            assert!(heard[0] == message || wrong.contains("[]"), "{heard:?}");
            assert_eq!(heard[1], "exit");
        }
        assert!(said("Content-Length: 99999999999999999\r\n\r\n{}").len() == 1);
        assert!(said("Content-Length: 9\r\n\r\n{}").is_empty());
        assert!(said("").is_empty());
    }
}
