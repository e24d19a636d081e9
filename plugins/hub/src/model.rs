//! The source of models.

use std::path::{Path, PathBuf};

use olive_plugin_api::{Fetched, Ids, Named, PluginError, Source, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::HubError;
use crate::choice::{choose, is_whole, shards};
use crate::environment::Environment;
use crate::hub::Hub;
use crate::repository::{
    A_REVISION, A_VARIABLE, AN_ID, ID, Kind, MODEL_ID, REVISION, Repository, SHARED_DIR, VARIABLE,
};
use crate::session::Session;

/// A model of the Hugging Face hub.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend("x-olive-ids" = Ids::new(Named::Model, &["HfModel"], "repo_id", MODEL_ID)),
    extend("x-olive-shared-dir" = SHARED_DIR)
)]
pub struct Model {
    /// Repository: `owner/name`, or `name` alone for the oldest ones.
    #[schemars(regex(pattern = ID), extend("patternErrorMessage" = AN_ID))]
    pub repo_id: String,
    /// Branch, tag or commit; `main` when left out. A commit makes a run the same for ever.
    ///
    /// A branch is asked for once: until the cache folder is cleaned, later runs take the commit that
    /// it had then.
    #[serde(default)]
    #[schemars(regex(pattern = REVISION), extend("patternErrorMessage" = A_REVISION))]
    pub revision: Option<String>,
    /// The one file of the repository that is the model, such as a GGUF file.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^(?!.*\.\.)[\w][\w ./-]*$"),
        extend("patternErrorMessage" = "the path of a file in the repository")
    )]
    pub file: Option<String>,
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

/// Brings models of the Hugging Face hub.
#[derive(Default)]
pub struct HuggingFaceModel;

impl Source for HuggingFaceModel {
    type Config = Model;

    const NAME: &'static str = "HuggingFaceModel";
    const SUMMARY: &'static str = "A model of the Hugging Face hub, by its id.";

    fn fetch(&self, model: &Model, ctx: &StepContext<'_>) -> Result<Fetched, PluginError> {
        let environment = Environment::of_process(model.token.as_deref())?;
        let repository = Repository::new(Kind::Model, &model.repo_id);
        let hub = Hub::new(&repository, &environment, ctx)?;
        let revision = model.revision.as_deref().unwrap_or("main");
        let is_here = |folder: &Path| match &model.file {
            Some(file) => folder.join(file).exists(),
            None => is_whole(folder),
        };
        let session = Session::open(hub, revision, &is_here)?;
        session.tell();
        let folder = ctx.output_dir().join(repository.name());
        let path = match &model.file {
            Some(file) => one_file(&session, file, &folder)?,
            None => whole(&session, folder)?,
        };
        Ok(Fetched { path, revision: Some(session.commit) })
    }
}

/// Lends a file alone.
fn one_file(session: &Session<'_>, file: &str, folder: &Path) -> Result<PathBuf, HubError> {
    let names = [file.to_owned()];
    session.bring(&names)?;
    session.lend(&names, folder, |_, name| name.into())?;
    Ok(folder.join(file))
}

/// Lends the folder of a model.
fn whole(session: &Session<'_>, folder: PathBuf) -> Result<PathBuf, HubError> {
    let choice = choose(&session.names()).map_err(|lack| match session.listing {
        Some(_) => HubError::NoModel {
            id: session.hub.repository.id.clone(),
            reason: lack.reason,
            help: lack.help,
        },
        None => session.missing(lack.reason),
    })?;
    session.bring(&choice.files)?;
    let mut names = choice.files;
    if let Some(index) = choice.index {
        let path = session.folder().join(index);
        let shards = shards(&path).map_err(HubError::io("read", &path))?;
        session.bring(&shards)?;
        names.extend(shards);
    }
    session.lend(&names, &folder, |_, name| name.into())?;
    Ok(folder)
}
