//! Fetching what a config refers to, so that planning finds local files.

use olive_schemas::error::PluginError;
use olive_schemas::step::StepOutcome;

use crate::config::{CheckedWorkflow, Source};
use crate::engine::{self, RunContext};
use crate::error::Error;
use crate::host::{Host, unplanned};
use crate::plan;
use crate::store::Store;

/// The same workflow with local paths where it had references.
///
/// # Errors
/// When a source cannot fetch something, or the user wants to stop.
pub fn fetch(
    host: &Host,
    source: &Source,
    checked: CheckedWorkflow,
) -> Result<CheckedWorkflow, Error> {
    let fetches = plan::fetches(&checked, &source.folder(), &host.catalog)
        .map_err(|error| unplanned(error, source, &checked))?;
    let mut local = checked;
    for fetch in fetches {
        let view = host.view(local.workflow().engine.log_severity_level);
        let context = RunContext {
            store: &Store::new(&fetch.plan.cache_dir),
            view: &view,
            is_cancelled: &|| host.cancel.is_cancelled(),
            told: Vec::new(),
            settled: Vec::new(),
        };
        let Some((title, made)) = engine::execute_alone(&fetch.plan, &context) else {
            continue;
        };
        let path = made.and_then(path).map_err(|error| Error::Step { title, error })?;
        local = local.with_path(&fetch.pointer, path);
    }
    Ok(local)
}

fn path(made: StepOutcome) -> Result<String, PluginError> {
    let refused = |message: &str| PluginError::new("answer", message);
    let StepOutcome::Path(path) = made else {
        return Err(refused("the source did not answer with a path"));
    };
    let path = path.into_os_string().into_string();
    path.map_err(|_| refused("the source fetched a file whose name is no text"))
}
