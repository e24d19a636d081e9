//! Sources: files of datastores, models of workspaces and registries, and outputs of jobs.

mod datastore;
mod model;
mod registry;
mod output;
mod place;

pub use datastore::{DatastoreFiles, DatastoreReference};
pub use model::{ModelReference, Version, WorkspaceModel};
pub use output::{JobOutput, OutputReference};
pub use registry::{RegistryModel, RegistryReference};

/// Folder in which the Azure CLI keeps its tokens, and writes when it gives one.
const SHARED_DIR: [&str; 3] = ["$AZURE_CONFIG_DIR", "$HOME/.azure", "$USERPROFILE/.azure"];
