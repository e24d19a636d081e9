//! The end of a job: its files are brought, and what it leaves is removed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use olive_plugin_api::LogLevel;

use crate::AzureError;
use crate::datastore;
use crate::layout::number_of;
use crate::memory::Memory;
use crate::state::{is_over, status};
use crate::storage::{Blob, Container};
use crate::workspace::Workspace;

/// Longest time between the worker's last message and the end of the job, in which its files go to
/// the datastore.
const ENDING: Duration = Duration::from_hours(1);
/// Time between two looks at whether the job has ended, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];

/// Brings the files of the job `memory` and removes what it leaves in the workspace.
///
/// # Errors
/// When the job does not end, or files are missing.
pub(crate) fn collect(workspace: &Workspace<'_>, memory: &Memory) -> Result<(), AzureError> {
    wait_for_end(workspace, &memory.name)?;
    let container = datastore::open(workspace, datastore::DEFAULT)?;
    let place = memory.place();
    let blobs = container.list(&format!("{place}/"))?;
    let result = format!("{place}/result/");
    bring_checkpoints(&container, &result, memory, &blobs)?;
    let digests = container.read(&format!("{result}files.sha256"))?;
    if let Some(digests) = digests {
        bring_outputs(&container, &result, memory, &blobs, &String::from_utf8_lossy(&digests))?;
    }
    clear(workspace, &container, memory, &blobs);
    Ok(())
}

/// Removes `blobs` of the job `memory`; tells of those that stay.
pub(crate) fn clear(
    workspace: &Workspace<'_>,
    container: &Container<'_>,
    memory: &Memory,
    blobs: &[Blob],
) {
    if let Err(error) = blobs.iter().try_for_each(|blob| container.remove(&blob.path)) {
        let message = format!("files of job `{}` stay in the datastore: {error}", memory.name);
        workspace.line.ctx().log(LogLevel::Warning, message);
    }
}

fn wait_for_end(workspace: &Workspace<'_>, name: &str) -> Result<(), AzureError> {
    let (start, mut pause) = (Instant::now(), LOOKS[0]);
    while !is_over(&status(workspace, name)?) {
        if start.elapsed() > ENDING {
            let reason = format!("it has not ended {} min after its worker", ENDING.as_secs() / 60);
            return Err(AzureError::odd(format!("job `{name}`"), reason));
        }
        workspace.line.wait(pause)?;
        pause = (pause * 2).min(LOOKS[1]);
    }
    Ok(())
}

fn bring_checkpoints(
    container: &Container<'_>,
    result: &str,
    memory: &Memory,
    blobs: &[Blob],
) -> Result<(), AzureError> {
    let Some(folder) = &memory.checkpoints else { return Ok(()) };
    let prefix = format!("{result}checkpoints/");
    container.bring(&below(blobs, &prefix), &prefix, folder).map(drop)
}

/// Brings what the worker wrote; `digests` are those that its machine has made.
fn bring_outputs(
    container: &Container<'_>,
    result: &str,
    memory: &Memory,
    blobs: &[Blob],
    digests: &str,
) -> Result<(), AzureError> {
    let mut promised = parse(digests);
    for (number, folder) in memory.outputs.iter().enumerate() {
        let number = number_of(number);
        let prefix = format!("{result}out/{number}/");
        for (name, digest) in container.bring(&below(blobs, &prefix), &prefix, folder)? {
            let name = format!("{number}/{name}");
            if promised.remove(&name) != Some(digest) {
                let reason = "it is not the file that the job has written";
                return Err(AzureError::odd(format!("file `{name}` of the job"), reason));
            }
        }
    }
    match promised.into_keys().next() {
        Some(name) => Err(AzureError::Missing {
            what: format!("file `{name}`, which the job has written,"),
            help: "run again; what earlier steps made is kept".into(),
        }),
        None => Ok(()),
    }
}

fn below(blobs: &[Blob], prefix: &str) -> Vec<Blob> {
    blobs.iter().filter(|blob| blob.path.starts_with(prefix)).cloned().collect()
}

/// Digests by name, of lines as `sha256sum` writes them.
fn parse(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        // Names with odd letters are escaped, and the line begins with a backslash.
        let (line, is_escaped) = match line.strip_prefix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let (digest, name) = line.split_once("  ")?;
        let name = name.strip_prefix("./").unwrap_or(name);
        let name = if is_escaped { name.replace("\\\\", "\\") } else { name.to_owned() };
        Some((name, digest.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn digests_are_read_as_they_are_written() {
        let text = "aa  ./0000/model.onnx\nbb  ./0000/a  b\n\\cc  ./0000/d\\\\e\n";
        let read: Vec<_> = parse(text).into_iter().collect();
        let expected = [("0000/a  b", "bb"), ("0000/d\\e", "cc"), ("0000/model.onnx", "aa")];
        assert_eq!(read, expected.map(|(name, digest)| (name.to_owned(), digest.to_owned())));
    }
}
