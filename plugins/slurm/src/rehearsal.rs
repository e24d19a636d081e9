//! What would be submitted, without anything being made or sent.

use std::path::Path;

use olive_plugin_api::{Job, Message};

use crate::command;
use crate::config::SlurmConfig;
use crate::error::SlurmError;
use crate::folder::{Folder, Place};
use crate::script::{After, script};
use crate::submit::arguments;

/// The command and the script of `job`, in a folder whose number is zeros; the script has no sizes of
/// files that an earlier step makes.
pub(crate) fn messages(job: &Job, config: &SlurmConfig) -> Result<Vec<Message>, SlurmError> {
    let folder = Folder { path: Place::imagined(job, config).path() };
    let mut job = job.clone();
    let (there, missing) = job.inputs.into_iter().partition(|path| path.exists());
    job.inputs = there;
    let command = command::submission(arguments(&job, config, &folder)?);
    let script = script(&job, &folder.path, &config.setup, &After::default())?;
    let missing = missing.iter().filter(|path| **path != Path::new("")).map(|path| Message {
        title: format!("an earlier step makes `{}`, which the script names then", path.display()),
        content: String::new(),
    });
    let command = Message { title: command, content: script };
    Ok(std::iter::once(command).chain(missing).collect())
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use olive_plugin_api::Job;
    use serde_json::json;

    use super::messages;

    #[test]
    fn a_rehearsal_tells_command_and_script_and_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("model"), "weights").unwrap();
        let job = Job {
            title: "first (Toy)".into(),
            program: "/bin/sh".into(),
            arguments: vec!["worker".into()],
            environment: BTreeMap::new(),
            input: String::new(),
            folder: path("job"),
            inputs: vec![path("model"), path("made later"), "".into()],
            outputs: vec![folder.path().to_owned()],
            checkpoints: None,
            threads: 2,
            ranks: 1,
        };
        let settings =
            json!({"work_dir": path("work"), "partition": "long", "setup": ["module x"]});
        let told = messages(&job, &serde_json::from_value(settings).unwrap()).unwrap();
        let is_command = |title: &str| {
            title.starts_with("sbatch --parsable --export=ALL --partition=long --nodes=1")
                && title.ends_with("/script")
        };
        assert!(is_command(&told[0].title), "{}", told[0].title);
        let script = &told[0].content;
        assert!(script.starts_with("#!/bin/bash -l") && script.contains("module x"), "{script}");
        assert!(script.contains("/model'") && !script.contains("made later"), "{script}");
        assert!(told[1].title.contains("made later"));
        assert_eq!(told.len(), 2);
        assert!(!path("work").exists() && !path("job").exists());
    }
}
