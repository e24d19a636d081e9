//! What the workspace keeps of a run: what it wrote, and why it failed.

use olive_schemas::protocol::{Line as Told, Message};
use serde_json::Value;

use crate::AzureError;
use crate::memory::Memory;
use crate::storage::{Access, Container};
use crate::text::encoded;
use crate::workspace::Workspace;

/// Where a run's standard output is kept, by computes of today and of old.
const LOGS: [&str; 3] = ["user_logs/std_log.txt", "user_logs/std_log", "azureml-logs/70_driver"];

/// Bytes of a log that are asked for at once; as text in JSON they are at most six times as many,
/// which a message to the host can hold.
const PART: u64 = 2 << 20;
/// Bytes of a line at most.
const LINE: u64 = 8 << 20;

/// The run of a job.
pub(crate) struct Run {
    details: Value,
}

impl Run {
    /// What the workspace keeps of the job `id`.
    ///
    /// # Errors
    /// When it does not say.
    pub(crate) fn of(
        workspace: &Workspace<'_>,
        id: &str,
        memory: &mut Memory,
    ) -> Result<Self, AzureError> {
        let what = format!("the run of job `{}`", memory.name);
        let history = match &memory.history {
            Some(history) => history.clone(),
            None => {
                let history = discover(workspace)?;
                memory.history = Some(history.clone());
                memory.write(id)?;
                history
            }
        };
        let (workspace_id, run) = (&workspace.id, encoded(&memory.name));
        let run = format!("{history}/history/v1.0{workspace_id}/runs/{run}");
        let url = format!("{run}/details?api-version=v1.0");
        let details = workspace.document(&what, &url)?.unwrap_or_default();
        Ok(Self { details })
    }

    /// What went wrong, as the service says it.
    pub(crate) fn reason(&self) -> Option<String> {
        let message = self.details.pointer("/error/error/message").and_then(Value::as_str)?;
        let line = message.lines().find(|line| !line.trim().is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).take(300).collect())
    }

    /// What it has written from byte `from` on, or the first lines of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn written(
        &self,
        workspace: &Workspace<'_>,
        from: u64,
    ) -> Result<Written, AzureError> {
        let files = self.details["logFiles"].as_object();
        let find = |wanted: &str| {
            files.into_iter().flatten().find(|(name, _)| name.starts_with(wanted))?.1.as_str()
        };
        let Some(address) = LOGS.iter().find_map(|wanted| find(wanted)) else {
            return Ok(Written::default());
        };
        let (url, signature) = address.split_once('?').unwrap_or((address, ""));
        let access = Access::Signature(signature.to_owned());
        let again = access.clone();
        let log =
            Container::with(url, access, Box::new(move || Ok(again.clone())), &workspace.line);
        let mut bytes = Vec::new();
        loop {
            let start = from + bytes.len() as u64;
            let part = log.read_part("", start, PART)?.unwrap_or_default();
            let is_last = (part.len() as u64) < PART;
            bytes.extend(part);
            if is_last || bytes.contains(&b'\n') {
                return Ok(Written { bytes, has_more: !is_last });
            }
            if bytes.len() as u64 > LINE {
                let reason = format!("a line of more than {LINE} bytes");
                return Err(AzureError::odd("the log of the job", reason));
            }
        }
    }
}

/// What a run has written.
#[derive(Default)]
pub(crate) struct Written {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether there is more after them.
    pub(crate) has_more: bool,
}

/// Address of the service that keeps runs.
fn discover(workspace: &Workspace<'_>) -> Result<String, AzureError> {
    let services = services(workspace)?;
    let history = services["history"].as_str();
    let history =
        history.ok_or_else(|| AzureError::odd("the workspace", "no address of its history"))?;
    Ok(history.trim_end_matches('/').to_owned())
}

/// Addresses of the services of the workspace, by name.
///
/// # Errors
/// When it does not say where they are.
pub(crate) fn services(workspace: &Workspace<'_>) -> Result<Value, AzureError> {
    let what = "the workspace";
    let missing = || AzureError::Missing {
        what: format!("workspace `{}`", workspace.id),
        help: "check `azureml_client`".into(),
    };
    let found = workspace.find(what, "")?.ok_or_else(missing)?;
    let url = found.pointer("/properties/discoveryUrl").and_then(Value::as_str);
    let url = url.ok_or_else(|| AzureError::odd(what, "no `discoveryUrl`"))?;
    Ok(workspace.document(what, url)?.unwrap_or_default())
}

/// Whether `text` has the line that ends a call.
pub(crate) fn has_end(text: &str) -> bool {
    text.lines().any(|line| matches!(Told::read(line.as_bytes()), Told::Message(Message::End(_))))
}
