//! Ranks in a ring: each receives from the previous one and sends to the next.

use std::net::{Shutdown, TcpStream};
use std::ops::{AddAssign, Range};
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::Pod;

use crate::Collective;
use crate::error::CollectiveError;
use crate::link::{self, Broken, Frame};
use crate::rendezvous::{Meeting, Neighbours, Place};

#[cfg(any(feature = "mpi", feature = "nccl", test))]
mod watch;

/// How long news of the rank that was truly lost is waited for.
pub(crate) const NEWS: Duration = Duration::from_secs(2);

/// A number that ranks sum.
pub(crate) trait Addable: Pod + AddAssign {}

impl<T: Pod + AddAssign> Addable for T {}

/// A group over TCP.
#[derive(Debug)]
pub(crate) struct Ring {
    place: Place,
    from_previous: TcpStream,
    to_next: TcpStream,
    patience: Duration,
}

impl Ring {
    /// Meets the other ranks, of which there is one at least.
    ///
    /// `patience` is how long a rank may be waited for later on.
    ///
    /// # Errors
    /// When ranks cannot meet in the folder, or do not come in time.
    pub(crate) fn join(
        place: Place,
        meeting: &Meeting,
        patience: Duration,
    ) -> Result<Self, CollectiveError> {
        let Neighbours { from_previous, to_next } = meeting.neighbours(place)?;
        for stream in [&from_previous, &to_next] {
            link::prepare(stream, patience).map_err(CollectiveError::Listen)?;
        }
        Ok(Self { place, from_previous, to_next, patience })
    }

    /// Sends to the next rank while it receives from the previous one.
    fn exchange<T: Pod>(&self, send: &[T], receive: &mut [T]) -> Result<(), CollectiveError> {
        let send: &[u8] = bytemuck::cast_slice(send);
        let (sent, received) = thread::scope(|scope| {
            let sending = scope.spawn(|| link::send(&self.to_next, send));
            let received = self.receive(bytemuck::cast_slice_mut(receive));
            if received.is_err() {
                self.stop_sending(|| sending.is_finished());
            }
            (sending.join().unwrap_or(Err(Broken::Gone)), received)
        });
        received.map_err(|trouble| self.told(self.place.previous(), trouble))?;
        sent.map_err(|broken| self.told(self.place.next(), Trouble::Broken(broken)))
    }

    /// A frame of the length of `bytes` from the previous rank.
    fn receive(&self, bytes: &mut [u8]) -> Result<(), Trouble> {
        match link::receive(&self.from_previous).map_err(Trouble::Broken)? {
            Frame::Data(got) if got == bytes.len() as u64 => {
                link::receive_data(&self.from_previous, bytes).map_err(Trouble::Broken)
            }
            Frame::Data(got) => Err(Trouble::Differs { expected: bytes.len(), got }),
            Frame::Lost(rank) => Err(Trouble::Lost(rank)),
        }
    }

    /// Lets a rank that reads take what is sent, and waits for no other one.
    fn stop_sending(&self, has_ended: impl Fn() -> bool) {
        let start = Instant::now();
        while !has_ended() {
            if start.elapsed() > NEWS {
                // What is sent fails by this.
                let _ = self.to_next.shutdown(Shutdown::Write);
                return;
            }
            thread::sleep(NEWS / 100);
        }
    }

    /// The error about what came of the neighbour `rank`, after the next rank has been told.
    fn told(&self, rank: usize, trouble: Trouble) -> CollectiveError {
        match trouble {
            Trouble::Broken(broken) => self.lost(rank, broken),
            Trouble::Lost(rank) => self.hand_on(rank),
            Trouble::Differs { expected, got } => {
                link::send_lost(&self.to_next, rank);
                CollectiveError::Differs { rank, expected, got }
            }
        }
    }

    /// Tells the next rank that `rank`, a neighbour, is lost, and hears whether that is only since
    /// it has lost another one.
    fn lost(&self, rank: usize, broken: Broken) -> CollectiveError {
        link::send_lost(&self.to_next, rank);
        let mut culprit = None;
        if self.from_previous.set_read_timeout(Some(NEWS)).is_ok() {
            while let Ok(frame) = link::receive(&self.from_previous) {
                match frame {
                    Frame::Lost(rank) => culprit = Some(self.hand_on(rank)),
                    Frame::Data(len) if link::pass_over(&self.from_previous, len).is_err() => break,
                    Frame::Data(_) => {}
                }
            }
        }
        let Place { ranks, .. } = self.place;
        culprit.unwrap_or(match broken {
            Broken::Gone => CollectiveError::Left { rank, ranks },
            Broken::Silent => CollectiveError::Silent { rank, ranks, waited: self.patience },
        })
    }

    /// The error about a rank that the previous one has lost, told to the next one.
    fn hand_on(&self, rank: u64) -> CollectiveError {
        let rank = usize::try_from(rank).unwrap_or(usize::MAX);
        if rank != self.place.next() {
            link::send_lost(&self.to_next, rank);
        }
        CollectiveError::Left { rank, ranks: self.place.ranks }
    }
}

/// What keeps a frame from coming.
#[derive(Clone, Copy)]
enum Trouble {
    /// The connection.
    Broken(Broken),
    /// News that this rank is lost.
    Lost(u64),
    /// A frame of another length.
    Differs { expected: usize, got: u64 },
}

impl Collective for Ring {
    fn rank(&self) -> usize {
        self.place.rank
    }

    fn ranks(&self) -> usize {
        self.place.ranks
    }

    fn sum_f32(&mut self, values: &mut [f32]) -> Result<(), CollectiveError> {
        sum(self.place, values, |send, receive| self.exchange(send, receive))
    }

    fn sum_f64(&mut self, values: &mut [f64]) -> Result<(), CollectiveError> {
        sum(self.place, values, |send, receive| self.exchange(send, receive))
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError> {
        let is_first = self.place.rank == 0;
        let is_last = self.place.next() == 0;
        let previous = self.place.previous();
        if !is_first {
            let mut length = [0; size_of::<u64>()];
            self.receive(&mut length).map_err(|trouble| self.told(previous, trouble))?;
            let length = u64::from_le_bytes(length);
            *bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            self.receive(bytes).map_err(|trouble| self.told(previous, trouble))?;
        }
        if !is_last {
            let length = (bytes.len() as u64).to_le_bytes();
            let sent =
                link::send(&self.to_next, &length).and_then(|()| link::send(&self.to_next, bytes));
            sent.map_err(|broken| self.told(self.place.next(), Trouble::Broken(broken)))?;
        }
        Ok(())
    }
}

/// The ring's all-reduce: parts are summed while they go round once, and handed on while the sums
/// go round again. `exchange` sends to the next rank what it is given, and receives as much as the
/// second slice holds from the previous one.
///
/// Part `p` is summed in the order of the ranks, from `p` on: every bit of it follows from the values
/// and the number of ranks, and all ranks get those of one.
pub(crate) fn sum<T: Addable>(
    Place { rank, ranks }: Place,
    values: &mut [T],
    mut exchange: impl FnMut(&[T], &mut [T]) -> Result<(), CollectiveError>,
) -> Result<(), CollectiveError> {
    let parts: Vec<_> = (0..ranks).map(|number| part(values.len(), ranks, number)).collect();
    let behind = |steps: usize| parts[(rank + 2 * ranks - steps) % ranks].clone();
    let mut received = vec![T::zeroed(); parts[0].len()];
    for turn in 0..ranks - 1 {
        let into = behind(turn + 1);
        let received = &mut received[..into.len()];
        exchange(&values[behind(turn)], received)?;
        for (value, more) in values[into].iter_mut().zip(received) {
            *value += *more;
        }
    }
    for turn in 0..ranks - 1 {
        let into = behind(turn);
        let received = &mut received[..into.len()];
        // At first the part that this rank was the last to add to.
        exchange(&values[behind(turn + ranks - 1)], received)?;
        values[into].copy_from_slice(received);
    }
    Ok(())
}

/// Part `number` of `len` values cut into `parts`; the first ones are the longest.
fn part(len: usize, parts: usize, number: usize) -> Range<usize> {
    let (whole, rest) = (len / parts, len % parts);
    let start = |number: usize| number * whole + number.min(rest);
    start(number)..start(number + 1)
}

#[cfg(test)]
mod tests;
