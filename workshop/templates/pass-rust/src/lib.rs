//! An Olive plugin that sets weights of small magnitude to zero.

mod config;
mod pass;
mod weights;

pub use config::AcmePruneConfig;
pub use pass::AcmePrune;

olive_plugin_api::export_plugin! {
    passes: [AcmePrune]
}
