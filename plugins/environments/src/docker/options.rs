//! Options of a container.

use std::fs;
use std::path::Path;

use olive_plugin_api::{Device, Job};
use olive_schemas::protocol::{Call, CallLine};
use serde_json::Value;

use super::config::{DockerConfig, Engine, RunParams};
use crate::error::EnvironmentError;

/// Options of Docker's Python package that have another name on the command line.
const RENAMED: [(&str, &str); 12] = [
    ("devices", "device"),
    ("environment", "env"),
    ("extra_hosts", "add-host"),
    ("ipc_mode", "ipc"),
    ("labels", "label"),
    ("mem_limit", "memory"),
    ("memswap_limit", "memory-swap"),
    ("network_mode", "network"),
    ("pid_mode", "pid"),
    ("sysctls", "sysctl"),
    ("volumes", "volume"),
    ("working_dir", "workdir"),
];
/// Options that Olive sets itself, or that would take the job away from it.
const OWN: [&str; 13] = [
    "attach",
    "auto-remove",
    "command",
    "detach",
    "entrypoint",
    "image",
    "interactive",
    "name",
    "remove",
    "restart",
    "rm",
    "stdin-open",
    "tty",
];
/// The same by the letter that stands for them.
const LETTERS: [(char, &str); 4] =
    [('a', "attach"), ('d', "detach"), ('i', "interactive"), ('t', "tty")];

/// Options that say what `job` may use.
pub(super) fn resources(config: &DockerConfig, engine: Engine, job: &Job) -> Vec<String> {
    let mut options = Vec::new();
    options.extend(config.memory.iter().map(|memory| format!("--memory={memory}")));
    options.extend(config.cpus.iter().map(|cpus| format!("--cpus={cpus}")));
    if is_for_gpu(job) {
        options.push(match engine {
            Engine::Docker => format!("--gpus={}", config.gpus),
            Engine::Podman => {
                let which = config.gpus.strip_prefix("device=").unwrap_or(&config.gpus);
                format!("--device=nvidia.com/gpu={which}")
            }
        });
    }
    options
}

/// Options that let the files of a container belong to whom `folder` belongs to.
pub(super) fn user(engine: Engine, folder: &Path) -> Result<Vec<String>, EnvironmentError> {
    let (user, group) = owner(folder)?;
    // The root of such a container is the user outside.
    if user == 0 || engine.is_rootless()? {
        return Ok(Vec::new());
    }
    Ok(vec![format!("--user={user}:{group}")])
}

#[cfg(unix)]
fn owner(folder: &Path) -> Result<(u32, u32), EnvironmentError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(folder).map_err(EnvironmentError::io("find", folder))?;
    Ok((metadata.uid(), metadata.gid()))
}

/// There a daemon in a machine of its own lets files belong to the user.
#[cfg(not(unix))]
fn owner(folder: &Path) -> Result<(u32, u32), EnvironmentError> {
    fs::metadata(folder).map_err(EnvironmentError::io("find", folder)).map(|_| (0, 0))
}

/// The options that `run_params` spells.
pub(super) fn further(params: Option<&RunParams>) -> Result<Vec<String>, EnvironmentError> {
    match params {
        None => Ok(Vec::new()),
        Some(RunParams::Arguments(arguments)) => {
            for (index, argument) in arguments.iter().enumerate() {
                refuse_own(named(argument), &index.to_string(), argument)?;
            }
            Ok(arguments.clone())
        }
        Some(RunParams::Options(options)) => {
            let mut all = Vec::new();
            for (key, value) in options {
                let renamed = RENAMED.iter().find(|(from, _)| from == key);
                let name = renamed.map_or(key.replace('_', "-"), |(_, to)| (*to).to_owned());
                refuse_own(Some(&name), key, key)?;
                all.extend(option(key, &name, value)?);
            }
            Ok(all)
        }
    }
}

/// Name of the option that `argument` begins; none of a value.
fn named(argument: &str) -> Option<&str> {
    if let Some(long) = argument.strip_prefix("--") {
        return long.split('=').next();
    }
    // Letters may stand together, as in `-it`.
    let letter = argument.strip_prefix('-')?.chars().next()?;
    LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, name)| *name)
}

fn refuse_own(name: Option<&str>, key: &str, written: &str) -> Result<(), EnvironmentError> {
    let is_own = name.is_some_and(|name| OWN.contains(&name));
    if !is_own {
        return Ok(());
    }
    Err(EnvironmentError::Setting {
        pointer: format!("/run_params/{key}"),
        problem: format!("`{written}` of `run_params` is Olive's own"),
        help: "remove it: Olive names, starts, follows and removes the container".into(),
    })
}

/// One option with its value, a list of values, or values by name.
fn option(key: &str, name: &str, value: &Value) -> Result<Vec<String>, EnvironmentError> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let named = |(inner, value): (&String, &Value)| match (name, value) {
        // As Docker's Python package has volumes: `{"/here": {"bind": "/there", "mode": "ro"}}`.
        ("volume", Value::Object(place)) => {
            let bind = place.get("bind")?.as_str()?;
            let mode = place.get("mode").and_then(Value::as_str).unwrap_or("rw");
            Some(format!("{inner}:{bind}:{mode}"))
        }
        ("volume" | "add-host", value) => Some(format!("{inner}:{}", one(value)?)),
        (_, value) => Some(format!("{inner}={}", one(value)?)),
    };
    let values: Option<Vec<String>> = match value {
        Value::Null => Some(Vec::new()),
        Value::Array(values) => values.iter().map(one).collect(),
        Value::Object(values) => values.iter().map(named).collect(),
        value => one(value).map(|value| vec![value]),
    };
    let values = values.ok_or_else(|| EnvironmentError::Setting {
        pointer: format!("/run_params/{key}"),
        problem: format!("`{key}` of `run_params` has a value that is no option of `run`"),
        help: "write a list of arguments instead, such as `[\"--ulimit\", \"memlock=-1\"]`".into(),
    })?;
    Ok(values.into_iter().map(|value| format!("--{name}={value}")).collect())
}

/// Whether the step that the worker is to do asks for a graphics processor.
fn is_for_gpu(job: &Job) -> bool {
    let line = serde_json::from_str::<CallLine>(&job.input);
    match line.map(|line| line.call) {
        Ok(Call::Run { request, .. } | Call::Prepare { request, .. }) => {
            request.accelerator.device == Device::Gpu
        }
        Ok(Call::Describe { .. }) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{RunParams, further};

    fn params(value: Value) -> Result<String, String> {
        let params: RunParams = serde_json::from_value(value).unwrap();
        further(Some(&params)).map(|all| all.join(" ")).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_written_by_either_name() {
        let rows = [
            (json!(["--ulimit", "memlock=-1"]), "--ulimit memlock=-1"),
            (json!({"shm_size": "2g", "network_mode": "none"}), "--network=none --shm-size=2g"),
            (
                json!({"privileged": true, "cap_add": ["A", "B"]}),
                "--cap-add=A --cap-add=B --privileged=true",
            ),
            (json!({"environment": {"A": 1}}), "--env=A=1"),
            (
                json!({"volumes": {"/a": {"bind": "/b", "mode": "ro"}, "/c": "/d"}}),
                "--volume=/a:/b:ro --volume=/c:/d",
            ),
        ];
        for (value, expected) in rows {
            assert_eq!(params(value).unwrap(), expected);
        }
    }

    #[test]
    fn what_olive_sets_itself_is_refused() {
        for value in [
            json!({"detach": true}),
            json!(["--rm"]),
            json!(["--name=x"]),
            json!(["-d"]),
            json!(["-it"]),
        ] {
            assert!(params(value).unwrap_err().ends_with("is Olive's own"));
        }
        let strange = params(json!({"ulimits": [{"name": "nofile"}]})).unwrap_err();
        assert!(strange.contains("has a value that is no option"), "{strange}");
    }
}
