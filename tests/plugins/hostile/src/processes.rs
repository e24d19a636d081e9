//! Acts with other processes.

use olive_plugin_api::StepContext;

use crate::Act;

/// Does `act`, when it is one of these.
#[cfg(unix)]
pub fn act(act: Act, ctx: &StepContext<'_>) {
    match act {
        Act::Fork => unix::leave_behind(ctx, false),
        Act::ForkAndLeaveGroup => unix::leave_behind(ctx, true),
        Act::KillHost => unix::kill_host(),
        _ => {}
    }
}

/// Does nothing: there are no such processes here.
#[cfg(not(unix))]
pub fn act(_act: Act, _ctx: &StepContext<'_>) {}

#[cfg(unix)]
#[expect(unsafe_code, reason = "plugins are native code")]
mod unix {
    use olive_plugin_api::{LogLevel, StepContext};

    /// Seconds a process that is left behind lives at most.
    const BOUND: libc::c_uint = 60;

    /// Starts a process that keeps everything open which the worker has open.
    pub(super) fn leave_behind(ctx: &StepContext<'_>, leaves_group: bool) {
        let mut ends = [0; 2];
        // SAFETY: `ends` holds two descriptors; the child calls nothing but system calls.
        let process = unsafe {
            libc::pipe(ends.as_mut_ptr());
            if libc::fork() == 0 {
                if leaves_group {
                    libc::setsid();
                    if libc::fork() != 0 {
                        libc::_exit(0);
                    }
                }
                let own = libc::getpid();
                libc::write(ends[1], std::ptr::from_ref(&own).cast(), size_of_val(&own));
                libc::sleep(BOUND);
                libc::_exit(0);
            }
            let mut process: libc::pid_t = 0;
            libc::read(ends[0], std::ptr::from_mut(&mut process).cast(), size_of_val(&process));
            process
        };
        ctx.log(LogLevel::Warning, format!("left process {process}"));
    }

    pub(super) fn kill_host() {
        // SAFETY: a system call without memory.
        unsafe {
            libc::kill(libc::getppid(), libc::SIGKILL);
        }
    }
}
