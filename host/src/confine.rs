//! What a worker gives up before it loads a plugin: writing anywhere but where its call allows,
//! signals to strangers, core files.
//!
//! On Linux the kernel holds this, through Landlock, as far as its version can; reading stays free,
//! and so do devices that compute. Elsewhere, and where the kernel has no Landlock, a plugin can
//! write what its user can: the host then still refuses results of steps whose inputs have changed
//! (`engine/inputs.rs`), but undoes nothing.

use std::path::PathBuf;

use olive_schemas::protocol::Call;
use olive_schemas::step::StepKind;

/// Variable that switches the confinement off, for plugins and drivers that need more.
const VARIABLE: &str = "OLIVE_CONFINE";

/// How far the worker is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confinement {
    /// Nothing but the call's folders can be written.
    Full,
    /// Less than [`Self::Full`]: the kernel is older.
    Partial,
    /// Not at all: the kernel cannot do it.
    Impossible,
    /// Not at all: the user or the kind of call says so.
    Waived,
}

impl Confinement {
    /// What a plugin author should know of it.
    pub(crate) fn note(self) -> Option<&'static str> {
        match self {
            Self::Full | Self::Waived => None,
            Self::Partial => {
                Some("this kernel keeps the plugin from writing elsewhere only in part")
            }
            Self::Impossible => Some("this system does not keep the plugin from writing elsewhere"),
        }
    }
}

/// Confines this process and everything it will start to what `call` needs.
///
/// Called before the first further thread starts: threads that run already stay free.
pub(crate) fn confine(call: &Call) -> Confinement {
    match folders(call) {
        Some(folders) => to(&folders),
        None => {
            prepare();
            Confinement::Waived
        }
    }
}

/// Confines this process and everything it will start, so that it can write below `folders` only.
pub(crate) fn to(folders: &[PathBuf]) -> Confinement {
    prepare();
    let is_off = std::env::var_os(VARIABLE).is_some_and(|value| value == "off");
    if is_off { Confinement::Waived } else { system::confine(folders) }
}

fn prepare() {
    leave_no_core();
    be_the_first_to_go();
}

/// The folders that `call` writes to; none when it may write everywhere.
pub(crate) fn folders(call: &Call) -> Option<Vec<PathBuf>> {
    let request = match call {
        Call::Describe { .. } => return Some(Vec::new()),
        Call::Prepare { request, .. } | Call::Run { request, .. } => request,
    };
    // A system starts steps elsewhere, by means that nobody can foresee.
    let is_free = request.kind == StepKind::System;
    let folders = [&request.output_dir, &request.scratch_dir].into_iter();
    let optional = request.checkpoint_dir.iter().chain(&request.shared_dir);
    (!is_free).then(|| folders.chain(optional).cloned().collect())
}

/// A crashed plugin leaves no copy of its memory in the user's folder.
fn leave_no_core() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}

/// When the machine runs out of memory, the system ends the worker before the host.
fn be_the_first_to_go() {
    #[cfg(target_os = "linux")]
    {
        let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    }
}

#[cfg(target_os = "linux")]
mod system {
    //! Confinement by Landlock.

    use std::fs;
    use std::path::PathBuf;

    use landlock::{
        ABI, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
        Scope, path_beneath_rules,
    };

    use super::Confinement;

    /// Newest version of Landlock that this file knows; older kernels do what they can.
    const KNOWN: ABI = ABI::V6;
    /// Devices a program writes to without leaving anything.
    const DEVICES: [&str; 7] = [
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
        "/dev/tty",
        // Thread names and the like of the worker itself.
        "/proc/self",
    ];
    /// Beginnings of the names in `/dev` of devices that compute.
    const COMPUTING: [&str; 6] = ["nvidia", "dri", "kfd", "accel", "dxg", "davinci"];
    /// Memory that processes share, which is no file of anybody.
    const SHARED: &str = "/dev/shm";

    pub(super) fn confine(folders: &[PathBuf]) -> Confinement {
        match restrict(folders) {
            Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
            Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
            Ok(RulesetStatus::NotEnforced) | Err(_) => Confinement::Impossible,
        }
    }

    fn restrict(folders: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
        let everything = AccessFs::from_write(KNOWN) & !AccessFs::IoctlDev;
        let existing = AccessFs::WriteFile | AccessFs::Truncate;
        let devices = DEVICES.into_iter().map(PathBuf::from).chain(computing());
        let created = Ruleset::default()
            .handle_access(everything)?
            .scope(Scope::Signal)?
            .create()?
            .add_rules(path_beneath_rules(folders, everything))?
            .add_rules(path_beneath_rules([SHARED], everything))?
            .add_rules(path_beneath_rules(devices, existing))?;
        Ok(created.restrict_self()?.ruleset)
    }

    /// Graphics cards and their like.
    fn computing() -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
        let is_computing = |name: &str| COMPUTING.iter().any(|begin| name.starts_with(begin));
        entries
            .filter(move |entry| entry.file_name().to_str().is_some_and(is_computing))
            .map(|entry| entry.path())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Nothing that confines.

    use std::path::PathBuf;

    use super::Confinement;

    pub(super) fn confine(_folders: &[PathBuf]) -> Confinement {
        Confinement::Impossible
    }
}
