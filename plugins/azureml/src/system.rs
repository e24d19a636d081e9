//! The system: jobs on a compute of a workspace.

use olive_plugin_api::{
    Diagnostic, Job, JobState, LogPart, Message, PluginError, Resources, Severity, StepContext,
    System,
};
use serde_json::Value;

use crate::AzureError;
use crate::collect::collect;
use crate::compute::Compute;
use crate::config::AzureMlConfig;
use crate::datastore;
use crate::history::{Run, Written, has_end};
use crate::line::Rehearsal;
use crate::memory::Memory;
use crate::state::{is_over, path, state, status};
use crate::submit::submit;
use crate::text::encoded;
use crate::workspace::Workspace;

/// Runs steps on computes of Azure Machine Learning.
#[derive(Default)]
pub struct AzureMl;

impl System for AzureMl {
    type Config = AzureMlConfig;

    const NAME: &'static str = "AzureML";
    const SUMMARY: &'static str = "Run steps as jobs on a compute of Azure Machine Learning.";
    const REHEARSES: bool = true;

    fn resources() -> Resources {
        Resources::default().with::<Compute>()
    }

    fn probe(
        &self,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let mut problems: Vec<Diagnostic> = at_home(config);
        let workspace = Workspace::new(config.azureml_client.as_ref(), ctx)?;
        problems.extend(compute(&workspace, config)?);
        workspace.credential.tell(&workspace.line);
        Ok(problems)
    }

    fn submit(
        &self,
        job: &Job,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        let workspace = Workspace::new(config.azureml_client.as_ref(), ctx)?;
        Ok(submit(&workspace, job, config)?)
    }

    fn poll(
        &self,
        id: &str,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError> {
        let workspace = Workspace::new(config.azureml_client.as_ref(), ctx)?;
        let mut memory = Memory::read(id)?;
        let status = status(&workspace, &memory.name)?;
        let reason = match status.as_str() {
            "Failed" => Run::of(&workspace, id, &mut memory)?.reason(),
            _ => None,
        };
        Ok(state(&status, reason.as_deref()))
    }

    fn cancel(
        &self,
        id: &str,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let workspace = Workspace::new(config.azureml_client.as_ref(), ctx)?;
        let name = Memory::read(id)?.name;
        let asked =
            workspace.post(&format!("job `{name}`"), &format!("{}/cancel", path(&name)), None);
        match asked {
            // A job that has ended is not cancelled.
            Err(AzureError::Refused { .. }) if is_over(&status(&workspace, &name)?) => Ok(()),
            asked => Ok(asked.map(drop)?),
        }
    }

    fn logs(
        &self,
        id: &str,
        from: u64,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError> {
        let workspace = Workspace::new(config.azureml_client.as_ref(), ctx)?;
        Ok(logs(&workspace, id, from)?)
    }

    fn collect(
        &self,
        id: &str,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError> {
        let workspace = Workspace::new(config.azureml_client.as_ref(), ctx)?;
        Ok(collect(&workspace, &Memory::read(id)?)?)
    }

    fn rehearse(
        &self,
        job: &Job,
        config: &AzureMlConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Message>, PluginError> {
        let workspace = Workspace::rehearsing(config.azureml_client.as_ref(), ctx)?;
        submit(&workspace, job, config)?;
        Ok(workspace.line.rehearsal().map(Rehearsal::messages).unwrap_or_default())
    }
}

/// What the worker has written; its last line is taken from the job's files when the log lacks it.
fn logs(workspace: &Workspace<'_>, id: &str, from: u64) -> Result<LogPart, AzureError> {
    let mut memory = Memory::read(id)?;
    let is_over = is_over(&status(workspace, &memory.name)?);
    let run = Run::of(workspace, id, &mut memory)?;
    let Written { mut bytes, has_more } = run.written(workspace, from)?;
    if !is_over || has_more {
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
    }
    let next = from + bytes.len() as u64;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if is_over && !has_more && !has_end(&text) {
        let container = datastore::open(workspace, datastore::DEFAULT)?;
        let answer = container.read(&format!("{}/result/answer.json", memory.place()))?;
        if let Some(answer) = answer {
            text = format!("{}\n{}", text.trim_end(), String::from_utf8_lossy(&answer));
        }
    }
    Ok(LogPart { text: memory.layout.text_here(&text), next })
}

/// What is in the way before anything is asked.
fn at_home(config: &AzureMlConfig) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if !cfg!(target_os = "linux") {
        let message = "the computes run Linux, and this program is for another system";
        problems.push(
            Diagnostic::error("azureml-program", "", message)
                .with_help("run Olive on Linux, in WSL too"),
        );
    }
    let vault = config.azureml_client.as_ref().and_then(|client| client.keyvault_name.as_ref());
    if config.hf_token && vault.is_none() {
        let message = "`hf_token` asks for a token, but no key vault is named";
        problems.push(
            Diagnostic::error("azureml-settings", "/hf_token", message)
                .with_help("add `keyvault_name` to `azureml_client`, or take `hf_token` out"),
        );
    }
    problems.extend(image(config));
    problems
}

/// What is wrong with the image that is named.
fn image(config: &AzureMlConfig) -> Vec<Diagnostic> {
    let docker = config.aml_docker_config.clone().unwrap_or_default();
    let is_named = docker.base_image.is_some() || docker.build_context_path.is_some();
    let mut problems = Vec::new();
    if config.aml_environment_config.is_none() && !is_named {
        let message = "no image is named for the jobs";
        problems.push(
            Diagnostic::error("azureml-settings", "", message)
                .with_help("add `aml_docker_config` with `base_image`"),
        );
    }
    for (key, is_idle, message, help) in [
        (
            "base_image",
            docker.base_image.is_some() && docker.build_context_path.is_some(),
            "`base_image` has no effect beside `build_context_path`, whose Dockerfile names one",
            "take one of the two out",
        ),
        (
            "dockerfile",
            docker.dockerfile.is_some() && docker.build_context_path.is_none(),
            "`dockerfile` has no effect without `build_context_path`, the folder it is in",
            "add `build_context_path`, or take `dockerfile` out",
        ),
        (
            "version",
            docker.version.is_some() && docker.name.is_none(),
            "`version` has no effect without `name`: the environment is known by its content",
            "add `name`, or take `version` out",
        ),
    ] {
        if is_idle {
            let pointer = format!("/aml_docker_config/{key}");
            let problem = Diagnostic::error("azureml-settings", pointer, message);
            problems.push(problem.with_help(help));
        }
    }
    let label = config.aml_environment_config.as_ref().filter(|named| named.version.is_some());
    if label.is_some_and(|named| named.label.is_some()) {
        let message = "`label` has no effect beside `version`";
        let pointer = "/aml_environment_config/label";
        let problem = Diagnostic::error("azureml-settings", pointer, message);
        problems.push(problem.with_help("take one of the two out"));
    }
    problems
}

/// What is wrong with the compute, as far as it can be seen.
fn compute(
    workspace: &Workspace<'_>,
    config: &AzureMlConfig,
) -> Result<Option<Diagnostic>, AzureError> {
    let name = &config.aml_compute;
    let what = format!("compute `{name}`");
    let Some(found) = workspace.find(&what, &format!("/computes/{}", encoded(name)))? else {
        let message = format!("the workspace has no compute `{name}`");
        let problem = Diagnostic::error("azureml-missing", "/aml_compute", message)
            .with_help("take a name that the page Compute of the workspace lists");
        return Ok(Some(problem));
    };
    Ok(instance_type(&found["properties"], config))
}

/// What is wrong with the instance type that is asked of the compute with these `properties`.
fn instance_type(properties: &Value, config: &AzureMlConfig) -> Option<Diagnostic> {
    let wished = config.resources.instance_type.as_ref()?;
    let pointer = "/resources/instance_type";
    if properties["computeType"] != "Kubernetes" {
        let message =
            format!("`{wished}` has no effect: only computes of Kubernetes have instance types");
        return Some(Diagnostic::new(Severity::Warning, "azureml-settings", pointer, message));
    }
    let known = properties.pointer("/properties/instanceTypes").and_then(Value::as_object)?;
    if known.contains_key(wished) {
        return None;
    }
    let known: Vec<String> = known.keys().map(|name| format!("`{name}`")).collect();
    let message = format!("compute `{}` has no instance type `{wished}`", config.aml_compute);
    let help = format!("its instance types: {}", known.join(", "));
    Some(Diagnostic::error("azureml-settings", pointer, message).with_help(help))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::at_home;

    #[test]
    fn an_image_is_missed_before_anything_is_sent() {
        for (image, is_named) in [
            (json!({"aml_compute": "c"}), false),
            (json!({"aml_compute": "c", "aml_docker_config": {"name": "n"}}), false),
            (json!({"aml_compute": "c", "aml_docker_config": {"base_image": "i"}}), true),
            (json!({"aml_compute": "c", "aml_docker_config": {"build_context_path": "b"}}), true),
            (json!({"aml_compute": "c", "aml_environment_config": {"name": "n"}}), true),
        ] {
            let problems = at_home(&serde_json::from_value(image.clone()).unwrap());
            let is_missed = problems.iter().any(|problem| problem.message.contains("no image"));
            assert_eq!(is_missed, !is_named, "{image}");
        }
    }

    #[test]
    fn settings_of_an_image_that_nothing_reads_are_refused() {
        let image = json!({"base_image": "i"});
        let environment = json!({"name": "n", "version": "1", "label": "latest"});
        for (docker, environment, expected) in [
            (image.clone(), Value::Null, None),
            (json!({"build_context_path": "b", "dockerfile": "D"}), Value::Null, None),
            (json!({"base_image": "i", "name": "n", "version": "1"}), Value::Null, None),
            (
                json!({"base_image": "i", "build_context_path": "b"}),
                Value::Null,
                Some("/aml_docker_config/base_image"),
            ),
            (
                json!({"base_image": "i", "dockerfile": "D"}),
                Value::Null,
                Some("/aml_docker_config/dockerfile"),
            ),
            (
                json!({"base_image": "i", "version": "1"}),
                Value::Null,
                Some("/aml_docker_config/version"),
            ),
            (image, environment, Some("/aml_environment_config/label")),
        ] {
            let settings = json!({
                "aml_compute": "c",
                "aml_docker_config": docker,
                "aml_environment_config": environment
            });
            let problems = at_home(&serde_json::from_value(settings.clone()).unwrap());
            let problems = problems.iter().filter(|one| one.code == "azureml-settings");
            let pointers: Vec<_> = problems.map(|problem| problem.pointer.as_str()).collect();
            assert_eq!(pointers, Vec::from_iter(expected), "{settings}");
        }
    }
}
