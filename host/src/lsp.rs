//! The language server: `olive check` for editors, as one types.
//!
//! It speaks the Language Server Protocol over standard input and output. A thread reads messages;
//! the session answers them one by one, and tells what is wrong with a document when no message
//! waits, so that quick typing is checked once. What it says about a config comes from the same
//! check and the same schema as `olive check` and `olive schema`.

mod wire;
mod session;
mod client;
mod language;
mod document;
mod layout;
mod place;
mod diagnose;
mod complete;
mod cursor;
mod lenient;
mod names;
mod spot;
mod describe;
mod actions;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use serde::Serialize;

use crate::plugin::CatalogError;
use language::Languages;
use session::Session;
use wire::Incoming;

/// Exit code of a session that does not end as the protocol says.
const CUT_OFF: u8 = 1;

/// Serves the client at standard input and output, to its end; gives the exit code.
///
/// # Errors
/// When a plugin that was asked for cannot be used.
pub fn serve(plugin_folders: &[PathBuf]) -> Result<u8, CatalogError> {
    let mut session = Session::new(Languages::discover(plugin_folders)?);
    let incoming = listen();
    let mut out = io::stdout().lock();
    while let Some(message) = next(&incoming, &mut session, &mut out) {
        let is_told = match message {
            Incoming::Call(call) => tell(&mut out, &session.take(call)),
            Incoming::Malformed(answer) => tell(&mut out, &[answer]),
            Incoming::Answer => Ok(()),
        };
        if let Some(code) = session.exit_code() {
            return Ok(code);
        }
        if is_told.is_err() {
            break;
        }
    }
    Ok(CUT_OFF)
}

/// Messages of the client, until it hangs up.
fn listen() -> Receiver<Incoming> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(message)) = wire::read(&mut input) {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The next message; before waiting for it, the session tells what it has found.
fn next(
    incoming: &Receiver<Incoming>,
    session: &mut Session,
    out: &mut impl Write,
) -> Option<Incoming> {
    match incoming.try_recv() {
        Ok(message) => Some(message),
        Err(TryRecvError::Disconnected) => None,
        Err(TryRecvError::Empty) => {
            tell(out, &session.rest()).ok()?;
            incoming.recv().ok()
        }
    }
}

fn tell(out: &mut impl Write, messages: &[impl Serialize]) -> io::Result<()> {
    messages.iter().try_for_each(|message| wire::write(out, message))
}
