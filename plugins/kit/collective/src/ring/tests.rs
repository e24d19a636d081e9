//! Groups of threads, which talk over TCP as processes do.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::*;
use crate::{Backend, join};

const PATIENCE: Duration = Duration::from_secs(20);

fn meeting(dir: &Path) -> Meeting {
    Meeting { dir: dir.to_owned(), hosts: Vec::new(), wait: Duration::from_secs(10) }
}

/// What each of `ranks` ranks makes of its group.
fn together<T: Send>(
    ranks: usize,
    patience: Duration,
    work: impl Fn(Box<dyn Collective>) -> T + Sync,
) -> Vec<T> {
    let dir = tempfile::tempdir().unwrap();
    let (work, meeting) = (&work, &meeting(dir.path()));
    thread::scope(|scope| {
        let start = |rank| {
            scope.spawn(move || {
                work(join(Backend::Tcp, Place { rank, ranks }, meeting, patience).unwrap())
            })
        };
        let threads: Vec<_> = (0..ranks).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn sums_are_those_of_all_ranks_in_the_same_bits_on_each() {
    for ranks in 1..=4 {
        for len in [0, 1, 3, 4, 1001] {
            let value = |rank: usize, place: usize| 0.1 + (rank * 31 + place) as f32 / 7.0;
            let sums = together(ranks, PATIENCE, |mut group| {
                let mut values: Vec<_> = (0..len).map(|at| value(group.rank(), at)).collect();
                group.sum_f32(&mut values).unwrap();
                values
            });
            for sum in &sums {
                assert_eq!(sum, &sums[0]);
            }
            for (place, sum) in sums[0].iter().enumerate() {
                let all: f64 = (0..ranks).map(|rank| f64::from(value(rank, place))).sum();
                assert!((f64::from(*sum) - all).abs() < 1e-4 * all, "{ranks} {len}: {sum} {all}");
            }
        }
    }
}

#[test]
fn figures_are_summed_and_bytes_are_those_of_rank_0() {
    let all = together(3, PATIENCE, |mut group| {
        let mut figures = [1e300, f64::from(u32::try_from(group.rank()).unwrap())];
        group.sum_f64(&mut figures).unwrap();
        let mut bytes = vec![7; group.rank() * 5];
        if group.rank() == 0 {
            bytes = b"checkpoint-4".to_vec();
        }
        group.broadcast(&mut bytes).unwrap();
        (figures, bytes)
    });
    assert!(all.iter().all(|it| *it == ([3e300, 3.0], b"checkpoint-4".to_vec())), "{all:?}");
}

#[test]
fn a_rank_that_ends_is_named_by_all_others() {
    let found = together(4, PATIENCE, |mut group| {
        let mut values = vec![1.0; 100_000];
        group.sum_f32(&mut values).unwrap();
        if group.rank() == 2 {
            return None;
        }
        Some(group.sum_f32(&mut values).unwrap_err().to_string())
    });
    let gone = Some("rank 2 of 4 is gone".to_owned());
    assert_eq!(found, [gone.clone(), gone.clone(), None, gone]);
}

#[test]
fn a_rank_that_hangs_is_named_by_all_others_after_their_patience() {
    let start = Instant::now();
    let found = together(3, Duration::from_secs(1), |mut group| {
        if group.rank() == 1 {
            thread::sleep(Duration::from_secs(6));
            return None;
        }
        group.sum_f32(&mut [1.0; 8]).unwrap_err().rank()
    });
    assert_eq!(found, [Some(1), None, Some(1)]);
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

#[test]
fn who_is_blocked_by_a_lost_rank_waits_no_longer_than_the_others() {
    // More than connections hold: rank 0 is in the middle of sending to rank 1.
    let found = together(3, PATIENCE, |mut group| {
        let start = Instant::now();
        match group.rank() {
            1 => thread::sleep(Duration::from_secs(12)),
            2 => thread::sleep(Duration::from_secs(1)),
            _ => {
                let error = group.sum_f32(&mut vec![1.0; 30_000_000]).unwrap_err();
                return Some((error.rank(), start.elapsed() < Duration::from_secs(9)));
            }
        }
        None
    });
    assert_eq!(found[0], Some((Some(2), true)));
}

#[test]
fn ranks_that_sum_different_things_are_told() {
    let found = together(2, PATIENCE, |mut group| {
        let len = 10 + 2 * group.rank();
        group.sum_f32(&mut vec![0.0; len]).unwrap_err().to_string()
    });
    assert!(found.iter().any(|error| error.contains("computes something else")), "{found:?}");
}

#[test]
fn a_rank_that_does_not_come_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let meeting = Meeting { wait: Duration::from_millis(300), ..meeting(dir.path()) };
    let error = Ring::join(Place { rank: 0, ranks: 3 }, &meeting, PATIENCE).err().unwrap();
    assert_eq!(error.to_string(), "rank 1 of 3 has not come within 0 s");
}

#[test]
fn files_of_an_earlier_group_and_strangers_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let card = format!(r#"{{"hosts": ["127.0.0.1"], "port": {port}, "secret": "old"}}"#);
    for rank in 0..2 {
        fs::write(dir.path().join(format!("rank-{rank}.json")), &card).unwrap();
    }
    thread::spawn(move || {
        for stream in stranger.incoming() {
            drop(stream);
        }
    });
    let meeting = &meeting(dir.path());
    thread::scope(|scope| {
        let join = |rank| {
            scope.spawn(move || {
                let mut group = Ring::join(Place { rank, ranks: 2 }, meeting, PATIENCE).unwrap();
                let mut values = [1.5];
                group.sum_f32(&mut values).unwrap();
                values
            })
        };
        for thread in [join(0), join(1)] {
            assert_eq!(thread.join().unwrap().map(f32::to_bits), [3.0_f32.to_bits()]);
        }
    });
}

#[cfg(unix)]
#[test]
fn a_secret_is_for_the_owner_of_the_folder_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let meeting = Meeting { wait: Duration::ZERO, ..meeting(dir.path()) };
    Ring::join(Place { rank: 0, ranks: 2 }, &meeting, PATIENCE).err().unwrap();
    let mode = fs::metadata(dir.path().join("rank-0.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
