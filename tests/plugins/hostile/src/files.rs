//! Acts with files that are not the step's own, and answers that name them.

use std::fs;
use std::io;

use olive_plugin_api::{Model, StepContext};

use crate::{Act, HostileConfig};

/// Does what `config` says, when it is one of these.
pub fn act(config: &HostileConfig, input: &Model, ctx: &StepContext<'_>) -> io::Result<()> {
    let weights = input.model_path.join("weights");
    let output = ctx.output_dir();
    match config.act {
        Act::WriteOutside => fs::write(&config.target, "written by a plugin"),
        Act::DeleteInput => fs::remove_file(weights),
        Act::ChangeInput => {
            let _ = open_up(&weights);
            fs::write(weights, "other weights")
        }
        Act::AddToInput => fs::write(input.model_path.join("extra"), "of a plugin"),
        Act::LinkInput => fs::hard_link(weights, output.join("linked")),
        Act::LeavePipe => special::pipe(&output.join("left")),
        Act::LeaveSocket => special::socket(&output.join("left")),
        Act::LeaveLink => special::link("weights", &output.join("left")),
        Act::ReplaceOutput => {
            fs::remove_dir_all(output)?;
            special::link(&config.target.to_string_lossy(), output)
        }
        _ => Ok(()),
    }
}

/// Changes the answer as `config` says.
pub fn answer(model: &mut Model, config: &HostileConfig, ctx: &StepContext<'_>) -> io::Result<()> {
    let output = ctx.output_dir();
    match config.act {
        Act::AnswerWithTarget => model.model_path.clone_from(&config.target),
        Act::AnswerWithDots => model.model_path = output.join("../../.."),
        Act::AnswerWithLink => {
            let link = output.join("model");
            special::link(&config.target.to_string_lossy(), &link)?;
            model.model_path = link;
        }
        Act::AnswerWithRelativePath => model.model_path = "output".into(),
        Act::AnswerWithForeignGraph => {
            model.onnx_file_name = Some(config.target.to_string_lossy().into_owned());
        }
        _ => {}
    }
    Ok(())
}

/// Makes a file writable again.
fn open_up(path: &std::path::Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "that is the act")]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

#[cfg(unix)]
mod special {
    use std::ffi::CString;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixDatagram;
    use std::path::Path;

    pub(super) fn link(to: &str, path: &Path) -> io::Result<()> {
        symlink(to, path)
    }

    pub(super) fn socket(path: &Path) -> io::Result<()> {
        // The name of a socket is short; the folder's is not.
        let folder = path.parent().unwrap_or(path);
        std::env::set_current_dir(folder)?;
        UnixDatagram::bind(path.file_name().unwrap_or_default()).map(|_| ())
    }

    pub(super) fn pipe(path: &Path) -> io::Result<()> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: `name` is a string that ends with NUL.
        #[expect(unsafe_code, reason = "plugins are native code")]
        let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
        if made == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(not(unix))]
mod special {
    use std::io;
    use std::path::Path;

    pub(super) fn link(_to: &str, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn socket(_path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn pipe(_path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
