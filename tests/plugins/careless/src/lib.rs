//! A plugin for tests: each of its passes and its source break one rule of the contract, its
//! packager two, so that the conformance kit can be tried.
//!
//! `Careful` breaks none.

pub mod settings;
pub mod passes;
pub mod packager;
pub mod source;

use olive_plugin_api::export_plugin;
use packager::Scattering;
use passes::{
    Backwards, Careful, Chatty, Deaf, Elsewhere, Fragile, Littering, Misdescribed, Mislabeled,
    Random, Threaded, Touching, Undescribed,
};
use source::Forgetful;

export_plugin! {
    passes: [
        Careful, Undescribed, Misdescribed, Random, Threaded, Littering, Touching, Backwards, Chatty,
        Deaf, Elsewhere, Mislabeled, Fragile,
    ],
    sources: [Forgetful],
    packagers: [Scattering],
}
