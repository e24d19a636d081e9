//! The script of a job.

use std::fs;
use std::path::Path;

use olive_kit_programs::shell::quoted;
use olive_plugin_api::{Job, MODEL_FROM};

use crate::error::SlurmError;

/// What does the work, the same for all jobs.
const BODY: &str = include_str!("job.sh");
/// What starts each of several workers.
const RANK: &str = include_str!("rank.sh");

/// Jobs that go before one in a chain.
#[derive(Debug, Default)]
pub(crate) struct After<'a> {
    /// Their folders.
    pub(crate) folders: Vec<&'a str>,
    /// The one among them whose job makes the model.
    pub(crate) model_from: Option<&'a str>,
}

/// The script of `job`, whose folder on the shared disk is `folder`, and which goes `after` others.
///
/// It holds the paths of what the job reads and writes, with the size of each file, so that the node
/// can say what it does not see.
pub(crate) fn script(
    job: &Job,
    folder: &Path,
    setup: &[String],
    after: &After<'_>,
) -> Result<String, SlurmError> {
    let before: Vec<String> = after.folders.iter().map(|folder| quoted(folder)).collect();
    let mut lines = vec![
        // A login shell, so that there is `module` where sites have it.
        "#!/bin/bash -l".to_owned(),
        format!("job={}", path(folder)?),
        format!("owner={}", path(&job.folder.join(OWNER))?),
        array("needs", &needs(job)?),
        array("outputs", &quoted_paths(&job.outputs)?),
        array("before", &before),
    ];
    lines.push("setup() {\n:".into());
    for (index, line) in setup.iter().enumerate() {
        let complaint = quoted(&format!("line {} of `setup` failed: {line}", index + 1));
        lines.push(format!("{{\n{line}\n}} 2>>err || give_up {complaint}"));
    }
    lines.push("}\nstart() {".into());
    for (name, value) in &job.environment {
        lines.push(format!("export {name}={}", quoted(value)));
    }
    if let Some(maker) = after.model_from {
        lines.push(format!("export {MODEL_FROM}={}", quoted(&format!("{maker}/out"))));
    }
    let arguments: Vec<_> = job.arguments.iter().map(|argument| quoted(argument)).collect();
    let worker = format!("{} {}", path(&job.program)?, arguments.join(" "));
    lines.push(match job.ranks {
        0 | 1 => format!("exec {worker}\n}}\nranks=1"),
        ranks => format!("{} {worker}\n}}\nranks={ranks}", of_ranks(ranks)),
    });
    lines.push(BODY.into());
    Ok(lines.join("\n"))
}

/// The script of an array whose members have the folders `place-0`, `place-1` and so on, with a script
/// in each.
pub(crate) fn array_script(place: &Path) -> Result<String, SlurmError> {
    let place = path(place)?;
    Ok(format!("#!/bin/bash -l\nexec bash {place}-\"$SLURM_ARRAY_TASK_ID\"/script\n"))
}

/// What starts so many workers, whose command follows; rank 0 is heard, the last word of each other
/// one stands in the job's standard error.
///
/// A rank that ends badly does not end the others, which keep what they have. The shell of a rank
/// hears the signals of its worker, and goes on until that has ended. Since Slurm 22.05 a task has
/// one processor unless `srun` is told.
fn of_ranks(ranks: usize) -> String {
    format!(
        "exec srun --ntasks={ranks} --cpus-per-task=\"$SLURM_CPUS_PER_TASK\" --kill-on-bad-exit=0 \
         bash -c {} rank",
        quoted(RANK)
    )
}

/// File in the host's folder of a job that says which folder on the shared disk is the job's.
pub(crate) const OWNER: &str = "slurm";

/// Size, where it is a file, and path of everything the node must see, by turns.
fn needs(job: &Job) -> Result<Vec<String>, SlurmError> {
    let all = job.inputs.iter().chain([&job.program]).chain(&job.outputs).chain(&job.checkpoints);
    let mut words = Vec::new();
    for found in all {
        let metadata = fs::metadata(found).map_err(SlurmError::io("find", found))?;
        words.push(if metadata.is_file() { metadata.len().to_string() } else { "''".into() });
        words.push(path(found)?);
    }
    Ok(words)
}

fn quoted_paths(paths: &[impl AsRef<Path>]) -> Result<Vec<String>, SlurmError> {
    paths.iter().map(|one| path(one.as_ref())).collect()
}

fn array(name: &str, words: &[String]) -> String {
    format!("{name}=({})", words.join(" "))
}

fn path(path: &Path) -> Result<String, SlurmError> {
    let text = path.to_str().ok_or_else(|| SlurmError::Nameless { path: path.to_owned() })?;
    Ok(quoted(text))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use olive_plugin_api::Job;

    use super::{After, OWNER, array_script, script};

    /// A job that runs `program` in the shell, in folders below `root`.
    fn job(root: &Path, program: &str) -> (Job, PathBuf) {
        let [folder, output, shared] = ["it's folder", "output", "shared"].map(|name| {
            let path = root.join(name);
            fs::create_dir_all(&path).unwrap();
            path
        });
        let job = Job {
            title: "step".into(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), program.into()],
            environment: BTreeMap::from([("WORD".into(), "it's $HOME".into())]),
            input: String::new(),
            folder: folder.clone(),
            inputs: vec![output.clone()],
            outputs: vec![output],
            checkpoints: None,
            threads: 1,
            ranks: 1,
        };
        fs::write(folder.join(OWNER), shared.to_str().unwrap()).unwrap();
        fs::write(shared.join("in"), "a line\n").unwrap();
        (job, shared)
    }

    /// Runs the script of a job as a node would; gives the exit code.
    fn run(job: &Job, shared: &Path, setup: &[&str]) -> Option<i32> {
        let setup: Vec<_> = setup.iter().map(|line| (*line).to_owned()).collect();
        let path = shared.join("script");
        fs::write(&path, script(job, shared, &setup, &After::default()).unwrap()).unwrap();
        let mut bash = Command::new("bash");
        bash.arg(path).env("SLURMD_NODENAME", "n7").output().unwrap().status.code()
    }

    #[test]
    fn a_worker_gets_its_input_and_leaves_its_word() {
        let root = tempfile::tempdir().unwrap();
        let made = root.path().join("output/a b");
        let program = format!(
            "read line; echo \"$line, $WORD\"; echo oh >&2; echo made >'{}'; exit 3",
            made.display()
        );
        let (job, shared) = job(root.path(), &program);
        assert_eq!(run(&job, &shared, &[]), Some(3));
        let read = |name: &str| fs::read_to_string(shared.join(name)).unwrap();
        assert_eq!(read("out"), "a line, it's $HOME\n");
        assert_eq!(read("err"), "oh\n");
        assert_eq!(read("code"), "3\n");
        assert_eq!(read("started"), "n7 0\n");
        assert_eq!(read("files"), format!("5 {}\0", made.display()));
    }

    #[test]
    fn a_second_attempt_starts_with_empty_folders_and_goes_on_in_the_log() {
        let root = tempfile::tempdir().unwrap();
        let (job, shared) = job(root.path(), "echo again");
        fs::write(shared.join("started"), "n6 0\n").unwrap();
        fs::write(shared.join("out"), "cut off").unwrap();
        fs::write(job.outputs[0].join("old"), "").unwrap();
        assert_eq!(run(&job, &shared, &[]), Some(0));
        assert_eq!(fs::read_to_string(shared.join("out")).unwrap(), "cut off\nagain\n");
        assert!(!job.outputs[0].join("old").exists());
    }

    /// Writes a program that the shell runs.
    fn program(path: &Path, lines: &str) {
        use std::os::unix::fs::PermissionsExt;
        fs::write(path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn ranks_are_started_and_asked_to_stop_by_slurm_and_all_have_a_last_word() {
        let root = tempfile::tempdir().unwrap();
        // Rank 0 has the script asked to stop, another one the shell that hears for it.
        let worker = "kill -TERM $PPID; \
                      for look in $(seq 100); do \
                      if [ -s asked ] || [ $SLURM_PROCID = 1 ]; then break; fi; sleep 0.1; done; \
                      echo \"rank $SLURM_PROCID\"; exit $((SLURM_PROCID * 3))";
        let (mut job, shared) = job(root.path(), worker);
        job.ranks = 2;
        let srun = "for option in \"$@\"; do case $option in --*) echo \"$option\"; shift;; \
                    *) break;; esac; done >options\n\
                    SLURM_PROCID=1 \"$@\" || echo \"rank 1: $?\" >>options\n\
                    export SLURM_PROCID=0\nexec \"$@\"";
        program(&root.path().join("srun"), srun);
        program(&root.path().join("scancel"), "echo \"$*\" >asked");
        let path = format!("PATH={}:$PATH", root.path().display());
        let setup = [path.as_str(), "SLURM_JOB_ID=17", "SLURM_CPUS_PER_TASK=4"];
        assert_eq!(run(&job, &shared, &setup), Some(0));
        let read = |name: &str| fs::read_to_string(shared.join(name)).unwrap();
        let options = "--ntasks=2\n--cpus-per-task=4\n--kill-on-bad-exit=0\nrank 1: 3\n";
        assert_eq!(read("options"), options);
        assert_eq!((read("out").as_str(), read("err").as_str()), ("rank 0\n", "rank 1\n"));
        assert_eq!(read("asked"), "--signal=TERM 17\n");
        assert_eq!(read("stopped"), "n7\n");
    }

    #[test]
    fn a_job_of_a_chain_looks_for_what_earlier_ones_have_made() {
        let root = tempfile::tempdir().unwrap();
        let (job, shared) = job(root.path(), "cat \"$OLIVE_MODEL_FROM\"");
        let before = root.path().join("it's before");
        let made = root.path().join("made here");
        fs::create_dir(&before).unwrap();
        fs::write(before.join("out"), "the model").unwrap();
        fs::write(&made, "12345").unwrap();
        let name = before.to_str().unwrap();
        let run = |size: u32| {
            fs::write(before.join("files"), format!("{size} {}\0", made.display())).unwrap();
            let after = After { folders: vec![name], model_from: Some(name) };
            // Nobody waits for a disk here; the worker's input is held open by a real sleep.
            let text = script(&job, &shared, &[], &after).unwrap();
            let text = text.replacen("setup() {", "sleep() { :; }\nsetup() {", 1);
            fs::write(shared.join("script"), text).unwrap();
            let mut bash = Command::new("bash");
            bash.arg(shared.join("script")).env("SLURMD_NODENAME", "n7");
            bash.output().unwrap().status.code()
        };
        assert_eq!(run(6), Some(71));
        let failed = fs::read_to_string(shared.join("failed")).unwrap();
        let expected = "which an earlier job has made, is not whole on node n7\n";
        assert!(failed.ends_with(expected), "{failed}");
        assert_eq!(run(5), Some(0));
        assert_eq!(fs::read_to_string(shared.join("out")).unwrap(), "the model");
    }

    #[test]
    fn members_of_an_array_run_the_script_of_their_own_folder() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("it's");
        for index in 0..2 {
            let folder = root.path().join(format!("it's-{index}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("script"), format!("echo member {index}")).unwrap();
        }
        let script = root.path().join("array");
        fs::write(&script, array_script(&place).unwrap()).unwrap();
        let mut bash = Command::new("bash");
        let said = bash.arg(&script).env("SLURM_ARRAY_TASK_ID", "1").output().unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&said), "member 1\n");
    }

    #[test]
    fn ranks_of_a_node_share_its_gpus() {
        let gpus = |visible: &str, local: &str, tasks: &str| {
            let mut bash = Command::new("bash");
            let root = tempfile::tempdir().unwrap();
            bash.current_dir(root.path()).args(["-c", super::RANK, "rank"]);
            bash.args(["sh", "-c", "printf %s \"$CUDA_VISIBLE_DEVICES\""]);
            bash.env("CUDA_VISIBLE_DEVICES", visible).env("SLURM_LOCALID", local);
            bash.env("SLURM_STEP_TASKS_PER_NODE", tasks).env("SLURM_PROCID", "0");
            String::from_utf8(bash.output().unwrap().stdout).unwrap()
        };
        for (visible, local, tasks, own) in [
            ("0,1", "0", "2", "0"),
            ("0,1", "1", "2(x2)", "1"),
            ("4,5,6,7", "1", "2,1", "6,7"),
            ("0,1", "2", "3", "0"),
            ("3", "1", "2", "3"),
            ("", "0", "2", ""),
        ] {
            assert_eq!(gpus(visible, local, tasks), own, "{visible} {local} {tasks}");
        }
    }

    #[test]
    fn a_rank_that_starts_after_the_stop_does_not_work() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("stopped"), "n7\n").unwrap();
        let mut bash = Command::new("bash");
        bash.current_dir(root.path()).args(["-c", super::RANK, "rank", "touch", "worked"]);
        let status = bash.env("SLURM_PROCID", "0").status().unwrap();
        assert_eq!(status.code(), Some(143));
        assert!(!root.path().join("worked").exists());
    }

    #[test]
    fn what_keeps_the_worker_from_starting_is_one_sentence() {
        let root = tempfile::tempdir().unwrap();
        let (mut job, shared) = job(root.path(), "true");
        let failed = || fs::read_to_string(shared.join("failed")).unwrap();
        assert_eq!(run(&job, &shared, &["true", "it=1 # fine", "false"]), Some(71));
        assert_eq!(failed(), "line 3 of `setup` failed: false\n");
        fs::write(job.folder.join(OWNER), "another").unwrap();
        assert_eq!(run(&job, &shared, &[]), Some(71));
        assert_eq!(failed(), format!("`{}` is another folder on node n7\n", job.folder.display()));
        job.program = shared.join("in");
        let text = script(&job, &shared, &[], &After::default()).unwrap();
        fs::write(&job.program, "longer than it was").unwrap();
        let path = shared.join("script");
        fs::write(&path, text).unwrap();
        Command::new("bash").arg(path).env("SLURMD_NODENAME", "n7").output().unwrap();
        assert_eq!(failed(), format!("`{}` is another file on node n7\n", job.program.display()));
    }
}
