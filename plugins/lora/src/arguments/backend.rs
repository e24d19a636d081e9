//! What carries the sums of several ranks.

use olive_kit_collective::Backend;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What carries the sums of several ranks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DdpBackend {
    /// TCP, as Gloo does on most machines.
    #[default]
    Gloo,
    /// The site's MPI, in a plugin that was built with it.
    Mpi,
    /// NVIDIA's NCCL between GPUs, in a plugin that was built with it.
    Nccl,
}

impl DdpBackend {
    /// The one of the group.
    pub(crate) const fn backend(self) -> Backend {
        match self {
            Self::Gloo => Backend::Tcp,
            Self::Mpi => Backend::Mpi,
            Self::Nccl => Backend::Nccl,
        }
    }
}
