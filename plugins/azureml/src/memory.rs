//! What is remembered of a job between calls: a file in its folder, which its id names.

use std::fs;
use std::path::{Path, PathBuf};

use olive_plugin_api::Job;
use serde::{Deserialize, Serialize};

use crate::AzureError;
use crate::layout::Layout;

const FILE: &str = "job.json";

/// A job that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Its name in the workspace.
    pub(crate) name: String,
    /// Where its paths lie there.
    pub(crate) layout: Layout,
    /// Folders here for what it writes.
    pub(crate) outputs: Vec<PathBuf>,
    /// Folder here for its checkpoints.
    pub(crate) checkpoints: Option<PathBuf>,
    /// Address of the service that has its logs, once it is known.
    pub(crate) history: Option<String>,
}

impl Memory {
    /// What is to be remembered of `job`, which is called `name` there.
    ///
    /// # Errors
    /// When an input has a name that no blob can have.
    pub(crate) fn new(job: &Job, name: String) -> Result<Self, AzureError> {
        let layout = Layout::of(job, &name)?;
        let (outputs, checkpoints) = (job.outputs.clone(), job.checkpoints.clone());
        Ok(Self { name, layout, outputs, checkpoints, history: None })
    }

    /// What is remembered of the job `id`.
    ///
    /// # Errors
    /// When nothing is.
    pub(crate) fn read(id: &str) -> Result<Self, AzureError> {
        let path = folder(id).join(FILE);
        let text = fs::read_to_string(&path).map_err(AzureError::io("read", &path))?;
        let odd =
            |error: serde_json::Error| AzureError::odd(format!("job `{id}`"), error.to_string());
        serde_json::from_str(&text).map_err(odd)
    }

    /// Writes it into the folder of the job `id`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, id: &str) -> Result<(), AzureError> {
        let path = folder(id).join(FILE);
        let text = serde_json::to_string(self)
            .map_err(|error| AzureError::odd(format!("job `{id}`"), error.to_string()))?;
        fs::write(&path, text).map_err(AzureError::io("write", &path))
    }

    /// Id of the job in `folder`.
    pub(crate) fn id(&self, folder: &Path) -> String {
        format!("{}@{}", self.name, folder.display())
    }

    /// Folder of its blobs in the datastore.
    pub(crate) fn place(&self) -> String {
        format!("olive/{}", self.name)
    }
}

fn folder(id: &str) -> &Path {
    Path::new(id.split_once('@').map_or(id, |(_, folder)| folder))
}
