//! Commands with all their processes, watched while they run.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::figures::median;
use crate::command::{check, start};
use crate::error::ChoreError;

/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(2);

/// What a command and the processes it started took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watched {
    /// Wall time in seconds.
    pub(crate) wall_sec: f64,
    /// Most resident memory of all its processes at one moment, in bytes; not a number where there is
    /// no `/proc`.
    pub(crate) peak_bytes: f64,
    /// The same without the pages of files.
    pub(crate) peak_anon_bytes: f64,
    /// Largest resident memory that one of its processes ever had, in bytes.
    pub(crate) peak_process_bytes: f64,
}

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, Default)]
struct Memory {
    resident: f64,
    anonymous: f64,
    highest: f64,
}

/// Runs `command` to its end, quietly.
pub(crate) fn run(command: &mut Command) -> Result<Watched, ChoreError> {
    let begin = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(start(command))?;
    let mut watched = Watched::default();
    let status = loop {
        watched.look(child.id());
        if let Some(status) = child.try_wait().map_err(start(command))? {
            break status;
        }
        thread::sleep(EVERY);
    };
    watched.wall_sec = begin.elapsed().as_secs_f64();
    check(command, status, "its output is not kept; run it by hand to see it".into())?;
    Ok(watched)
}

impl Watched {
    fn look(&mut self, process: u32) {
        let all: Vec<_> = family(process).into_iter().filter_map(memory).collect();
        let sum = |of: fn(&Memory) -> f64| all.iter().map(of).sum::<f64>() * 1024.0;
        self.peak_bytes = self.peak_bytes.max(sum(|memory| memory.resident));
        self.peak_anon_bytes = self.peak_anon_bytes.max(sum(|memory| memory.anonymous));
        let highest = all.iter().map(|memory| memory.highest * 1024.0);
        self.peak_process_bytes = highest.fold(self.peak_process_bytes, f64::max);
    }

    /// The median of each figure.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(&runs.iter().map(figure).collect::<Vec<_>>());
        Self {
            wall_sec: of(|run| run.wall_sec),
            peak_bytes: of(|run| run.peak_bytes),
            peak_anon_bytes: of(|run| run.peak_anon_bytes),
            peak_process_bytes: of(|run| run.peak_process_bytes),
        }
    }

    /// These figures as multiples of those of `other`.
    pub(crate) fn over(&self, other: &Self) -> String {
        format!(
            "{:.1} x the time, {:.1} x the memory ({:.1} x without pages of files)",
            self.wall_sec / other.wall_sec,
            self.peak_bytes / other.peak_bytes,
            self.peak_anon_bytes / other.peak_anon_bytes,
        )
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        write!(
            f,
            "{:.2} s, peak {:.0} MiB ({:.0} without pages of files; largest process {:.0})",
            self.wall_sec,
            mib(self.peak_bytes),
            mib(self.peak_anon_bytes),
            mib(self.peak_process_bytes),
        )
    }
}

/// A process and all that descend from it.
fn family(process: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(id) = id else { continue };
        // The name of the program is in parentheses and may hold anything.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' '));
        if let Some(parent) = fields.and_then(|mut fields| fields.nth(1)?.parse().ok()) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut family = vec![process];
    let mut next = 0;
    while let Some(member) = family.get(next) {
        family.extend(children.remove(member).unwrap_or_default());
        next += 1;
    }
    family
}

fn memory(process: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().ok()
    };
    Some(Memory {
        resident: figure("VmRSS")?,
        anonymous: figure("RssAnon")?,
        highest: figure("VmHWM")?,
    })
}
