//! The source of data sets.

use std::path::{Path, PathBuf};

use olive_plugin_api::{Fetched, Ids, Named, PluginError, Source, StepContext};
use olive_schemas::ids::HUB_DATA;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::environment::Environment;
use crate::hub::Hub;
use crate::repository::{
    A_REVISION, A_VARIABLE, AN_ID, ID, Kind, REVISION, Repository, SHARED_DIR, VARIABLE,
};
use crate::session::Session;
use crate::splits::{Wanted, choose};

/// Rows of a data set of the Hugging Face hub.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend("x-olive-ids" = Ids::new(Named::Data, &["HuggingfaceContainer"], "repo_id", ID)),
    extend("x-olive-shared-dir" = SHARED_DIR)
)]
pub struct Dataset {
    /// Repository: `owner/name`, or `name` alone for the oldest ones.
    #[schemars(regex(pattern = ID), extend("patternErrorMessage" = AN_ID))]
    pub repo_id: String,
    /// Configuration of the data set; its default one when left out.
    #[serde(default)]
    pub subset: Option<String>,
    /// Split to read; `train` when left out.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^\w[\w.-]*$"),
        extend("patternErrorMessage" =
            "the name of one whole split; `max_samples` takes the first rows of it")
    )]
    pub split: Option<String>,
    /// Files of the repository, by path or pattern (`*`, `**`, `?`), instead of a split.
    #[serde(default)]
    pub data_files: Option<Files>,
    /// Branch, tag or commit; `main` when left out. A commit makes a run the same for ever.
    ///
    /// Of data sets that are scripts, `refs/convert/parquet` has the rows.
    #[serde(default)]
    #[schemars(regex(pattern = REVISION), extend("patternErrorMessage" = A_REVISION))]
    pub revision: Option<String>,
    /// Environment variable that holds the token, never the token itself.
    ///
    /// When left out, the token is that of `HF_TOKEN`, or the one that `hf auth login` has saved.
    #[serde(default)]
    #[schemars(
        regex(pattern = VARIABLE),
        extend("patternErrorMessage" = A_VARIABLE, "writeOnly" = true)
    )]
    pub token: Option<String>,
}

/// One file, or several.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Files {
    /// A path or pattern.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

/// Brings data sets of the Hugging Face hub.
#[derive(Default)]
pub struct HuggingFaceDataset;

impl Source for HuggingFaceDataset {
    type Config = Dataset;

    const NAME: &'static str = HUB_DATA;
    const SUMMARY: &'static str = "Rows of a data set of the Hugging Face hub, by its id.";

    fn fetch(&self, data: &Dataset, ctx: &StepContext<'_>) -> Result<Fetched, PluginError> {
        let environment = Environment::of_process(data.token.as_deref())?;
        let repository = Repository::new(Kind::Dataset, &data.repo_id);
        let hub = Hub::new(&repository, &environment, ctx)?;
        let revision = data.revision.as_deref().unwrap_or("main");
        let files: &[String] = match &data.data_files {
            None => &[],
            Some(Files::One(file)) => std::slice::from_ref(file),
            Some(Files::Many(files)) => files,
        };
        let wanted = Wanted {
            id: &data.repo_id,
            subset: data.subset.as_deref(),
            split: data.split.as_deref().unwrap_or("train"),
            files,
        };
        let are_here = |folder: &Path| {
            wanted.is_exact() && files.iter().all(|file| folder.join(file).exists())
        };
        let session = Session::open(hub, revision, &are_here)?;
        session.tell();
        let names = match &session.listing {
            Some(listing) => choose(&session.names(), &listing.card, &wanted)?,
            // What the cache has may be a part of a split, or of another one.
            None if wanted.is_exact() => choose(files, &Value::Null, &wanted)?,
            None => return Err(session.unlisted().into()),
        };
        session.bring(&names)?;
        let folder = ctx.output_dir().join(repository.name());
        // Rows are read in the order of the names.
        session.lend(&names, &folder, |number, name| {
            let name = name.rsplit('/').next().unwrap_or(name);
            PathBuf::from(format!("{number:05}-{name}"))
        })?;
        Ok(Fetched { path: folder, revision: Some(session.commit) })
    }
}
