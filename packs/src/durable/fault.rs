//! Points at which a test can stop the program for good.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a test wants.
enum Wish {
    Nothing,
    /// To know the points.
    Count,
    /// That the program ends before the point with this number, from 1.
    DieBefore(u64),
}

static WISH: LazyLock<Wish> = LazyLock::new(|| match env::var("OLIVE_FAULT_POINT") {
    Ok(text) if text == "count" => Wish::Count,
    Ok(text) => text.parse().map_or(Wish::Nothing, Wish::DieBefore),
    Err(_) => Wish::Nothing,
});
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Something is about to be changed on the disk: `action` at `path`.
pub(super) fn point(action: &str, path: &Path) {
    if !cfg!(debug_assertions) {
        return;
    }
    let number = || PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    match *WISH {
        Wish::Nothing => {}
        Wish::Count => {
            let (number, path) = (number(), path.display());
            let _ = writeln!(io::stderr(), "fault point {number}: {action} {path}");
        }
        Wish::DieBefore(last) => {
            if number() == last {
                die();
            }
        }
    }
}

/// Ends the program without a chance to clean up.
fn die() -> ! {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}
