//! Steps on this machine, in an environment of their own: a container, a Python environment.
//!
//! A job is the very worker that would run here, started by a script that the job's folder holds.
//! That folder is all that is known of it:
//!
//! ```text
//! host ─submit→ in, script ─→ container or process ─→ job.sh ─→ worker
//!      ←logs──── out, err ◀───────────────────────────────────────┤
//!      ←poll──── code, the word of the worker; then what the engine or the system knows
//! ```
//!
//! A step is done when its worker says so; what the engine of containers says only explains why a
//! word is missing. Files have the same paths inside and outside, so nothing is copied.
//!
//! Systems [`Docker`] and [`PythonEnvironment`].

mod docker;
mod python;
// What jobs of both have.
mod script;
mod folder;
mod program;
mod error;

pub use docker::{Docker, DockerConfig, Engine, RunParams};
pub use error::EnvironmentError;
pub use python::{PythonEnvironment, PythonEnvironmentConfig};

olive_plugin_api::export_plugin! {
    systems: [Docker, PythonEnvironment]
}
