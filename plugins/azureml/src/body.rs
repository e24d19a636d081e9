//! Bodies of the requests that start a job, each made of settings and ids alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::config::AzureMlConfig;

/// Version of the way in which code is digested, as the service calls it.
const HASH_VERSION: &str = "202208";

/// Body that asks for a place to upload to.
pub(crate) fn pending_upload() -> Value {
    json!({"pendingUploadType": "TemporaryBlobReference"})
}

/// Body of code that lies at `uri`.
pub(crate) fn code(uri: &str, digest: &str) -> Value {
    json!({"properties": {
        "codeUri": uri,
        "isAnonymous": true,
        "properties": {"hash_sha256": digest, "hash_version": HASH_VERSION}
    }})
}

/// Query that finds code by its digest.
pub(crate) fn code_query(digest: &str) -> String {
    format!("hash={digest}&hashVersion={HASH_VERSION}")
}

/// What a job is made of.
pub(crate) struct Parts<'a> {
    /// Name for people.
    pub(crate) title: &'a str,
    /// What is run, in the folder of the code.
    pub(crate) command: String,
    /// Id of the code.
    pub(crate) code: String,
    /// Id of the environment.
    pub(crate) environment: String,
    /// Id of the compute.
    pub(crate) compute: String,
    /// Folders that the job reads, by name.
    pub(crate) inputs: BTreeMap<String, String>,
    /// Folder that the job writes.
    pub(crate) result: String,
    /// Key vault of the workspace.
    pub(crate) vault: Option<&'a str>,
}

/// Body of a job.
pub(crate) fn job(config: &AzureMlConfig, parts: &Parts<'_>) -> Value {
    let folder = |(name, uri): (&String, &String)| {
        let input = json!({"jobInputType": "uri_folder", "mode": "Download", "uri": uri});
        (name.clone(), input)
    };
    let inputs: Map<String, Value> = parts.inputs.iter().map(folder).collect();
    let variables = match parts.vault.filter(|_| config.hf_token) {
        Some(vault) => json!({"HF_LOGIN": "True", "KEYVAULT_NAME": vault}),
        None => json!({}),
    };
    json!({"properties": {
        "jobType": "Command",
        "displayName": parts.title,
        "experimentName": "olive",
        "command": parts.command,
        "codeId": parts.code,
        "environmentId": parts.environment,
        "computeId": parts.compute,
        "environmentVariables": variables,
        "identity": {"identityType": config.identity},
        "inputs": inputs,
        "outputs": {"result": {
            "jobOutputType": "uri_folder", "mode": "ReadWriteMount", "uri": parts.result
        }},
        "resources": resources(config),
        "tags": config.tags,
    }})
}

fn resources(config: &AzureMlConfig) -> Value {
    let mut resources = json!({"instanceCount": config.instance_count});
    let wished = &config.resources;
    for (key, value) in [
        ("instanceType", &wished.instance_type),
        ("shmSize", &wished.shm_size),
        ("dockerArgs", &wished.docker_args),
    ] {
        if let Some(value) = value {
            resources[key] = value.as_str().into();
        }
    }
    resources
}

#[cfg(test)]
mod tests;
