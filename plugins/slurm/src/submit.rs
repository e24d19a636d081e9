//! Jobs handed to Slurm: one, several after each other, several at a time.

use std::path::Path;

use olive_plugin_api::{ChainedJob, Device, Job};
use olive_schemas::protocol::{Call, CallLine};

use crate::command::{self, Number};
use crate::config::{SlurmConfig, WARNING_SECONDS};
use crate::error::SlurmError;
use crate::folder::{Folder, Place, word};
use crate::follow;
use crate::script::{After, array_script, script};

/// Submits `job`; gives its id.
pub(crate) fn one(job: &Job, config: &SlurmConfig) -> Result<String, SlurmError> {
    end_orphans([job], config)?;
    let folder = Folder::prepare(job, &Place::alone(job, config))?;
    all_or_none(&[&folder], || {
        folder.put("script", &script(job, &folder.path, &config.setup, &After::default())?)?;
        let number = command::submit(arguments(job, config, &folder)?)?;
        folder.put("number", &number.text())?;
        Ok(folder.id(&number))
    })
}

/// Submits `jobs`, each to be started when the one before it has ended well; gives their ids.
pub(crate) fn chain(jobs: &[ChainedJob], config: &SlurmConfig) -> Result<Vec<String>, SlurmError> {
    end_orphans(jobs.iter().map(|link| &link.job), config)?;
    let mut folders: Vec<Folder> = Vec::new();
    let prepared = jobs.iter().try_for_each(|link| {
        folders.push(Folder::prepare(&link.job, &Place::alone(&link.job, config))?);
        Ok::<(), SlurmError>(())
    });
    let all: Vec<&Folder> = folders.iter().collect();
    all_or_none(&all, || {
        prepared?;
        let names: Vec<&str> = all.iter().map(|folder| folder.name()).collect::<Result<_, _>>()?;
        let mut ids = Vec::new();
        let mut before: Option<Number> = None;
        for (index, ChainedJob { job, model_from }) in jobs.iter().enumerate() {
            let folder = all[index];
            let after = After {
                folders: names[..index].to_vec(),
                model_from: model_from.and_then(|from| names.get(from).copied()),
            };
            folder.put("script", &script(job, &folder.path, &config.setup, &after)?)?;
            folder.put("chain", &names.join("\n"))?;
            let dependency = before.iter().map(|it| format!("--dependency=afterok:{}", it.id));
            let options = dependency.chain(arguments(job, config, folder)?);
            let number = command::submit(options.collect())?;
            folder.put("number", &number.text())?;
            ids.push(folder.id(&number));
            before = Some(number);
        }
        Ok(ids)
    })
}

/// Submits `jobs`, of which at most `at_a_time` run at a time; gives their ids.
///
/// Those that ask for the same are members of one array.
pub(crate) fn batch(
    jobs: &[Job],
    at_a_time: usize,
    config: &SlurmConfig,
) -> Result<Vec<String>, SlurmError> {
    end_orphans(jobs, config)?;
    let array = Place::of_array(config);
    let mut folders: Vec<Folder> = Vec::new();
    let prepared = jobs.iter().enumerate().try_for_each(|(index, job)| {
        folders.push(Folder::prepare(job, &array.member(index))?);
        Ok::<(), SlurmError>(())
    });
    let all: Vec<&Folder> = folders.iter().collect();
    all_or_none(&all, || {
        prepared?;
        for (job, folder) in jobs.iter().zip(&all) {
            let text = script(job, &folder.path, &config.setup, &After::default())?;
            folder.put("script", &text)?;
        }
        let mut ids = vec![String::new(); jobs.len()];
        for (options, members) in by_options(jobs, config) {
            // Each array has its share of what runs at a time.
            let share = (at_a_time * members.len()).div_ceil(jobs.len().max(1)).max(1);
            let number = submit_array(&array.path(), options, &members, share)?;
            for index in members {
                let number = number.member(index);
                all[index].put("number", &number.text())?;
                ids[index] = all[index].id(&number);
            }
        }
        Ok(ids)
    })
}

/// Numbers of `jobs` that ask for the same.
fn by_options(jobs: &[Job], config: &SlurmConfig) -> Vec<(Vec<String>, Vec<usize>)> {
    let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let options = needed(job, config);
        match groups.iter_mut().find(|(known, _)| *known == options) {
            Some((_, members)) => members.push(index),
            None => groups.push((options, vec![index])),
        }
    }
    groups
}

/// Submits the members of an array whose folders begin as `place`.
fn submit_array(
    place: &Path,
    mut arguments: Vec<String>,
    members: &[usize],
    at_a_time: usize,
) -> Result<Number, SlurmError> {
    let name = place.to_str().ok_or_else(|| SlurmError::Nameless { path: place.to_owned() })?;
    let numbers: Vec<String> = members.iter().map(ToString::to_string).collect();
    let script = place.with_extension("array");
    std::fs::write(&script, array_script(place)?).map_err(SlurmError::io("write", &script))?;
    arguments.extend([
        format!("--array={}%{at_a_time}", numbers.join(",")),
        "--job-name=olive-trials".into(),
        "--chdir=/".into(),
        format!("--output={}-%a/slurm", name.replace('%', "%%")),
    ]);
    arguments.extend(common());
    arguments.push(script.to_string_lossy().into_owned());
    let submitted = command::submit(arguments);
    // Slurm has its own copy.
    let _ = std::fs::remove_file(&script);
    submitted
}

/// Arguments of `sbatch` for the one job of `folder`.
pub(crate) fn arguments(
    job: &Job,
    config: &SlurmConfig,
    folder: &Folder,
) -> Result<Vec<String>, SlurmError> {
    let place = folder.name()?;
    let mut arguments = needed(job, config);
    arguments.extend([
        format!("--job-name=olive-{}", word(&job.title)),
        format!("--chdir={place}"),
        // Slurm takes a `%` for a pattern.
        format!("--output={}/slurm", place.replace('%', "%%")),
    ]);
    arguments.extend(common());
    arguments.push(format!("{place}/script"));
    Ok(arguments)
}

fn needed(job: &Job, config: &SlurmConfig) -> Vec<String> {
    config.options(job.threads, job.ranks, is_for_gpu(job))
}

fn common() -> [String; 3] {
    ["--open-mode=append".into(), "--requeue".into(), format!("--signal=B:TERM@{WARNING_SECONDS}")]
}

/// What a host that has died has left of these steps would write the same files.
fn end_orphans<'a>(
    jobs: impl IntoIterator<Item = &'a Job>,
    config: &SlurmConfig,
) -> Result<(), SlurmError> {
    for job in jobs {
        for orphan in Folder::orphans(job, config) {
            follow::end_orphan(&orphan)?;
        }
    }
    Ok(())
}

/// Does `work`; when that fails, jobs of `folders` that were submitted are ended, and the folders go:
/// what was never submitted has nothing to tell.
fn all_or_none<T>(
    folders: &[&Folder],
    work: impl FnOnce() -> Result<T, SlurmError>,
) -> Result<T, SlurmError> {
    let done = work();
    if done.is_err() {
        for folder in folders {
            // The first error matters more.
            let _ = follow::end_orphan(folder);
        }
    }
    done
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
    use std::collections::BTreeMap;

    use olive_plugin_api::Job;
    use serde_json::json;

    use super::by_options;
    use crate::config::SlurmConfig;

    fn job(threads: usize, device: &str) -> Job {
        let request = json!({
            "kind": "pass", "name": "Toy", "config": {}, "threads": threads,
            "input": {"type": "HfModel", "model_path": "/m"}, "output_dir": "/o",
            "scratch_dir": "/s",
            "accelerator": {"device": device, "execution_provider": "CPUExecutionProvider"}
        });
        let call = json!({"protocol": "1.0", "call": "run", "plugin": "/p", "request": request});
        Job {
            title: "step".into(),
            program: "/olive".into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            input: call.to_string(),
            folder: "/job".into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            checkpoints: None,
            threads,
            ranks: 1,
        }
    }

    #[test]
    fn jobs_that_ask_for_the_same_are_one_array() {
        let config: SlurmConfig = serde_json::from_value(json!({"work_dir": "/shared"})).unwrap();
        let jobs = [job(1, "cpu"), job(2, "cpu"), job(1, "cpu"), job(1, "gpu")];
        let groups = by_options(&jobs, &config);
        let members: Vec<_> = groups.iter().map(|(_, members)| members.clone()).collect();
        assert_eq!(members, [vec![0, 2], vec![1], vec![3]]);
        assert!(groups[2].0.contains(&"--gres=gpu:1".to_owned()), "{:?}", groups[2].0);
    }
}
