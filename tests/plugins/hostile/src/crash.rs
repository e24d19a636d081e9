//! Acts that end or stop the process, or fill its memory.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crate::Act;

/// Longest time an act goes on when nobody ends it.
pub const BOUND: Duration = Duration::from_mins(1);
/// Memory that is filled when nobody ends it.
const FILLED_BYTES: usize = 3 << 30;

/// Does `act`, when it is one of these.
pub fn act(act: Act) {
    match act {
        Act::Panic => panic!("a panic on purpose"),
        Act::Abort => process::abort(),
        Act::Segfault => segfault(),
        Act::OverflowStack => leave(i32::from(overflow(1) == 0)),
        Act::LoopForever => loop_forever(),
        Act::Allocate => allocate(),
        Act::ExitWithoutAnswer => leave(0),
        _ => {}
    }
}

/// Does what the name of the library says, while the plugin is described.
pub fn while_described(library: &str) {
    if library.contains("hang_in_describe") {
        loop_forever();
    }
    if library.contains("crash_in_describe") {
        segfault();
    }
    if library.contains("exit_in_describe") {
        leave(0);
    }
}

extern "C" fn on_load() {
    if std::env::var("OLIVE_PLUGIN_PATH").is_ok_and(|path| path.contains("crash_on_load")) {
        process::abort();
    }
}

/// Runs while the library is loaded.
// SAFETY: the section holds functions of this type, which the loader calls one by one.
#[cfg(target_os = "linux")]
#[used]
#[expect(unsafe_code, reason = "libraries do such things")]
#[unsafe(link_section = ".init_array")]
static ON_LOAD: extern "C" fn() = on_load;

#[expect(clippy::exit, reason = "that is the act")]
fn leave(code: i32) -> ! {
    process::exit(code)
}

fn segfault() {
    // SAFETY: none; the process ends here, which is the point.
    #[expect(unsafe_code, reason = "plugins are native code")]
    unsafe {
        std::ptr::without_provenance_mut::<u8>(16).write_volatile(1);
    }
}

#[expect(unconditional_recursion, reason = "that is the act")]
fn overflow(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 512]);
    overflow(frame[0] + 1) + frame[511]
}

fn loop_forever() {
    let start = Instant::now();
    while start.elapsed() < BOUND {
        std::hint::spin_loop();
    }
}

fn allocate() {
    let mut blocks = Vec::new();
    while blocks.len() << 24 < FILLED_BYTES {
        blocks.push(vec![1_u8; 1 << 24]);
        thread::sleep(Duration::from_millis(2));
    }
    std::hint::black_box(&blocks);
}
