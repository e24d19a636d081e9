//! The source: a shelf of models in a folder.

use std::path::PathBuf;

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::passes::copy_all;

/// What to take from which shelf.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToyReference {
    /// Folder of the shelf.
    #[schemars(extend("x-olive-path" = "input"))]
    pub shelf: PathBuf,
    /// Name of the item.
    pub item: String,
}

/// Copies an item of a shelf.
#[derive(Default)]
pub struct ToyShelf;

impl Source for ToyShelf {
    type Config = ToyReference;

    const NAME: &'static str = "ToyShelf";
    const SUMMARY: &'static str = "Take a file or folder from a shelf.";

    fn fetch(
        &self,
        reference: &ToyReference,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let from = reference.shelf.join(&reference.item);
        if !from.exists() {
            let message = format!("the shelf has no `{}`", reference.item);
            return Err(PluginError::new("not-on-the-shelf", message));
        }
        let to = ctx.output_dir().join(&reference.item);
        copy_all(&from, &to)?;
        Ok(to.into())
    }
}
