//! Which of the processes that train together this is, and how it meets the others.

use std::env;
use std::fs;
use std::time::Duration;

use olive_kit_collective::{Backend, Collective, Meeting, Place};
use olive_plugin_api::StepContext;

use crate::error::LoraError;

/// Variables that hold the number of this process, the first that is set counting.
const NUMBER: [&str; 2] = ["OLIVE_RANK", "SLURM_PROCID"];

/// Variables that hold names of this machine for other machines.
const HOSTS: [&str; 2] = ["OLIVE_RANK_HOST", "SLURMD_NODENAME"];

/// Folder inside the scratch folder, which all ranks share.
const MEETING: &str = "ranks";

/// Which process of how many this is.
///
/// # Errors
/// When there are several and no variable tells.
pub(crate) fn place(ctx: &StepContext<'_>) -> Result<Place, LoraError> {
    let ranks = ctx.ranks();
    if ranks == 1 {
        return Ok(Place { rank: 0, ranks });
    }
    let told = NUMBER.iter().find_map(|name| env::var(name).ok());
    let rank = told.as_ref().and_then(|told| told.parse().ok()).filter(|&rank| rank < ranks);
    rank.map(|rank| Place { rank, ranks }).ok_or(LoraError::Rank { ranks, told })
}

/// The group of all processes that train together by `backend`, each waiting `patience` for the
/// others.
///
/// # Errors
/// When one of them does not come, or the backend does not connect them.
pub(crate) fn join(
    backend: Backend,
    place: Place,
    patience: Duration,
    ctx: &StepContext<'_>,
) -> Result<Box<dyn Collective>, LoraError> {
    let mut hosts: Vec<_> = HOSTS.iter().filter_map(|name| env::var(name).ok()).collect();
    let own = fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
    hosts.extend(own.or_else(|_| env::var("HOSTNAME")));
    let meeting = Meeting { dir: ctx.scratch_dir().join(MEETING), hosts, wait: patience };
    Ok(olive_kit_collective::join(backend, place, &meeting, patience)?)
}
