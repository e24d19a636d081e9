//! What a ring does while a library carries its parts: it agrees before, and looks whether all
//! ranks are there meanwhile.

use std::net::TcpStream;
use std::time::Duration;

use super::{Ring, Trouble};
use crate::error::CollectiveError;
use crate::link::{self, Broken, Frame};
use crate::rendezvous::Place;

/// How long ranks that wait for a library have to answer when the roll is called. All of them have
/// begun to wait at about the same time.
const ROLL: Duration = Duration::from_secs(10);

/// What tells at once whether both neighbours are there, while [`Ring::listen_only`] holds.
#[derive(Debug)]
pub(crate) struct Watch {
    from_previous: TcpStream,
    to_next: TcpStream,
}

impl Watch {
    /// Whether no rank is lost, as far as this one can know.
    pub(crate) fn is_whole(&self) -> bool {
        link::is_quiet(&self.from_previous) && link::is_quiet(&self.to_next)
    }
}

impl Ring {
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// One that another thread may have.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub(crate) fn watch(&self) -> Result<Watch, CollectiveError> {
        let copy = |stream: &TcpStream| stream.try_clone().map_err(CollectiveError::Listen);
        Ok(Watch { from_previous: copy(&self.from_previous)?, to_next: copy(&self.to_next)? })
    }

    /// Waits for all ranks, each of which is to sum as many bytes.
    ///
    /// # Errors
    /// When a rank is gone, silent, or is to sum something else.
    pub(crate) fn agree(&self, bytes: usize) -> Result<(), CollectiveError> {
        let Place { rank, ranks } = self.place;
        let mut said = bytes as u64;
        let mut differing = None;
        for steps in 1..ranks {
            let mut heard = [0];
            self.exchange(&[said], &mut heard)?;
            said = heard[0];
            if said != bytes as u64 && differing.is_none() {
                differing = Some(((rank + ranks - steps) % ranks, said));
            }
        }
        match differing {
            Some((rank, got)) => Err(CollectiveError::Differs { rank, expected: bytes, got }),
            None => Ok(()),
        }
    }

    /// Nothing is sent or received but news, and no look at it waits.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen_only(&self, only: bool) -> Result<(), CollectiveError> {
        let mut streams = [&self.from_previous, &self.to_next].into_iter();
        streams.try_for_each(|it| it.set_nonblocking(only)).map_err(CollectiveError::Listen)
    }

    /// The error about a rank that is lost, if one is; asked while [`Ring::listen_only`] holds,
    /// which it ends then.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn lost_one(&self) -> Result<Option<CollectiveError>, CollectiveError> {
        let (previous, next) = (self.place.previous(), self.place.next());
        if !link::is_quiet(&self.from_previous) {
            self.listen_only(false)?;
            let trouble = match link::receive(&self.from_previous) {
                Ok(Frame::Lost(rank)) => Trouble::Lost(rank),
                Ok(Frame::Data(got)) => Trouble::Differs { expected: 0, got },
                Err(broken) => Trouble::Broken(broken),
            };
            return Ok(Some(self.told(previous, trouble)));
        }
        if !link::is_quiet(&self.to_next) {
            self.listen_only(false)?;
            return Ok(Some(self.told(next, Trouble::Broken(Broken::Gone))));
        }
        Ok(None)
    }

    /// Whether all ranks answer; asked by all, after as long a time of [`Ring::listen_only`].
    ///
    /// # Errors
    /// The one that does not.
    pub(crate) fn call_the_roll(&self) -> Result<(), CollectiveError> {
        self.listen_only(false)?;
        let limited = self.from_previous.set_read_timeout(Some(ROLL.min(self.patience)));
        limited.map_err(CollectiveError::Listen)?;
        self.agree(0)
    }
}
