//! Why ranks could not go on together.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::backend::Backend;

/// Why ranks could not go on together.
#[derive(Debug, Error)]
pub enum CollectiveError {
    /// A rank did not come to the meeting.
    #[error("rank {rank} of {ranks} has not come within {} s", waited.as_secs())]
    Missing {
        /// The rank.
        rank: usize,
        /// How many there should be.
        ranks: usize,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A rank's process ended, or its machine cannot be reached.
    #[error("rank {rank} of {ranks} is gone")]
    Left {
        /// The rank.
        rank: usize,
        /// How many there were.
        ranks: usize,
    },
    /// A rank said nothing for too long.
    #[error("rank {rank} of {ranks} has been silent for {} s", waited.as_secs())]
    Silent {
        /// The rank.
        rank: usize,
        /// How many there are.
        ranks: usize,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A rank sent something else than was its turn.
    #[error("rank {rank} computes something else: {got} bytes came where {expected} were to come")]
    Differs {
        /// The rank.
        rank: usize,
        /// Bytes that were to come.
        expected: usize,
        /// Bytes that it sent.
        got: u64,
    },
    /// The folder of the meeting cannot be used.
    #[error("ranks cannot meet in `{}`", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The library that carries sums says that it cannot.
    #[error("{backend} says: {message}")]
    Backend {
        /// What carries sums.
        backend: Backend,
        /// What it says.
        message: String,
    },
    /// The library that carries sums does not end, and all ranks are there.
    #[error("{backend} has not ended a sum within {} s, and no rank is missing", waited.as_secs())]
    Stuck {
        /// What carries sums.
        backend: Backend,
        /// How long it was waited for.
        waited: Duration,
    },
    /// What is to carry sums is not part of this build.
    #[error("this build has no {backend}")]
    NotBuilt {
        /// What was to carry sums.
        backend: Backend,
    },
    /// No port could be opened, or no secret made.
    #[error("cannot listen for other ranks")]
    Listen(#[source] io::Error),
}

impl CollectiveError {
    /// The rank that it is about, if it is about one.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::Missing { rank, .. }
            | Self::Left { rank, .. }
            | Self::Silent { rank, .. }
            | Self::Differs { rank, .. } => Some(*rank),
            Self::Folder { .. }
            | Self::Backend { .. }
            | Self::Stuck { .. }
            | Self::NotBuilt { .. }
            | Self::Listen(_) => None,
        }
    }
}
