//! Acts that say too much, or in the wrong place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use olive_plugin_api::{LogLevel, StepContext};

use crate::Act;
use crate::crash::BOUND;

/// Does `act`, when it is one of these.
pub fn act(act: Act, ctx: &StepContext<'_>) {
    match act {
        Act::CloseStandardStreams => close(0..3),
        Act::CloseEverything => {
            close(3..4096);
            crate::crash::act(Act::LoopForever);
        }
        Act::PrintGarbage => print_garbage(),
        Act::WriteGarbageToHost => to_host(b"\xff\xfe not a message\n{\"done\": \n[1,2\n\n", 100),
        Act::WriteEndlessLineToHost => to_host(&vec![b'x'; 1 << 20], 100),
        Act::LogWithoutEnd => log_without_end(ctx),
        Act::ProgressWithoutEnd => {
            for done in 0..200_000 {
                ctx.progress("step", done, 10, &[("loss", 0.5)]);
            }
        }
        Act::PrintErrorsWithoutEnd => print_errors_without_end(),
        _ => {}
    }
}

/// Closes what is not its own.
#[cfg(unix)]
fn close(numbers: std::ops::Range<i32>) {
    for number in numbers {
        // SAFETY: none for the owners of the descriptors, which is the point.
        #[expect(unsafe_code, reason = "plugins are native code")]
        unsafe {
            libc::close(number);
        }
    }
}

#[cfg(not(unix))]
fn close(_numbers: std::ops::Range<i32>) {}

fn print_garbage() {
    let mut out = io::stdout();
    let _ = out.write_all(b"{\"event\": \"log\", \"level\": \"error\", \"message\": \"forged\"}\n");
    let _ = out.write_all(&[0xff; 4096]);
    let _ = out.flush();
}

/// Writes `bytes` so many times to every pipe that is open but standard error.
fn to_host(bytes: &[u8], times: usize) {
    for mut pipe in pipes() {
        for _ in 0..times {
            let _ = pipe.write_all(bytes);
        }
    }
}

fn pipes() -> Vec<File> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let is_pipe = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("pipe:"))
    };
    let stderr = fs::read_link("/proc/self/fd/2").ok();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_pipe(path) && fs::read_link(path).ok() != stderr)
        .filter_map(|path| OpenOptions::new().write(true).open(path).ok())
        .collect()
}

fn log_without_end(ctx: &StepContext<'_>) {
    let line = "a line of log that nobody asked for ".repeat(28);
    for _ in 0..100_000 {
        ctx.log(LogLevel::Warning, &line);
    }
}

fn print_errors_without_end() {
    let start = Instant::now();
    let block = vec![b'e'; 1 << 16];
    while start.elapsed() < BOUND {
        let _ = io::stderr().write_all(&block);
    }
}
