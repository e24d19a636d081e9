//! Memory that this process uses, where the system tells.

/// Memory of this process that is in use, where the system tells.
pub(crate) fn in_use() -> Option<u64> {
    status("VmRSS:")
}

/// The most that it was.
pub(crate) fn peak() -> Option<u64> {
    status("VmHWM:")
}

/// A line of Linux' `status` of this process, which is in KiB.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_use_is_told_on_linux() {
        if !cfg!(target_os = "linux") {
            println!("skipped: only Linux tells a process what memory it uses");
            return;
        }
        let (now, most) = (in_use().unwrap(), peak().unwrap());
        assert!(now > 1 << 20 && most >= now, "{now} {most}");
    }
}
