//! Models and data sets of the Hugging Face hub.
//!
//! A reference names a repository. What becomes of it:
//!
//! ```text
//! revision ─listing→ commit and files ─choice, splits→ the files that are needed
//!          ─bring→ cache, shared with Python's huggingface_hub ─links→ folder of the step
//! ```
//!
//! What the cache has is not fetched again, whoever put it there. What the hub says of a commit is
//! kept there too, so that it is asked once. Code of a repository is never fetched.
//!
//! Sources [`HuggingFaceModel`] and [`HuggingFaceDataset`].

mod model;
mod dataset;
// What both are made of.
mod choice;
mod splits;
mod pattern;
mod session;
mod bring;
mod listing;
mod hub;
mod cache;
mod environment;
mod repository;
mod error;

pub use dataset::{Dataset, Files, HuggingFaceDataset};
pub use error::HubError;
pub use model::{HuggingFaceModel, Model};

olive_plugin_api::export_plugin! {
    sources: [HuggingFaceModel, HuggingFaceDataset]
}
