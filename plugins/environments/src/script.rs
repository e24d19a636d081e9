//! The script of a job.

use std::collections::BTreeMap;
use std::path::Path;

use olive_kit_programs::shell::{is_variable, quoted};
use olive_plugin_api::Job;

use crate::error::EnvironmentError;

/// What does the work, the same for all jobs.
const BODY: &str = include_str!("job.sh");

/// The script of `job`, whose worker gets `variables` besides its own.
///
/// It runs in `work_dir`, where that can be made, else where the script does. With the process
/// `host` it asks the worker to stop once that is gone.
pub(crate) fn script(
    job: &Job,
    variables: &BTreeMap<String, String>,
    work_dir: Option<&str>,
    host: Option<u32>,
) -> Result<String, EnvironmentError> {
    let mut lines = vec![
        format!("job={}", quoted(name(&job.folder)?)),
        format!("host={}", host.map(|host| host.to_string()).unwrap_or_default()),
        "start() {".into(),
    ];
    for (name, value) in variables.iter().chain(&job.environment) {
        check_variable(name)?;
        lines.push(format!("export {name}={}", quoted(value)));
    }
    if let Some(folder) = work_dir.map(quoted) {
        lines.push(format!("mkdir -p {folder} 2>/dev/null && cd {folder}"));
    }
    // A user without a home, as in a container, would be given the root of the file system.
    lines.push("[ -w \"${HOME:-}\" ] || export HOME=\"${TMPDIR:-/tmp}\"".into());
    let arguments: Vec<_> = job.arguments.iter().map(|argument| quoted(argument)).collect();
    lines.push(format!("exec {} {}", quoted(name(&job.program)?), arguments.join(" ")));
    lines.push("}".into());
    lines.push(BODY.into());
    Ok(lines.join("\n"))
}

/// Checks that the shell takes `name` for that of a variable.
fn check_variable(name: &str) -> Result<(), EnvironmentError> {
    if is_variable(name) {
        return Ok(());
    }
    Err(EnvironmentError::Setting {
        pointer: "/environment_variables".into(),
        problem: format!("`{name}` is no name of a variable"),
        help: "take letters, digits and `_`, such as `HF_HUB_OFFLINE`".into(),
    })
}

/// A path as text.
pub(crate) fn name(path: &Path) -> Result<&str, EnvironmentError> {
    path.to_str().ok_or_else(|| EnvironmentError::Nameless { path: path.to_owned() })
}

/// A word of letters, digits and hyphens that reads like `title`.
pub(crate) fn word(title: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let text: String = title.chars().map(plain).collect();
    text.trim_matches('-').chars().take(60).collect()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::process::{Child, Command, id};
    use std::thread;
    use std::time::Duration;

    use olive_plugin_api::Job;

    use super::{script, word};

    /// A job that runs `program` in the shell, in folders below `root`.
    fn job(root: &Path, program: &str) -> Job {
        let [folder, output] = ["it's folder", "output"].map(|name| {
            let path = root.join(name);
            fs::create_dir_all(&path).unwrap();
            path
        });
        Job {
            title: "step".into(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), program.into()],
            environment: BTreeMap::from([("WORD".into(), "it's $HOME".into())]),
            input: "a line\n".into(),
            folder,
            inputs: Vec::new(),
            outputs: vec![output],
            checkpoints: None,
            threads: 1,
            ranks: 1,
        }
    }

    /// Starts the script of a job.
    fn start(job: &Job, host: Option<u32>) -> Child {
        let variables =
            BTreeMap::from([("WORD".into(), "hidden".into()), ("MORE".into(), "more".into())]);
        let path = job.folder.join("script");
        fs::write(&path, script(job, &variables, None, host).unwrap()).unwrap();
        fs::write(job.folder.join("in"), &job.input).unwrap();
        Command::new("sh").arg(path).spawn().unwrap()
    }

    fn read(job: &Job, name: &str) -> String {
        fs::read_to_string(job.folder.join(name)).unwrap_or_default()
    }

    /// Waits until a file of the job is there.
    fn wait_for(job: &Job, name: &str) {
        for _ in 0..600 {
            if !read(job, name).is_empty() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("there is no `{name}`");
    }

    #[test]
    fn a_worker_gets_its_input_and_leaves_its_word() {
        let root = tempfile::tempdir().unwrap();
        let job = job(root.path(), "read line; echo \"$line, $WORD, $MORE\"; echo oh >&2; exit 3");
        assert_eq!(start(&job, None).wait().unwrap().code(), Some(3));
        assert_eq!(read(&job, "out"), "a line, it's $HOME, more\n");
        assert_eq!((read(&job, "err").as_str(), read(&job, "code").as_str()), ("oh\n", "3\n"));
    }

    #[test]
    fn a_worker_that_is_asked_to_stop_has_the_last_word() {
        let root = tempfile::tempdir().unwrap();
        let patient = "trap 'echo stopping; exit 5' TERM; echo ready; \
                       while :; do sleep 0.1; done";
        let job = job(root.path(), patient);
        let mut running = start(&job, Some(id()));
        wait_for(&job, "out");
        let script = running.id().to_string();
        assert!(Command::new("kill").arg(script).status().unwrap().success());
        assert_eq!(running.wait().unwrap().code(), Some(5));
        assert_eq!(read(&job, "out"), "ready\nstopping\n");
        assert_eq!(read(&job, "code"), "5\n");
        assert!(!read(&job, "stopped").is_empty());
    }

    #[test]
    fn a_worker_whose_host_is_gone_is_asked_to_stop() {
        let root = tempfile::tempdir().unwrap();
        let job = job(root.path(), "exec sleep 600");
        let mut host = Command::new("sleep").arg("600").spawn().unwrap();
        let mut running = start(&job, Some(host.id()));
        wait_for(&job, "started");
        host.kill().unwrap();
        host.wait().unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(143));
    }

    #[test]
    fn what_is_no_name_of_a_variable_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let job = job(root.path(), "true");
        for name in ["A B", "a;b", "", "1A", "é"] {
            let variables = BTreeMap::from([(name.to_owned(), String::new())]);
            let error = script(&job, &variables, None, None).unwrap_err().to_string();
            assert_eq!(error, format!("`{name}` is no name of a variable"));
        }
    }

    #[test]
    fn titles_become_words() {
        for (title, expected) in [("lora (LoRA)", "lora--LoRA"), ("a\nb", "a-b"), ("é", "")] {
            assert_eq!(word(title), expected);
        }
    }
}
