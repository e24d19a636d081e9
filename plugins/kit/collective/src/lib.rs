//! Processes that compute together, as ranks of a group.
//!
//! [`Collective`] is what a training asks of its group: sums of numbers over all ranks, and bytes
//! of rank 0 for everyone. [`join`] makes one: ranks find each other by files in a folder that all
//! of them see ([`Meeting`]), and pass what they sum from neighbour to neighbour (Patarasuk and Yuan,
//! "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009), so that each sends
//! `2 (n - 1) / n` of it. TCP carries that, MPI or NCCL ([`Backend`]).
//!
//! A sum has the same bits on all ranks, and the same again for as many ranks, whatever carries it.
//! A rank that is gone, or silent for too long, is named on every other one.
//!
//! In reading order: what a group does ([`Collective`]), how ranks meet, how two of them talk, the
//! ring they form, libraries that carry its parts.

mod alone;
mod backend;
#[cfg(any(feature = "mpi", feature = "nccl", test))]
mod carried;
#[cfg(any(feature = "mpi", feature = "nccl", test))]
mod carrier;
mod error;
mod join;
mod link;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(feature = "nccl")]
mod nccl;
mod rendezvous;
mod ring;

pub use alone::Alone;
pub use backend::Backend;
pub use error::CollectiveError;
pub use join::join;
pub use rendezvous::{Meeting, Place};

/// A group of processes that all call the same methods in the same order.
pub trait Collective: Send {
    /// Which one this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn ranks(&self) -> usize;

    /// Replaces each value by its sum over all ranks.
    ///
    /// # Errors
    /// When a rank is gone or silent, or calls something else; the values are then of no use.
    fn sum_f32(&mut self, values: &mut [f32]) -> Result<(), CollectiveError>;

    /// Replaces each value by its sum over all ranks.
    ///
    /// # Errors
    /// As [`Collective::sum_f32`].
    fn sum_f64(&mut self, values: &mut [f64]) -> Result<(), CollectiveError>;

    /// Replaces `bytes` by those of rank 0.
    ///
    /// # Errors
    /// As [`Collective::sum_f32`].
    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError>;

    /// Takes leave, after which nothing is summed any more; launchers of some libraries count a
    /// process that ends without it as failed.
    ///
    /// # Errors
    /// As [`Collective::sum_f32`].
    fn end(&mut self) -> Result<(), CollectiveError> {
        Ok(())
    }
}
