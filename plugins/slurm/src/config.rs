//! Settings of a cluster, and the options of `sbatch` they become.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds before its time limit at which a job is asked to write a checkpoint and to end.
pub(crate) const WARNING_SECONDS: u64 = 60;

/// Settings of the `Slurm` system.
#[derive(Debug, Clone, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-olive-ranks" = "ranks",
    "x-olive-threads" = "cpus",
    "x-olive-memory" = "mem"
))]
pub struct SlurmConfig {
    /// Folder that this machine and all nodes see under the same path.
    ///
    /// Scripts, input and logs of jobs lie there while they run. The cache folder, the models, the
    /// data and Olive itself must be on shared disks too.
    #[schemars(extend("x-olive-path" = "output"))]
    pub work_dir: PathBuf,
    /// Partition that jobs are sent to; the cluster's default when left out.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^[\w.,-]+$"),
        extend("patternErrorMessage" = "a partition that `sinfo` lists")
    )]
    pub partition: Option<String>,
    /// Account that jobs are charged to; the user's default when left out.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^[\w.-]+$"),
        extend("patternErrorMessage" = "the name of an account")
    )]
    pub account: Option<String>,
    /// Quality of service; the account's default when left out.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^[\w.-]+$"),
        extend("patternErrorMessage" = "the name of a quality of service")
    )]
    pub qos: Option<String>,
    /// Longest time a job may run, such as `2:00:00`; the partition's limit when left out.
    ///
    /// Minutes, `hours:minutes:seconds`, or `days-hours`. A minute before the end a step is asked to
    /// write a checkpoint, so that the next run goes on there.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^([0-9]+(:[0-9]{1,2}){0,2}|[0-9]+-[0-9]{1,2}(:[0-9]{1,2}){0,2})$"),
        extend("patternErrorMessage" = "minutes, or a time such as `2:00:00` or `1-12`")
    )]
    pub time: Option<String>,
    /// Nodes of a job. `ranks` are spread over them; the one worker of another step runs on the
    /// first.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub nodes: u32,
    /// Workers that train together, for the passes that can; each has processors of its own.
    ///
    /// A step takes a micro-batch of each, so that 2 ranks train as one process with micro-batches
    /// twice as large.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub ranks: u32,
    /// Processors of each worker of a job, and threads of a step there; else `--threads`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cpus: Option<u32>,
    /// Memory of a job on each node, such as `16G`; the partition's default when left out.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^[0-9]+[KMGT]?$"),
        extend("patternErrorMessage" = "megabytes, or a size such as `16G`")
    )]
    pub mem: Option<String>,
    /// Generic resources of a job on each node, such as `gpu:a100:1`.
    ///
    /// When left out, a step for a GPU asks for one for each of its workers on a node, another step
    /// for nothing. Workers of a node share its GPUs evenly.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^[\w.,:=()/-]+$"),
        extend("patternErrorMessage" = "resources such as `gpu:1`")
    )]
    pub gres: Option<String>,
    /// Lines of bash that prepare the node before the worker starts, such as `module load cuda`.
    ///
    /// Each is a whole command; one that fails ends the step. They end up in a file of `work_dir`:
    /// write no secret here.
    #[serde(default)]
    pub setup: Vec<String>,
}

fn one() -> u32 {
    1
}

impl SlurmConfig {
    /// Options of `sbatch` that say what a job of `ranks` workers with `threads` each needs, and
    /// where it goes.
    pub(crate) fn options(&self, threads: usize, ranks: usize, is_for_gpu: bool) -> Vec<String> {
        let per_node = ranks.div_ceil(self.nodes.max(1) as usize);
        let cpus = self.cpus.map_or(threads, |cpus| cpus as usize);
        let gpu = || is_for_gpu.then(|| format!("gpu:{per_node}"));
        let mut options = self.destination();
        options.extend([
            format!("--nodes={}", self.nodes),
            format!("--ntasks-per-node={per_node}"),
            format!("--cpus-per-task={cpus}"),
        ]);
        options.extend(self.time.iter().map(|time| format!("--time={time}")));
        options.extend(self.mem.iter().map(|mem| format!("--mem={mem}")));
        options.extend(self.gres.clone().or_else(gpu).map(|gres| format!("--gres={gres}")));
        options
    }

    /// Options of `sbatch` that say where a job goes.
    pub(crate) fn destination(&self) -> Vec<String> {
        [("partition", &self.partition), ("account", &self.account), ("qos", &self.qos)]
            .into_iter()
            .filter_map(|(name, value)| Some(format!("--{name}={}", value.as_ref()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::SlurmConfig;

    fn options(settings: &Value, is_for_gpu: bool) -> String {
        let config: SlurmConfig = serde_json::from_value(settings.clone()).unwrap();
        config.options(4, config.ranks as usize, is_for_gpu).join(" ")
    }

    #[test]
    fn every_setting_reaches_sbatch() {
        let plain = "--nodes=1 --ntasks-per-node=1 --cpus-per-task=4";
        let rows = [
            (json!({}), false, plain.to_owned()),
            (json!({"partition": "long"}), false, format!("--partition=long {plain}")),
            (
                json!({"account": "lab", "qos": "low"}),
                false,
                format!("--account=lab --qos=low {plain}"),
            ),
            (json!({"time": "1-12"}), false, format!("{plain} --time=1-12")),
            (
                json!({"nodes": 2, "cpus": 8}),
                false,
                "--nodes=2 --ntasks-per-node=1 --cpus-per-task=8".into(),
            ),
            (
                json!({"nodes": 2, "ranks": 3}),
                false,
                "--nodes=2 --ntasks-per-node=2 --cpus-per-task=4".into(),
            ),
            (json!({"mem": "16G"}), false, format!("{plain} --mem=16G")),
            (json!({"gres": "gpu:a100:2"}), true, format!("{plain} --gres=gpu:a100:2")),
            (json!({}), true, format!("{plain} --gres=gpu:1")),
            (
                json!({"nodes": 2, "ranks": 4}),
                true,
                "--nodes=2 --ntasks-per-node=2 --cpus-per-task=4 --gres=gpu:2".into(),
            ),
        ];
        for (mut settings, is_for_gpu, expected) in rows {
            settings["work_dir"] = "/shared".into();
            assert_eq!(options(&settings, is_for_gpu), expected);
        }
    }
}
