//! How much memory a plugin may fill, and how much it has filled.
//!
//! What counts is memory that cannot be taken away: pages of the process and its children that no
//! file holds. A mapped model counts for nothing, however large; the address space is not limited.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use olive_schemas::size::parse_bytes;

/// Time between two looks at a process.
const PAUSE: Duration = Duration::from_millis(50);
/// How many of the looks go past the children of a process, which cost more to find.
const PLAIN_LOOKS: u32 = 9;
/// Part of the machine's memory that is left to everything else, at least and at most.
const RESERVE: (u64, [u64; 2]) = (16, [256 << 20, 4 << 30]);

static BUDGET: OnceLock<Option<u64>> = OnceLock::new();

/// Sets how many bytes the process of a plugin may fill, for every call from now on.
pub fn set_budget(bytes: u64) {
    // The command line is read once, before the first call.
    let _ = BUDGET.set(Some(bytes));
}

/// How many bytes the process of a plugin may fill: what the user says, else what the machine or
/// the container has, less a reserve. `None` where the system does not tell.
pub fn budget() -> Option<u64> {
    *BUDGET.get_or_init(|| {
        let total = total()?;
        let (part, [least, most]) = RESERVE;
        Some(total.saturating_sub((total / part).clamp(least, most)))
    })
}

/// Watches over the memory of one process and its children.
pub(super) struct Watch {
    process: u32,
    budget: Option<u64>,
    next: Instant,
    looks: u32,
}

impl Watch {
    /// A watch over `process`.
    pub(super) fn over(process: u32) -> Self {
        Self { process, budget: budget(), next: Instant::now(), looks: 0 }
    }

    /// The budget, once it is exceeded.
    pub(super) fn exceeded(&mut self) -> Option<u64> {
        let budget = self.budget?;
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + PAUSE;
        self.looks += 1;
        let own = filled(self.process);
        let is_thorough = self.looks.is_multiple_of(PLAIN_LOOKS + 1);
        let all = if is_thorough { own + filled_by_children(self.process) } else { own };
        (all > budget).then_some(budget)
    }
}

/// Bytes that `process` fills, files left out; 0 where the system does not tell.
fn filled(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    ["RssAnon:", "RssShmem:"].into_iter().filter_map(|name| kilobytes(&status, name)).sum()
}

fn filled_by_children(process: u32) -> u64 {
    let children = super::orphans::children(process);
    children.into_iter().map(|child| filled(child) + filled_by_children(child)).sum()
}

/// Bytes of memory of the machine, or of the container around this process.
pub fn total() -> Option<u64> {
    let machine = kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|path| {
        // `max` and numbers beyond every machine say that there is no limit.
        fs::read_to_string(path).ok()?.trim().parse().ok()
    });
    Some(limits.fold(machine, u64::min))
}

/// Files that may limit the memory of the control groups `groups` (`/proc/self/cgroup`) and of
/// those around them.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let files = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next(), parts.next().unwrap_or_default());
        let (root, name) = match controllers {
            Some("") => ("/sys/fs/cgroup", "memory.max"),
            Some(names) if names.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        let root = Path::new(root);
        let own = root.join(path.trim_start_matches('/'));
        own.ancestors()
            .take_while(|folder| folder.starts_with(root))
            .map(|folder| folder.join(name))
            .collect()
    });
    files.collect()
}

/// The value of the line `name` of a `/proc` table, in bytes.
fn kilobytes(table: &str, name: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

/// Bytes that `text` says: `512MiB`, `8 GB`, `1.5g`; a bare number is bytes.
///
/// # Errors
/// When it is no size, or none that holds a process.
pub fn parse(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text)?;
    if !(1e6..1e18).contains(&bytes) {
        return Err("a process needs some megabytes at least".to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked above"
    )]
    let bytes = bytes as u64;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{filled, limit_files, parse, total};

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("512MiB", 536_870_912),
            ("8 GB", 8_000_000_000),
            ("1.5g", 1_500_000_000),
            ("2000000", 2_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "8 parsecs", "-1GB", "3", "1e9", "9999999999 GB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_looked_for_in_both_kinds_of_control_groups() {
        let files = limit_files("0::/user/session\n4:cpu,memory:/box\n3:cpuset:/\n");
        let expected = [
            "/sys/fs/cgroup/user/session/memory.max",
            "/sys/fs/cgroup/user/memory.max",
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/box/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn filled_memory_is_seen_and_is_less_than_the_machine_has() {
        let total = total().unwrap();
        let before = filled(std::process::id());
        let block = vec![1_u8; 64 << 20];
        let after = filled(std::process::id());
        assert!(block.iter().all(|byte| *byte == 1) && after < total, "{after} of {total}");
        assert!(after >= before + (48 << 20), "{before} → {after}");
    }
}
