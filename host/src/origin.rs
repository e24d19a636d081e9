//! Where a run comes from: the command, the config, what is read, and the machine.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::thread;

use olive_schemas::origin::{InputFile, Machine, Origin, Provenance};

use crate::config::{CheckedWorkflow, Source};
use crate::plan::Plan;
use crate::plugin::digest::Digests;
use crate::plugin::process::memory;
use crate::store::Store;

/// The origin of the run of `plan`, which `checked`, the config of the text `source`, asks for.
pub fn of(source: &Source, checked: &CheckedWorkflow, plan: &Plan) -> Origin {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Origin {
        arguments: env::args_os().skip(1).map(|word| text(Path::new(&word))).collect(),
        working_dir: env::current_dir().map(|folder| text(&folder)).unwrap_or_default(),
        config_path: text(&source.path),
        config: source.text.clone(),
        inputs: inputs(checked, plan),
        machine: machine(),
    }
}

/// The model, its adapter and the data files of `plan`, each once.
fn inputs(checked: &CheckedWorkflow, plan: &Plan) -> Vec<InputFile> {
    let provenance = |path: &Path| -> Option<Provenance> {
        let local = checked.local().iter().find(|local| path.starts_with(&local.path))?;
        Some(local.provenance.clone())
    };
    // Planning has digested every file of it, so that this reads what is remembered.
    let mut digests = Digests::open(Store::new(&plan.cache_dir).digests_path());
    let mut files: BTreeMap<String, InputFile> = BTreeMap::new();
    for (name, data) in plan.steps.iter().flat_map(|step| &step.data_configs) {
        let name = if data.name.is_empty() { name } else { &data.name };
        for file in &data.load_dataset_config.data_files {
            let path = file.display().to_string();
            let Ok(digest) = digests.path(file) else { continue };
            let role = format!("data {name}");
            let provenance = provenance(file);
            files.entry(path.clone()).or_insert(InputFile { role, path, digest, provenance });
        }
    }
    let model = InputFile {
        role: "input model".into(),
        path: plan.input.model.model_path.display().to_string(),
        digest: plan.input.digest.clone(),
        provenance: provenance(&plan.input.model.model_path),
    };
    let adapter = plan.input.model.adapter_path.as_deref().and_then(|path| {
        Some(InputFile {
            role: "adapter".into(),
            path: path.display().to_string(),
            digest: digests.path(path).ok()?,
            provenance: provenance(path),
        })
    });
    std::iter::once(model).chain(adapter).chain(files.into_values()).collect()
}

fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).ok();
    let release = read("/proc/sys/kernel/osrelease").map(|release| format!(" {}", release.trim()));
    let (system, architecture) = (env::consts::OS, env::consts::ARCH);
    let processor = read("/proc/cpuinfo").and_then(|table| processor(&table));
    Machine {
        system: format!("{system}{}, {architecture}", release.unwrap_or_default()),
        processor: processor.or_else(|| env::var("PROCESSOR_IDENTIFIER").ok()),
        num_processors: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: memory::total(),
    }
}

/// The processor that `/proc/cpuinfo` names, when it names one.
fn processor(table: &str) -> Option<String> {
    let line = table.lines().find_map(|line| line.strip_prefix("model name"))?;
    let name = line.trim_start().strip_prefix(':')?.trim();
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{machine, processor};

    #[test]
    fn the_machine_is_told() {
        let machine = machine();
        assert!(machine.num_processors > 0 && machine.system.contains(std::env::consts::ARCH));
    }

    #[test]
    fn the_processor_has_a_name_where_the_system_gives_one() {
        let table = "processor\t: 0\nmodel\t\t: 106\nmodel name\t: Some CPU @ 2.8 GHz\n";
        assert_eq!(processor(table).as_deref(), Some("Some CPU @ 2.8 GHz"));
        assert_eq!(processor("processor\t: 0\nBogoMIPS\t: 50\n"), None);
    }
}
