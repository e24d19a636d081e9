//! Ranks that `mpirun` starts, and that sum over MPI.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a rank fails by panicking, and says to `mpirun` what it does"
)]

use std::path::Path;
use std::process::{Command, ExitStatus, abort};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use olive_kit_collective::{Backend, Collective, CollectiveError, Meeting, Place, join};

/// Folder where ranks meet and leave what they found, for a rank.
const FOLDER: &str = "OLIVE_TEST_FOLDER";
/// File there that says who stops.
const PID: &str = "pid";
/// What a rank does.
const PART: &str = "OLIVE_TEST_PART";

/// How long ranks wait for one another.
const PATIENCE: Duration = Duration::from_secs(4);

/// Starts `ranks` processes that each do `part`; gives what they found, empty for nothing.
fn ranks(ranks: usize, part: &str) -> (Vec<String>, ExitStatus) {
    let folder = tempfile::tempdir().unwrap();
    let mut mpirun = Command::new("mpirun");
    mpirun.args(["-n", &ranks.to_string()]).arg(env::current_exe().unwrap());
    mpirun.args(["--exact", "one_rank", "--ignored", "--nocapture"]);
    // Open MPI starts no more ranks than there are cores, and none for root, unless it is told to;
    // and it ends all when one has failed.
    for (name, value) in [
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
        ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
        ("OMPI_MCA_orte_enable_recovery", "1"),
    ] {
        mpirun.env(name, value);
    }
    mpirun.env(FOLDER, folder.path()).env(PART, part);
    let output = mpirun.output().unwrap();
    let found =
        |rank| fs::read_to_string(folder.path().join(format!("{rank}"))).unwrap_or_default();
    let found: Vec<_> = (0..ranks).map(found).collect();
    if found.iter().all(String::is_empty) {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    (found, output.status)
}

fn group(
    backend: Backend,
    place: Place,
    dir: &Path,
) -> Result<Box<dyn Collective>, CollectiveError> {
    let meeting = Meeting { dir: dir.to_owned(), hosts: Vec::new(), wait: PATIENCE };
    join(backend, place, &meeting, PATIENCE)
}

/// The bits of sums of all sizes.
fn sums(group: &mut dyn Collective) -> String {
    let lines = [0, 1, 2, 1000, 300_001].map(|len| {
        let value = |at: usize| ((group.rank() * 7919 + at * 104_729) % 1009) as f32 / 3.0;
        let mut values: Vec<f32> = (0..len).map(value).collect();
        group.sum_f32(&mut values).unwrap();
        let mut figures = [0.1, group.rank() as f64];
        group.sum_f64(&mut figures).unwrap();
        let bits = values.iter().map(|value| u64::from(value.to_bits()));
        let bits = bits.chain(figures.map(f64::to_bits));
        let digest = bits.fold(7_u64, |all, bits| all.wrapping_mul(0x0100_0000_01b3) ^ bits);
        format!("{len}: {digest:x}")
    });
    let mut bytes = vec![7; group.rank() * 5];
    if group.rank() == 0 {
        bytes = b"checkpoint-4".to_vec();
    }
    group.broadcast(&mut bytes).unwrap();
    [lines.join("\n"), String::from_utf8(bytes).unwrap()].join("\n")
}

/// Sums until that fails; gives what is said.
fn sum_on(group: &mut dyn Collective) -> String {
    let mut values = vec![1.0; 3_000_000];
    loop {
        if let Err(error) = group.sum_f32(&mut values) {
            return error.to_string();
        }
    }
}

fn signal(name: &str, pid: &str) {
    Command::new("kill").args([name, pid]).status().unwrap();
}

#[test]
#[ignore = "a child of the other tests"]
fn one_rank() {
    let number = |names: [&str; 2]| {
        let told = names.iter().find_map(|name| env::var(name).ok());
        told.unwrap().parse().unwrap()
    };
    let rank = number(["OMPI_COMM_WORLD_RANK", "PMI_RANK"]);
    let ranks = number(["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"]);
    let dir = env::var_os(FOLDER).unwrap();
    let dir = Path::new(&dir);
    let part = env::var(PART).unwrap();
    let told = if part == "confused" { ranks - 1 - rank } else { rank };
    let mut group = match group(Backend::Mpi, Place { rank: told, ranks }, dir) {
        Ok(group) => group,
        Err(error) => return fs::write(dir.join(format!("{rank}")), error.to_string()).unwrap(),
    };
    let later = |end: fn()| {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(700));
            end();
        });
    };
    match part.as_str() {
        "dies" if rank == 1 => later(|| abort()),
        "stops" if rank == 1 => {
            fs::write(dir.join(PID), std::process::id().to_string()).unwrap();
            later(|| signal("-STOP", &std::process::id().to_string()));
        }
        _ => {}
    }
    let found = match part.as_str() {
        "sums" => sums(&mut *group),
        _ => sum_on(&mut *group),
    };
    fs::write(dir.join(format!("{rank}")), found).unwrap();
    match part.as_str() {
        "sums" => group.end().unwrap(),
        // `mpirun` waits for the rank that is stopped, which is not needed when the last one has
        // found that it is.
        "stops" if rank == 0 => {
            let start = Instant::now();
            while !dir.join("2").exists() && start.elapsed() < PATIENCE {
                thread::sleep(PATIENCE / 100);
            }
            signal("-KILL", &fs::read_to_string(dir.join(PID)).unwrap());
        }
        _ => {}
    }
}

#[test]
fn sums_have_the_bits_of_those_over_tcp() {
    for ranks in [2, 3] {
        let (found, status) = self::ranks(ranks, "sums");
        assert!(status.success(), "{status}: {found:?}");
        let dir = tempfile::tempdir().unwrap();
        let over_tcp = |rank| {
            let mut group = group(Backend::Tcp, Place { rank, ranks }, dir.path()).unwrap();
            sums(&mut *group)
        };
        let expected: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> =
                (0..ranks).map(|rank| scope.spawn(move || over_tcp(rank))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(found, expected);
    }
}

#[test]
fn a_rank_that_dies_is_named_by_all_others() {
    let (found, _) = ranks(3, "dies");
    assert_eq!(found, ["rank 1 of 3 is gone", "", "rank 1 of 3 is gone"]);
}

#[test]
fn a_rank_that_stops_is_named_after_the_patience_of_the_others() {
    let start = Instant::now();
    let (found, _) = ranks(3, "stops");
    assert!(found[0].starts_with("rank 1 of 3 "), "{found:?}");
    assert!(found[2].starts_with("rank 1 of 3 "), "{found:?}");
    assert_eq!(found[1], "");
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
}

#[test]
fn ranks_that_are_numbered_otherwise_than_by_mpi_say_so() {
    let (found, _) = ranks(2, "confused");
    let expected = "MPI says: this process is rank 0 of 2, and rank 1 of 2 for its system";
    assert!(found.iter().any(|said| said.starts_with(expected)), "{found:?}");
}
