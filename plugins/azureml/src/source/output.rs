//! Outputs of jobs.

use olive_plugin_api::{Fetched, PluginError, Source, StepContext};
use olive_schemas::workflow::AzureMlClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::SHARED_DIR;
use super::place::bring;
use crate::history;
use crate::text::encoded;
use crate::workspace::Workspace;
use crate::{AzureError, datastore, state};

/// Output that every job has, without being asked: what it has put into its folder `outputs`.
const ARTIFACTS: &str = "default";
/// What addresses of files call it.
const ADDRESSED: &str = "artifacts";

/// A file or folder that a job of a workspace has written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-shared-dir" = SHARED_DIR))]
pub struct OutputReference {
    /// Workspace; that of `azureml_client` at the config's root when left out.
    #[serde(default)]
    pub azureml_client: Option<AzureMlClient>,
    /// Name of the job, as its address in the workspace has it.
    pub job_name: String,
    /// Name of its output; `default`, or `artifacts`, is what every job has put into `outputs`.
    pub output_name: String,
    /// Path of the file or folder from the output's root; all of it when left out.
    #[serde(default)]
    pub relative_path: String,
}

/// Brings outputs of jobs.
#[derive(Default)]
pub struct JobOutput;

impl Source for JobOutput {
    type Config = OutputReference;

    const NAME: &'static str = "azureml_job_output";
    const SUMMARY: &'static str = "An output of a job of Azure Machine Learning.";

    fn fetch(
        &self,
        reference: &OutputReference,
        ctx: &StepContext<'_>,
    ) -> Result<Fetched, PluginError> {
        let workspace = Workspace::new(reference.azureml_client.as_ref(), ctx)?;
        let uri = place(&workspace, reference)?;
        workspace.credential.tell(&workspace.line);
        let (store, path) = datastore::parse(&uri).ok_or_else(|| {
            let (job, output) = (&reference.job_name, &reference.output_name);
            AzureError::settings(
                format!("output `{output}` of job `{job}` lies at `{uri}`, which is no datastore"),
                "let the job write into a datastore",
            )
        })?;
        let below = reference.relative_path.trim_matches('/');
        let path = [path, below].map(|part| part.trim_matches('/')).join("/");
        Ok(bring(&datastore::open(&workspace, store)?, &path, ctx)?.into())
    }
}

/// Where the output lies: where the job was told to write it, else where its run says, else where
/// the service puts what nobody has given a place.
fn place(workspace: &Workspace<'_>, reference: &OutputReference) -> Result<String, AzureError> {
    let OutputReference { job_name: job, output_name: output, .. } = reference;
    let what = format!("job `{job}`");
    let found = workspace.find(&what, &state::path(job))?.ok_or_else(|| AzureError::Missing {
        what: what.clone(),
        help: "take the name that the page of the job has, not the one it displays".into(),
    })?;
    let properties = &found["properties"];
    if let Some(status) = properties["status"].as_str().filter(|status| *status != "Completed") {
        return Err(AzureError::settings(
            format!("{what} is `{status}` and has no outputs to rely on"),
            "wait until it is `Completed`, or name another job",
        ));
    }
    let known = properties["outputs"].as_object();
    let output = match output.as_str() {
        ADDRESSED if known.is_none_or(|known| !known.contains_key(ADDRESSED)) => ARTIFACTS,
        output => output,
    };
    let wanted = known.and_then(|known| known.get(output));
    if wanted.is_none() && output != ARTIFACTS {
        let known = known.into_iter().flatten().map(|(name, _)| format!("`{name}`"));
        let known: Vec<String> = known.chain([format!("`{ARTIFACTS}`")]).collect();
        return Err(AzureError::Missing {
            what: format!("output `{output}` of {what}"),
            help: format!("take one of {}", known.join(", ")),
        });
    }
    let told = wanted.and_then(|wanted| wanted["uri"].as_str()).filter(|uri| !uri.is_empty());
    if let Some(uri) = told {
        return Ok(uri.replace("${{name}}", job).replace("${{output_name}}", output));
    }
    if let Some(uri) = of_run(workspace, job, output)? {
        return Ok(uri);
    }
    Ok(match output {
        ARTIFACTS => {
            format!("azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{job}")
        }
        output => {
            format!("azureml://datastores/{}/paths/azureml/{job}/{output}", datastore::DEFAULT)
        }
    })
}

/// Where the run of `job` says that its output lies.
fn of_run(
    workspace: &Workspace<'_>,
    job: &str,
    output: &str,
) -> Result<Option<String>, AzureError> {
    let what = format!("the outputs of job `{job}`");
    let services = history::services(workspace)?;
    let home = |name: &str| services[name].as_str().map(|home| home.trim_end_matches('/'));
    let (Some(history), Some(api)) = (home("history"), home("api")) else { return Ok(None) };
    let url = format!("{history}/history/v1.0{}/rundata?api-version=v1.0", workspace.id);
    let run =
        workspace.post_to(&what, &url, Some(&json!({"runId": job, "selectRunMetadata": true})))?;
    let asset = run["runMetadata"]["outputs"][output]["assetId"].as_str();
    let Some(asset) = asset else { return Ok(None) };
    let url = format!("{api}/data/v1.0{}/dataversion/batchGetResolvedUris", workspace.id);
    let found = workspace.post_to(&what, &url, Some(&json!({"values": [asset]})))?;
    let uri = found["values"].get(asset).and_then(|found| found["uri"].as_str());
    let odd = || AzureError::odd(&what, format!("no address of `{}`", encoded(asset)));
    uri.map(|uri| Some(uri.to_owned())).ok_or_else(odd)
}
