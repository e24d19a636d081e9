//! What a job finds beside its inputs: the call, and the script that prepares for it.

use olive_kit_programs::shell::quoted;
use olive_plugin_api::Job;

use crate::AzureError;
use crate::layout::{Layout, inputs, number_of};

/// Name of the script that starts the worker.
pub(crate) const LAUNCHER: &str = "launch.sh";
/// The script.
pub(crate) const LAUNCH: &str = include_str!("launch.sh");
/// Name under which the program lies beside it.
pub(crate) const PROGRAM: &str = "olive";

/// Files of the call by name.
///
/// # Errors
/// When the job's input is no call.
pub(crate) fn files(job: &Job, layout: &Layout) -> Result<[(&'static str, String); 2], AzureError> {
    Ok([("call.json", layout.line_there(&job.input)?), ("prepare.sh", prepare(job, layout))])
}

/// The command of a job whose inputs with these numbers have files.
pub(crate) fn command(layout: &Layout, sent: &[usize]) -> String {
    let input = |number: &usize| {
        let number = number_of(*number);
        format!(" {number} \"${{{{inputs.in_{number}}}}}\"")
    };
    let inputs: Vec<_> = sent.iter().map(input).collect();
    format!(
        "sh {LAUNCHER} '{}' \"${{{{inputs.call}}}}\" \"${{{{outputs.result}}}}\"{}",
        layout.root,
        inputs.concat()
    )
}

/// Folders, variables and arguments of the worker, as a shell sets them.
fn prepare(job: &Job, layout: &Layout) -> String {
    let mut lines = Vec::new();
    for (_, path) in inputs(job).filter(|(_, path)| path.is_dir()) {
        // One without files is not sent.
        lines.push(format!("mkdir -p {}", quoted(&layout.there(&path.to_string_lossy()))));
    }
    for output in &job.outputs {
        lines.push(format!("mkdir -p {}", quoted(&layout.there(&output.to_string_lossy()))));
    }
    if let Some(checkpoints) = &job.checkpoints {
        let there = quoted(&layout.there(&checkpoints.to_string_lossy()));
        lines.push("mkdir -p \"$result/checkpoints\" || exit 90".into());
        lines.push(
            "[ ! -d \"$call/checkpoints\" ] || \
             cp -R \"$call/checkpoints/.\" \"$result/checkpoints/\" || exit 90"
                .into(),
        );
        lines.push(format!("ln -s \"$result/checkpoints\" {there} || exit 90"));
    }
    for (name, value) in &job.environment {
        lines.push(format!("export {name}={}", quoted(&layout.there(value))));
    }
    let arguments = job.arguments.iter().map(|argument| quoted(&layout.there(argument)));
    lines.push(format!("set -- {}", arguments.collect::<Vec<_>>().join(" ")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{command, prepare};
    use crate::layout::{Layout, tests};

    #[test]
    fn a_shell_gets_each_word_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("model")).unwrap();
        let job = tests::job(folder.path());
        let layout = Layout::of(&job, "olive-1").unwrap();
        let expected = r#"mkdir -p '/tmp/olive-1/in/0001/model'
mkdir -p '/tmp/olive-1/out/0000'
mkdir -p '/tmp/olive-1/out/0001'
mkdir -p "$result/checkpoints" || exit 90
[ ! -d "$call/checkpoints" ] || cp -R "$call/checkpoints/." "$result/checkpoints/" || exit 90
ln -s "$result/checkpoints" '/tmp/olive-1/checkpoints' || exit 90
export PLUGIN='/tmp/olive-1/in/0000/liblora.so'
export TMPDIR='/tmp/olive-1/out/0001'
export WORDS='it'\''s $HOME'
set -- 'worker' '--detached'
"#;
        assert_eq!(prepare(&job, &layout), expected);
    }

    #[test]
    fn a_command_names_what_the_job_was_sent() {
        let layout = Layout::of(&tests::job(Path::new("/here")), "olive-1").unwrap();
        let expected = "sh launch.sh '/tmp/olive-1' \"${{inputs.call}}\" \"${{outputs.result}}\" \
                        0000 \"${{inputs.in_0000}}\" 0012 \"${{inputs.in_0012}}\"";
        assert_eq!(command(&layout, &[0, 12]), expected);
    }
}
