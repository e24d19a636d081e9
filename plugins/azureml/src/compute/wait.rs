//! What the resource manager does in its own time, until it is done.

use std::time::{Duration, Instant};

use olive_plugin_api::LogLevel;
use olive_transport::Answer;
use serde_json::Value;

use crate::AzureError;
use crate::workspace::Workspace;

/// Time between two looks, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];
/// How long the service may show a compute as it was before a change.
const STALE: Duration = Duration::from_secs(30);

/// How a compute is to be in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    There,
    Gone,
}

/// A compute that changes.
pub(super) struct Change<'a> {
    pub(super) workspace: &'a Workspace<'a>,
    /// What errors call it.
    pub(super) what: &'a str,
    /// Where in the workspace it stands.
    pub(super) path: &'a str,
    /// What is told of it meanwhile, such as `is removed`.
    pub(super) doing: &'a str,
}

impl Change<'_> {
    /// Waits until the operation that `answer` names has ended, if it names one of the resource
    /// manager; gives the reason when it has failed.
    ///
    /// # Errors
    /// When it cannot be asked for, or the user wants to stop.
    pub(super) fn follow(&self, answer: &Answer) -> Result<Option<String>, AzureError> {
        let address = answer.header("azure-asyncoperation");
        let Some(url) = address.filter(|url| self.workspace.is_below(url)) else {
            return Ok(None);
        };
        let mut pause = None;
        loop {
            // One that is forgotten has ended.
            let Some(found) = self.workspace.document(self.what, url)? else { return Ok(None) };
            match found["status"].as_str() {
                None | Some("Succeeded") => return Ok(None),
                Some(state @ ("Failed" | "Canceled")) => {
                    return Ok(Some(told(&found["error"]).unwrap_or_else(|| state.to_owned())));
                }
                Some(_) => self.pause(&mut pause)?,
            }
        }
    }

    /// The compute as it is in the end; none when it is gone.
    ///
    /// The first looks may still show how it was before.
    ///
    /// # Errors
    /// When it cannot be asked for, or the user wants to stop.
    pub(super) fn wait(&self, wish: Wish) -> Result<Option<Value>, AzureError> {
        let (start, mut pause, mut has_begun) = (Instant::now(), None, false);
        loop {
            let found = self.workspace.find(self.what, self.path)?;
            let is_settled = found.as_ref().is_none_or(|found| !is_changing(found));
            has_begun |= !is_settled;
            let is_wished = found.is_some() == (wish == Wish::There);
            if is_settled && (is_wished || has_begun || start.elapsed() > STALE) {
                return Ok(found);
            }
            self.pause(&mut pause)?;
        }
    }

    fn pause(&self, last: &mut Option<Duration>) -> Result<(), AzureError> {
        let line = &self.workspace.line;
        if last.is_none() {
            line.ctx().log(LogLevel::Info, format!("{} {}", self.what, self.doing));
        }
        let pause = last.map_or(LOOKS[0], |last| (last * 2).min(LOOKS[1]));
        *last = Some(pause);
        line.wait(pause)
    }
}

/// The service's word for how a compute is.
pub(super) fn state(compute: &Value) -> Option<&str> {
    compute.pointer("/properties/provisioningState").and_then(Value::as_str)
}

/// Whether a compute is being made, changed or removed.
pub(super) fn is_changing(compute: &Value) -> bool {
    !matches!(state(compute), None | Some("Succeeded" | "Failed" | "Canceled"))
}

/// Why a compute is not as it was to be, in the words of the service.
pub(super) fn failure(compute: &Value) -> Option<String> {
    told(compute.pointer("/properties/provisioningErrors/0/error")?)
}

fn told(error: &Value) -> Option<String> {
    let part = |key: &str| error[key].as_str();
    let text = match (part("code"), part("message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (one, other) => one.or(other)?.to_owned(),
    };
    let line = text.lines().next().unwrap_or_default();
    Some(line.chars().filter(|c| !c.is_control()).take(300).collect())
}
