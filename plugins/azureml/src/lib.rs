//! Azure Machine Learning: steps as jobs of a workspace, and its files as models and data.
//!
//! What becomes of a job:
//!
//! ```text
//! Job ─layout→ paths there ─parcel, storage→ blobs ─body→ job of the workspace ─launch.sh→ worker
//!     ─history→ its messages ─collect→ files in the folders of the call
//! ```
//!
//! The service is spoken to over REST (`workspace`), storage likewise (`storage`), as whom the chain
//! of credentials says (`credential`). No secret is in the body of a job, in a log or in a file.
//!
//! System [`AzureMl`], which runs on [`Compute`]s; sources [`DatastoreFiles`], [`WorkspaceModel`],
//! [`RegistryModel`] and [`JobOutput`].

mod system;
mod source;
mod compute;
mod config;
// The steps of a job.
mod submit;
mod code;
mod environment;
mod body;
mod call;
mod layout;
mod parcel;
mod memory;
mod state;
mod history;
mod collect;
// What is spoken to.
mod mlflow;
mod datastore;
mod storage;
mod workspace;
mod credential;
mod line;
mod text;
mod error;

pub use compute::{Compute, ComputeName, ComputeSettings};
pub use config::{AzureMlConfig, DockerConfig, EnvironmentConfig, Identity, Resources};
pub use error::AzureError;
pub use source::{
    DatastoreFiles, DatastoreReference, JobOutput, ModelReference, OutputReference, RegistryModel,
    RegistryReference, Version, WorkspaceModel,
};
pub use system::AzureMl;

olive_plugin_api::export_plugin! {
    sources: [DatastoreFiles, WorkspaceModel, RegistryModel, JobOutput],
    systems: [AzureMl]
}
