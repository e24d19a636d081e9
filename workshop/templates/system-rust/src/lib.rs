//! An Olive plugin that runs steps under another command, such as `nice`.

mod job;
mod system;

pub use system::{AcmeNice, AcmeNiceConfig};

olive_plugin_api::export_plugin! {
    systems: [AcmeNice]
}
