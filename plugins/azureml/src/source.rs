//! Sources: files of datastores, and models of workspaces and registries.

mod datastore;
mod model;
mod registry;
mod place;

pub use datastore::{DatastoreFiles, DatastoreReference};
pub use model::{ModelReference, Version, WorkspaceModel};
pub use registry::{RegistryModel, RegistryReference};

/// Folder in which the Azure CLI keeps its tokens, and writes when it gives one.
const SHARED_DIR: [&str; 3] = ["$AZURE_CONFIG_DIR", "$HOME/.azure", "$USERPROFILE/.azure"];
