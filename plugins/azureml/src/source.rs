//! Sources: files of datastores, and models of workspaces and registries.

mod datastore;
mod model;
mod registry;
mod place;

pub use datastore::{DatastoreFiles, DatastoreReference};
pub use model::{ModelReference, Version, WorkspaceModel};
pub use registry::{RegistryModel, RegistryReference};
