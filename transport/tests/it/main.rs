//! Transfers from a server that misbehaves.

#![allow(clippy::unwrap_used, reason = "tests end where something is not as it should be")]

mod https;
mod exchange;
mod oci;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../tests/it/packs/servers/https.rs"]
mod server;

use std::fmt::Write;

use sha2::{Digest, Sha256};

fn sha256(content: &[u8]) -> String {
    let write = |mut text: String, byte: &u8| {
        write!(text, "{byte:02x}").unwrap();
        text
    };
    Sha256::digest(content).iter().fold(String::new(), write)
}
