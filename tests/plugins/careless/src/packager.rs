//! The packager.

use std::fs;
use std::path::PathBuf;

use olive_plugin_api::{ModelKind, Package, Packager, PluginError, StepContext};

use crate::settings::{ScatteringSettings, io};

/// Leaves crumbs beside its package, and has a mark on a setting that nobody reads there.
#[derive(Default)]
pub struct Scattering;

impl Packager for Scattering {
    type Config = ScatteringSettings;

    const NAME: &'static str = "Scattering";
    const SUMMARY: &'static str = "Count the bytes of models.";

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Hf]
    }

    fn pack(
        &self,
        package: &Package,
        config: &ScatteringSettings,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError> {
        let mut bytes = config.note.len();
        for file in package.candidates.iter().flat_map(|candidate| &candidate.files) {
            ctx.check_cancelled()?;
            bytes += fs::read(&file.path).map_err(io)?.len();
        }
        let path = ctx.output_dir().join(&package.name);
        fs::write(&path, bytes.to_string()).map_err(io)?;
        fs::write(ctx.output_dir().join("crumbs"), "").map_err(io)?;
        Ok(path)
    }
}
