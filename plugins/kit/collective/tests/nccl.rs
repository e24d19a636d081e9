//! Ranks that sum over NCCL, each on a GPU of its own. No machine has run this yet.

#![expect(clippy::unwrap_used, reason = "a rank fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use olive_kit_collective::{Backend, Meeting, Place, join};

/// Folder where ranks meet and leave their sums, for a rank.
const FOLDER: &str = "OLIVE_TEST_FOLDER";
/// Which rank it is.
const RANK: &str = "OLIVE_TEST_RANK";
const RANKS: usize = 2;

fn sums(backend: Backend, rank: usize, dir: &Path) -> Vec<u32> {
    let wait = Duration::from_mins(1);
    let meeting = Meeting { dir: dir.to_owned(), hosts: Vec::new(), wait };
    let mut group = join(backend, Place { rank, ranks: RANKS }, &meeting, wait).unwrap();
    let value = |at: usize| ((rank * 7919 + at * 104_729) % 1009) as f32 / 3.0;
    let mut all = Vec::new();
    for len in [1, 2, 1000, 300_001] {
        let mut values: Vec<f32> = (0..len).map(value).collect();
        group.sum_f32(&mut values).unwrap();
        all.extend(values.into_iter().map(f32::to_bits));
    }
    group.end().unwrap();
    all
}

#[test]
#[ignore = "a child of the other test"]
fn one_rank() {
    let dir = env::var_os(FOLDER).unwrap();
    let rank = env::var(RANK).unwrap().parse().unwrap();
    let sums = sums(Backend::Nccl, rank, Path::new(&dir));
    let words: Vec<_> = sums.iter().map(|bits| format!("{bits:x}")).collect();
    fs::write(Path::new(&dir).join(format!("{rank}")), words.join(" ")).unwrap();
}

#[test]
fn sums_have_the_bits_of_those_over_tcp() {
    if !(0..RANKS).all(|gpu| Path::new(&format!("/dev/nvidia{gpu}")).exists()) {
        println!("skipped: there are no {RANKS} NVIDIA GPUs");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let start = |rank: usize| {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "one_rank", "--ignored"]).stdout(Stdio::null());
        child.env(FOLDER, dir.path()).env(RANK, rank.to_string());
        child.env("CUDA_VISIBLE_DEVICES", rank.to_string()).spawn().unwrap()
    };
    let children: Vec<_> = (0..RANKS).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let folder = tempfile::tempdir().unwrap();
    let tcp = folder.path();
    let expected: Vec<Vec<u32>> = thread::scope(|scope| {
        let over_tcp = |rank| scope.spawn(move || sums(Backend::Tcp, rank, tcp));
        let threads: Vec<_> = (0..RANKS).map(over_tcp).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (rank, expected) in expected.iter().enumerate() {
        let text = fs::read_to_string(dir.path().join(format!("{rank}"))).unwrap();
        let found: Vec<u32> =
            text.split_whitespace().map(|bits| u32::from_str_radix(bits, 16).unwrap()).collect();
        assert!(found == *expected, "rank {rank}");
    }
}
