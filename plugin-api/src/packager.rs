//! Packagers: models in, one file or folder to pass on out.

use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::packaging::{Candidate, CandidateFile, Package};
use olive_schemas::step::{Accelerator, StepRequest};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::beside::model_files;
use crate::context::StepContext;

/// A packager puts the result of a run together for whoever will use it.
///
/// A config selects it by the `type` of an entry of `packaging_config`. It runs when everything else
/// is done and the result is in its place; the host moves what it made into the output folder, and
/// does not ask again while neither the models nor the settings change.
///
/// ```
/// use std::path::PathBuf;
///
/// use olive_plugin_api::testing::{Recorder, TestStep, run_packager};
/// use olive_plugin_api::{Model, ModelKind, Package, Packager, PluginError, StepContext};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// /// A list of file names.
/// #[derive(Default, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields, default)]
/// struct Listing {
///     /// First line of the list.
///     title: String,
/// }
///
/// #[derive(Default)]
/// struct Inventory;
///
/// impl Packager for Inventory {
///     type Config = Listing;
///     const NAME: &'static str = "Inventory";
///     const SUMMARY: &'static str = "A list of what there is.";
///
///     fn accepts() -> &'static [ModelKind] {
///         &[ModelKind::Hf]
///     }
///
///     fn pack(
///         &self,
///         package: &Package,
///         config: &Listing,
///         ctx: &StepContext<'_>,
///     ) -> Result<PathBuf, PluginError> {
///         let mut lines = vec![config.title.as_str()];
///         let files = package.candidates.iter().flat_map(|candidate| &candidate.files);
///         lines.extend(files.map(|file| file.name.as_str()));
///         let path = ctx.output_dir().join(format!("{}.txt", package.name));
///         std::fs::write(&path, lines.join("\n"))
///             .map_err(|error| PluginError::from_error("io", &error))?;
///         Ok(path)
///     }
/// }
///
/// let folder = std::env::temp_dir().join("olive-inventory");
/// std::fs::create_dir_all(&folder).unwrap();
/// std::fs::write(folder.join("config.json"), "{}").unwrap();
/// let model = Model::new(ModelKind::Hf, folder);
/// let step = TestStep::packager::<Inventory>(model, serde_json::json!({"title": "Here:"}));
/// let path = run_packager::<Inventory>(&step, &Recorder::default()).unwrap();
/// assert_eq!(std::fs::read_to_string(path).unwrap(), "Here:\nconfig.json");
/// ```
pub trait Packager: Default + Send + Sync + 'static {
    /// Settings beside `type` and `name`. Every field is documented, unknown keys are refused.
    type Config: Serialize + DeserializeOwned + JsonSchema;

    /// Name a config selects the packager by.
    const NAME: &'static str;

    /// One sentence on what it makes, with a final period.
    const SUMMARY: &'static str;

    /// Kinds of model it takes.
    fn accepts() -> &'static [ModelKind];

    /// Writes one file or folder right into [`StepContext::output_dir`], named after the package,
    /// and gives its path there.
    ///
    /// # Errors
    /// When a file of a model cannot be read or the package cannot be written, or
    /// [`PluginError::cancelled`] when the step was asked to stop.
    fn pack(
        &self,
        package: &Package,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<PathBuf, PluginError>;
}

/// A package of `model` alone, made for `accelerator`: what is packed where there was no run.
///
/// # Errors
/// When a folder of the model cannot be read.
pub fn package_of(model: &Model, accelerator: &Accelerator) -> io::Result<Package> {
    let candidate = Candidate {
        model: model.clone(),
        model_id: "input".into(),
        files: candidate_files(model, model_files)?,
        accelerator: accelerator.clone(),
        metrics: Vec::new(),
        history: Vec::new(),
    };
    let name = Package::USUAL_NAME.into();
    Ok(Package { name, candidates: vec![candidate], input_metrics: Vec::new() })
}

/// The files of `model`, sorted by name.
///
/// `names` gives what [`model_files`] gives, of the model and of its adapter.
///
/// # Errors
/// What `names` fails with.
pub fn candidate_files<E>(
    model: &Model,
    names: impl Fn(&Path) -> Result<Vec<String>, E>,
) -> Result<Vec<CandidateFile>, E> {
    let below = if model.adapter_path.is_some() { "model/" } else { "" };
    let adapter = model.adapter_path.as_ref().map(|path| ("adapter/", path));
    let mut files = Vec::new();
    for (below, path) in std::iter::once((below, &model.model_path)).chain(adapter) {
        for name in names(path)? {
            if name.is_empty() {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                files.push(CandidateFile { name: format!("{below}{name}"), path: path.clone() });
            } else {
                let path = path.join(&name);
                files.push(CandidateFile { name: format!("{below}{name}"), path });
            }
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// What `request` asks to be packed.
pub(crate) fn package(request: &StepRequest) -> Result<&Package, PluginError> {
    let missing = || {
        PluginError::new("request", "the request of a packager has no `package`")
            .with_help("use a version of Olive that fits the plugin")
    };
    request.package.as_deref().ok_or_else(missing)
}
