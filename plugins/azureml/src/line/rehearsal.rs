//! Requests that are kept instead of being sent, with stand-ins for what services would answer.
//!
//! A stand-in is a word in capitals where only the service knows: `ACCOUNT`, `CONTAINER`, `SIGNATURE`.
//! No credential is asked, and nothing leaves the machine.

use std::cell::RefCell;

use olive_plugin_api::Message;
use olive_transport::Answer;
use serde_json::{Value, json};

use super::Asked;

/// Stand-in for the digest of what is not there yet.
pub(crate) const DIGEST: &str = "DIGEST";

/// Requests that were not sent.
#[derive(Default)]
pub(crate) struct Rehearsal {
    messages: RefCell<Vec<Message>>,
}

impl Rehearsal {
    /// Keeps `asked`; gives what stands in for the answer.
    pub(crate) fn answer(&self, asked: &Asked<'_>) -> Answer {
        let title = format!("{} {}", asked.method, asked.url);
        self.messages.borrow_mut().push(Message { title, content: content(asked) });
        let (status, document) = stand_in(asked);
        let content = if document.is_null() { Vec::new() } else { document.to_string().into() };
        Answer { status, headers: Vec::new(), content }
    }

    /// Everything that was kept, in order.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.borrow().clone()
    }
}

/// What goes with a request: its body, or the bytes of a file.
fn content(asked: &Asked<'_>) -> String {
    let Some(content) = asked.content.as_ref().filter(|content| !content.is_empty()) else {
        return String::new();
    };
    match serde_json::from_slice::<Value>(content) {
        Ok(body) if !is_for_storage(asked.url) => format!("{body:#}"),
        _ => format!("{} bytes", content.len()),
    }
}

fn stand_in(asked: &Asked<'_>) -> (u16, Value) {
    let path = asked.url.split('?').next().unwrap_or_default();
    let uri = "https://ACCOUNT.blob.core.windows.net/CONTAINER?SIGNATURE";
    match asked.method {
        // Nothing is there yet.
        "HEAD" => (404, Value::Null),
        "GET" if path.contains("/datastores/") => (
            200,
            json!({"properties": {
                "datastoreType": "AzureBlob", "accountName": "ACCOUNT", "containerName": "CONTAINER"
            }}),
        ),
        "GET" if path.contains("/environments/") => {
            (200, json!({"properties": {"latestVersion": "LATEST"}}))
        }
        "GET" => (200, json!({})),
        "POST" if path.ends_with("/listSecrets") => {
            (200, json!({"secretsType": "Sas", "sasToken": "SIGNATURE"}))
        }
        "POST" if path.ends_with("/startPendingUpload") => {
            (200, json!({"blobReferenceForConsumption": {"credential": {"sasUri": uri}}}))
        }
        _ => (201, Value::Null),
    }
}

fn is_for_storage(url: &str) -> bool {
    url.starts_with("https://ACCOUNT.")
}
