//! What carries the sums of a group.

use std::fmt;

/// What carries the sums of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// TCP, between processors.
    #[default]
    Tcp,
    /// The site's MPI, between processors, with the feature `mpi`.
    ///
    /// A launcher that it knows must have started the ranks, such as `srun --mpi=pmix`.
    Mpi,
    /// NVIDIA's NCCL, between the first GPUs that the ranks see, with the feature `nccl`.
    ///
    /// Values are in the memory of processors before and after, where they are added too.
    Nccl,
}

impl Backend {
    /// Whether this build has it.
    pub const fn is_built(self) -> bool {
        match self {
            Self::Tcp => true,
            Self::Mpi => cfg!(feature = "mpi"),
            Self::Nccl => cfg!(feature = "nccl"),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Mpi => "MPI",
            Self::Nccl => "NCCL",
        })
    }
}
