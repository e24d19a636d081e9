//! Where a system remembers a job.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::protocol::Call;

use super::request;

/// Folder for what a system remembers of a job; removed with the step, unless it stays.
pub(in crate::engine) struct JobFolder {
    path: PathBuf,
    stays: Cell<bool>,
}

impl JobFolder {
    /// A folder beside the output folder of `call`, so that a shared disk holds both.
    pub(in crate::engine) fn beside(call: &Call) -> Result<Self, PluginError> {
        let folder = Self::of(&request(call)?.output_dir);
        fs::create_dir_all(&folder.path).map_err(|error| PluginError::from_error("io", &error))?;
        Ok(folder)
    }

    /// The one that was made for the job that writes `output_dir`.
    pub(in crate::engine) fn of(output_dir: &Path) -> Self {
        Self { path: output_dir.with_file_name("job"), stays: Cell::new(false) }
    }

    pub(in crate::engine) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it for a later run.
    pub(in crate::engine) fn stay(&self) {
        self.stays.set(true);
    }
}

impl Drop for JobFolder {
    fn drop(&mut self) {
        if !self.stays.get() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
