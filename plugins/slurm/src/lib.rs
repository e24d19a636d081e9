//! Steps as jobs of a Slurm cluster.
//!
//! A job is the very worker that would run on this machine, started by a script on a node. All that
//! is known of it lies in a folder of `work_dir`, which this machine and the nodes share:
//!
//! ```text
//! host ─submit→ script, input ─sbatch→ Slurm ─→ node: job.sh ─→ worker
//!      ←logs──── out, err ◀─────────────────────────────────────┤
//!      ←poll──── code, the word of the worker; then scontrol, sacct
//!      ←collect─ files: what the node wrote, and how large it is
//! ```
//!
//! A step is done when its worker says so, whatever the scheduler thinks; what the scheduler says
//! only explains why a word is missing.
//!
//! System [`Slurm`].

mod slurm;
mod config;
// A job, from its folder to its state.
mod submit;
mod rehearsal;
mod script;
mod folder;
mod follow;
mod verdict;
mod record;
// The cluster.
mod probe;
mod command;
mod error;

pub use config::SlurmConfig;
pub use error::SlurmError;
pub use slurm::Slurm;

olive_plugin_api::export_plugin! {
    systems: [Slurm]
}
