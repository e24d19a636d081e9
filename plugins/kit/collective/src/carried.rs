//! A ring whose parts a library carries, while TCP watches over the ranks.
//!
//! Such libraries end a process, or wait for ever, when a rank is lost, and do not say which. So
//! ranks meet and agree over TCP before each sum, look at those connections while the library is at
//! work, and call the roll when it takes too long. The sum is that of [`Ring`] to the last bit:
//! only who carries its parts is another.

use std::time::{Duration, Instant};

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use crate::Collective;
use crate::backend::Backend;
use crate::carrier::{Carrier, Courier, Parcel};
use crate::error::CollectiveError;
use crate::ring::{Addable, Ring, sum};

/// Time between two looks at the connections.
const LOOK: Duration = Duration::from_millis(20);

/// A group whose sums a library carries.
#[derive(Debug)]
pub(crate) struct Carried {
    ring: Ring,
    backend: Backend,
    courier: Courier,
    /// The last parcel, whose room is used again.
    spare: Parcel,
}

impl Carried {
    /// Has the library connect the ranks of `ring`.
    ///
    /// # Errors
    /// When it does not, or a rank is lost before it has.
    pub(crate) fn join(
        ring: Ring,
        backend: Backend,
        connect: impl FnOnce() -> Result<Box<dyn Carrier>, String> + Send + 'static,
    ) -> Result<Self, CollectiveError> {
        let watch = ring.watch()?;
        ring.agree(0)?;
        ring.listen_only(true)?;
        let courier = Courier::start(connect, move || watch.is_whole());
        let mut group = Self { ring, backend, courier, spare: Parcel::default() };
        group.wait()?;
        group.ring.listen_only(false)?;
        Ok(group)
    }

    fn sum<T: Addable>(&mut self, values: &mut [T]) -> Result<(), CollectiveError> {
        self.ring.agree(size_of_val(values))?;
        self.ring.listen_only(true)?;
        sum(self.ring.place(), values, |send, receive| self.exchange(send, receive))?;
        self.ring.listen_only(false)
    }

    fn exchange<T: Pod>(&mut self, send: &[T], receive: &mut [T]) -> Result<(), CollectiveError> {
        let mut parcel = std::mem::take(&mut self.spare);
        parcel.send.clear();
        parcel.send.extend_from_slice(cast_slice(send));
        parcel.receive.resize(size_of_val(receive), 0);
        self.courier.order(parcel);
        let parcel = self.wait()?;
        cast_slice_mut(receive).copy_from_slice(&parcel.receive);
        self.spare = parcel;
        Ok(())
    }

    /// What the library has brought.
    fn wait(&mut self) -> Result<Parcel, CollectiveError> {
        let start = Instant::now();
        loop {
            let answer = self.courier.answer(LOOK);
            if let Some(Ok(parcel)) = answer {
                return Ok(parcel);
            }
            if let Some(lost) = self.ring.lost_one()? {
                return Err(lost);
            }
            if let Some(Err(message)) = answer {
                return Err(self.failed(message));
            }
            if start.elapsed() > self.ring.patience() {
                return Err(self.ring.call_the_roll().err().unwrap_or(CollectiveError::Stuck {
                    backend: self.backend,
                    waited: self.ring.patience(),
                }));
            }
        }
    }

    /// The error about what the library says: that a rank is lost, when one is.
    fn failed(&self, message: String) -> CollectiveError {
        let start = Instant::now();
        while start.elapsed() < crate::ring::NEWS {
            match self.ring.lost_one() {
                Ok(None) => std::thread::sleep(LOOK),
                Ok(Some(error)) | Err(error) => return error,
            }
        }
        CollectiveError::Backend { backend: self.backend, message }
    }
}

impl Collective for Carried {
    fn rank(&self) -> usize {
        self.ring.rank()
    }

    fn ranks(&self) -> usize {
        self.ring.ranks()
    }

    fn sum_f32(&mut self, values: &mut [f32]) -> Result<(), CollectiveError> {
        self.sum(values)
    }

    fn sum_f64(&mut self, values: &mut [f64]) -> Result<(), CollectiveError> {
        self.sum(values)
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError> {
        self.ring.broadcast(bytes)
    }

    fn end(&mut self) -> Result<(), CollectiveError> {
        self.ring.agree(0)?;
        self.ring.listen_only(true)?;
        self.courier.end();
        self.wait()?;
        self.ring.listen_only(false)?;
        // Who leaves first would look lost to who still waits for the library.
        self.ring.agree(0)
    }
}

#[cfg(test)]
mod tests;
