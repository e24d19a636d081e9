//! How the process of a plugin is started.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::Path;
use std::process::Command;

use olive_schemas::error::PluginError;
use olive_schemas::protocol::Call;
use olive_schemas::step::StepRequest;

use crate::confine;
use crate::plugin::manifest::Manifest;
use crate::plugin::packs::unchanged;
use crate::plugin::program;

/// Variable that tells a plugin where its own library or manifest is.
pub const PLUGIN_PATH: &str = "OLIVE_PLUGIN_PATH";

/// Settings of glibc's allocator, other systems do not read them: memory that was freed is kept for
/// the next tensor of its size, instead of being given back and faulted in again, page by page.
const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "33554432"), ("MALLOC_TRIM_THRESHOLD_", "17179869184")];

/// A process that can be started.
pub(super) struct Program {
    /// What it is called in messages.
    pub(super) name: String,
    /// Starts it.
    pub(super) command: Command,
    /// Says that it cannot be started.
    pub(super) on_error: OnError,
}

/// The process that answers `call` with `threads`.
///
/// # Errors
/// When its manifest does not fit this host, or this program cannot be found.
pub(super) fn program(call: &Call, threads: usize) -> Result<Program, PluginError> {
    let path = call.plugin();
    let mut program = if Manifest::is_at(path) { process_plugin(call)? } else { worker(path)? };
    program.command.envs(environment(call, threads));
    Ok(program)
}

/// Environment variables of the process that answers `call` with `threads`, besides those of the
/// host.
pub fn environment(call: &Call, threads: usize) -> BTreeMap<String, String> {
    let path = call.plugin();
    let native = call.callee().graph_editor.as_ref().map_or(path, |editor| &editor.path);
    let mut variables = BTreeMap::from([
        ("RAYON_NUM_THREADS".to_owned(), threads.to_string()),
        ("OMP_NUM_THREADS".to_owned(), threads.to_string()),
        (PLUGIN_PATH.to_owned(), native.to_string_lossy().into_owned()),
    ]);
    if let Some(step) = step(call) {
        // The usual folder for temporary files is closed to it.
        variables.insert("TMPDIR".into(), step.scratch_dir.to_string_lossy().into_owned());
    }
    if call.callee().packed.is_some() {
        // Compiled scripts would be files that are not of the pack.
        variables.insert("PYTHONDONTWRITEBYTECODE".into(), "1".into());
    }
    if !Manifest::is_at(path) {
        let unset = ALLOCATOR.into_iter().filter(|(name, _)| env::var_os(name).is_none());
        variables.extend(unset.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    variables
}

/// The step that `call` is about.
pub(super) fn step(call: &Call) -> Option<&StepRequest> {
    match call {
        Call::Describe { .. } => None,
        Call::Prepare { request, .. } | Call::Run { request, .. } => Some(request),
    }
}

/// A worker: this program once more, which loads the plugin's library or component at `path`.
fn worker(path: &Path) -> Result<Program, PluginError> {
    let mut command = Command::new(program::file().map_err(not_started)?);
    command.arg("worker");
    let library = path.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("the worker of `{library}`");
    Ok(Program { name, command, on_error: Box::new(not_started) })
}

/// Says that a command cannot be started.
pub type OnError = Box<dyn Fn(io::Error) -> PluginError>;

/// The command of the manifest at `path`, and how to say that it cannot be started.
///
/// # Errors
/// When the manifest does not fit this host.
pub fn manifest_command(path: &Path) -> Result<(Command, OnError), PluginError> {
    let manifest = Manifest::read(path)?;
    let (program, arguments) = manifest.command();
    let mut command = Command::new(&program);
    command.args(arguments).envs(manifest.env()).current_dir(manifest.folder());
    let on_error = move |error: io::Error| {
        let message = format!(
            "cannot start `{}`, the command of `{}`",
            program.display(),
            manifest.file_name(),
        );
        let mut told = PluginError::new("worker-start", message);
        told.causes.push(error.to_string());
        let help = match error.kind() {
            io::ErrorKind::NotFound => "install it, or write its path into `command`",
            io::ErrorKind::PermissionDenied => "make it executable",
            _ => "write a program and its arguments into `command`",
        };
        told.with_help(help)
    };
    Ok((command, Box::new(on_error)))
}

/// The process of the process plugin that `call` goes to.
///
/// # Errors
/// When one of its files is not that of its pack, or its manifest does not fit this host.
fn process_plugin(call: &Call) -> Result<Program, PluginError> {
    let path = call.plugin();
    unchanged::check(call.callee())?;
    let manifest = Manifest::read(path)?;
    let name = format!("`{}`", manifest.command_line());
    // A unit test is not the program that could launch something.
    let folders = confine::folders(call).filter(|_| cfg!(all(unix, not(test))));
    let Some(folders) = folders else {
        let (command, on_error) = manifest_command(path)?;
        return Ok(Program { name, command, on_error });
    };
    let mut command = Command::new(program::file().map_err(not_started)?);
    command.arg("worker").arg("--launch").arg(path);
    for folder in folders {
        command.arg("--write").arg(folder);
    }
    Ok(Program { name, command, on_error: Box::new(not_started) })
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed the error, as an `OnError` is")]
fn not_started(error: io::Error) -> PluginError {
    PluginError::from_error("worker-start", &error)
}
