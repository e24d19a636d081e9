//! An Olive plugin that takes models and data from a shared folder.

mod source;

pub use source::{AcmeShelf, AcmeShelfConfig};

olive_plugin_api::export_plugin! {
    sources: [AcmeShelf]
}
