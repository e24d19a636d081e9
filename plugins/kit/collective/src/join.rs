//! From processes to a group.

use std::time::Duration;

use crate::Collective;
use crate::alone::Alone;
use crate::backend::Backend;
use crate::error::CollectiveError;
use crate::rendezvous::{Meeting, Place};
use crate::ring::Ring;

/// Meets the other ranks, all of which choose the same `backend`; a group of one meets nobody.
///
/// `patience` is how long a rank may be waited for later on: longer than the slowest of them
/// computes between two sums.
///
/// # Errors
/// When ranks cannot meet in the folder or do not come in time, when the build has no such backend,
/// or when its library does not connect them.
pub fn join(
    backend: Backend,
    place: Place,
    meeting: &Meeting,
    patience: Duration,
) -> Result<Box<dyn Collective>, CollectiveError> {
    if place.ranks <= 1 {
        return Ok(Box::new(Alone));
    }
    if !backend.is_built() {
        return Err(CollectiveError::NotBuilt { backend });
    }
    let ring = Ring::join(place, meeting, patience)?;
    match backend {
        Backend::Tcp => Ok(Box::new(ring)),
        Backend::Mpi => by_mpi(ring),
        Backend::Nccl => by_nccl(ring),
    }
}

#[cfg(feature = "mpi")]
fn by_mpi(ring: Ring) -> Result<Box<dyn Collective>, CollectiveError> {
    use crate::carried::Carried;
    use crate::mpi::Mpi;

    let place = ring.place();
    let connect = move || Ok(Box::new(Mpi::connect(place)?) as _);
    Ok(Box::new(Carried::join(ring, Backend::Mpi, connect)?))
}

#[cfg(not(feature = "mpi"))]
fn by_mpi(_: Ring) -> Result<Box<dyn Collective>, CollectiveError> {
    Err(CollectiveError::NotBuilt { backend: Backend::Mpi })
}

#[cfg(feature = "nccl")]
fn by_nccl(mut ring: Ring) -> Result<Box<dyn Collective>, CollectiveError> {
    use crate::carried::Carried;
    use crate::nccl::{self, Nccl};

    let place = ring.place();
    let mut id = Vec::new();
    if place.rank == 0 {
        let message = |message| CollectiveError::Backend { backend: Backend::Nccl, message };
        id = nccl::new_id().map_err(message)?;
    }
    ring.broadcast(&mut id)?;
    let connect = move || Ok(Box::new(Nccl::connect(place, &id)?) as _);
    Ok(Box::new(Carried::join(ring, Backend::Nccl, connect)?))
}

#[cfg(not(feature = "nccl"))]
fn by_nccl(_: Ring) -> Result<Box<dyn Collective>, CollectiveError> {
    Err(CollectiveError::NotBuilt { backend: Backend::Nccl })
}
