//! Groups of threads whose parts go through channels, and libraries that fail in all ways.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;

use super::*;
use crate::rendezvous::{Meeting, Place};

const PATIENCE: Duration = Duration::from_secs(20);

/// A library that carries what it is given.
struct Pipe {
    to_next: Sender<Vec<u8>>,
    from_previous: Receiver<Vec<u8>>,
}

impl Carrier for Pipe {
    fn exchange(
        &mut self,
        mut parcel: Parcel,
        is_whole: &dyn Fn() -> bool,
    ) -> Result<Parcel, String> {
        // A rank that is gone takes nothing.
        let _ = self.to_next.send(parcel.send.clone());
        while is_whole() {
            match self.from_previous.recv_timeout(Duration::from_millis(1)) {
                Ok(bytes) => {
                    parcel.receive.copy_from_slice(&bytes);
                    return Ok(parcel);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err("no more bytes".into()),
            }
        }
        Err("a rank is lost".into())
    }

    fn end(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

/// A library that never comes back.
struct Hole;

impl Carrier for Hole {
    fn exchange(&mut self, _: Parcel, _: &dyn Fn() -> bool) -> Result<Parcel, String> {
        loop {
            thread::park();
        }
    }

    fn end(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

fn ring(rank: usize, ranks: usize, dir: &Path, patience: Duration) -> Ring {
    let wait = Duration::from_secs(10);
    let meeting = Meeting { dir: dir.to_owned(), hosts: Vec::new(), wait };
    Ring::join(Place { rank, ranks }, &meeting, patience).unwrap()
}

/// What each of `ranks` ranks makes of its ring and of its pipe to the next one.
fn with_pipes<T: Send>(
    ranks: usize,
    patience: Duration,
    work: impl Fn(Ring, Pipe) -> T + Sync,
) -> Vec<T> {
    let dir = tempfile::tempdir().unwrap();
    let (senders, mut receivers): (Vec<_>, Vec<_>) = (0..ranks).map(|_| mpsc::channel()).unzip();
    receivers.rotate_right(1);
    let (work, dir) = (&work, dir.path());
    thread::scope(|scope| {
        let start = |(rank, (to_next, from_previous))| {
            let pipe = Pipe { to_next, from_previous };
            scope.spawn(move || work(ring(rank, ranks, dir, patience), pipe))
        };
        let threads: Vec<_> = senders.into_iter().zip(receivers).enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn carried(ring: Ring, pipe: Pipe) -> Carried {
    Carried::join(ring, Backend::Mpi, move || Ok(Box::new(pipe))).unwrap()
}

/// Values whose sum is another one in another order.
fn values(rank: usize, len: usize) -> Vec<f32> {
    let value = |at: usize| ((rank * 7919 + at * 104_729) % 1009) as f32 / 3.0;
    (0..len).map(value).collect()
}

#[test]
fn sums_have_the_bits_of_those_over_tcp() {
    for ranks in 2..=4 {
        for len in [0, 1, 3, 1001] {
            let sums = with_pipes(ranks, PATIENCE, |mut ring, pipe| {
                let (mut plain, mut other) = (values(ring.rank(), len), values(ring.rank(), len));
                ring.sum_f32(&mut plain).unwrap();
                let mut group = carried(ring, pipe);
                group.sum_f32(&mut other).unwrap();
                let mut figures = [1e300, group.rank() as f64];
                group.sum_f64(&mut figures).unwrap();
                let expected = (ranks * (ranks - 1) / 2) as f64;
                assert_eq!(figures[1].to_bits(), expected.to_bits());
                let mut bytes = vec![7; group.rank()];
                group.broadcast(&mut bytes).unwrap();
                assert!(bytes.is_empty());
                group.end().unwrap();
                let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
                (bits(plain), bits(other))
            });
            let (first, _): &(Vec<u32>, Vec<u32>) = &sums[0];
            assert!(sums.iter().all(|(plain, other)| plain == first && other == first));
        }
    }
}

#[test]
fn a_rank_that_ends_in_the_middle_of_a_sum_is_named_by_all_others() {
    let found = with_pipes(4, PATIENCE, |ring, pipe| {
        let mut group = carried(ring, pipe);
        group.sum_f32(&mut [1.0; 100]).unwrap();
        if group.rank() == 2 {
            group.ring.agree(400).unwrap();
            return None;
        }
        Some(group.sum_f32(&mut [1.0; 100]).unwrap_err().to_string())
    });
    let gone = Some("rank 2 of 4 is gone".to_owned());
    assert_eq!(found, [gone.clone(), gone.clone(), None, gone]);
}

#[test]
fn a_rank_that_hangs_in_the_middle_of_a_sum_is_named_after_the_patience_of_the_others() {
    let found = with_pipes(3, Duration::from_secs(1), |ring, pipe| {
        let mut group = carried(ring, pipe);
        if group.rank() == 1 {
            group.ring.agree(32).unwrap();
            thread::sleep(Duration::from_secs(6));
            return None;
        }
        group.sum_f32(&mut [1.0; 8]).unwrap_err().rank()
    });
    assert_eq!(found, [Some(1), None, Some(1)]);
}

#[test]
fn a_library_that_never_ends_is_waited_for_no_longer_than_a_rank() {
    let found = with_pipes(2, Duration::from_secs(1), |ring, _| {
        let mut group = Carried::join(ring, Backend::Mpi, || Ok(Box::new(Hole))).unwrap();
        group.sum_f32(&mut [1.0; 8]).unwrap_err().to_string()
    });
    let stuck = "MPI has not ended a sum within 1 s, and no rank is missing";
    assert_eq!(found, [stuck, stuck]);
}

#[test]
fn what_keeps_a_library_from_connecting_is_said_by_the_rank_and_the_rank_by_the_others() {
    let found = with_pipes(2, PATIENCE, |ring, pipe| {
        let rank = ring.rank();
        let connect = move || {
            if rank == 1 { Err("no such network".to_owned()) } else { Ok(Box::new(pipe) as _) }
        };
        let mut group = Carried::join(ring, Backend::Mpi, connect)?;
        group.sum_f32(&mut [1.0; 8])
    });
    let found: Vec<_> = found.into_iter().map(|result| result.unwrap_err().to_string()).collect();
    assert_eq!(found, ["rank 1 of 2 is gone", "MPI says: no such network"]);
}

#[test]
fn a_library_that_is_not_there_is_told_in_its_own_words() {
    let found = with_pipes(2, PATIENCE, |ring, _| {
        let connect = || panic!("cannot load `libnccl`");
        Carried::join(ring, Backend::Nccl, connect).map(drop).unwrap_err()
    });
    let is_told = |error: &CollectiveError| {
        let text = error.to_string();
        text == "NCCL says: cannot load `libnccl`" || text.ends_with("of 2 is gone")
    };
    assert!(found.iter().all(is_told), "{found:?}");
    assert!(found.iter().any(|error| error.rank().is_none()), "{found:?}");
}
