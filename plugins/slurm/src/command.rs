//! The commands of Slurm: found, asked, understood when they say no.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Output};
use std::time::Duration;

use olive_kit_programs::ask::{Unanswered, is_there, output};
use olive_kit_programs::shell::quoted;

use crate::error::SlurmError;
use crate::record::Record;

/// Commands that every call needs.
const NEEDED: [&str; 3] = ["sbatch", "scontrol", "scancel"];
/// Longest time a command may take; it asks a controller that is gone for some ten seconds.
const PATIENCE: Duration = Duration::from_secs(40);
/// Variables that jobs and the commands get: no token or key that stands in another one leaves
/// this machine.
const VARIABLES: [&str; 15] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "MODULEPATH",
    "MODULESHOME",
    "PATH",
    "SHELL",
    "SLURM_CLUSTERS",
    "SLURM_CONF",
    "SLURM_JWT",
    "SLURM_UMASK",
    "TZ",
    "USER",
];
/// Beginning of variables by which a user sets defaults of `sbatch`.
const DEFAULTS: &str = "SBATCH_";
/// Options of each submission.
const FIXED: [&str; 2] = ["--parsable", "--export=ALL"];

/// A job, as Slurm names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    /// Its number, or that of an array and its own in there: `17_3`.
    pub(crate) id: String,
    /// The cluster that took it, where there are several.
    pub(crate) cluster: Option<String>,
}

impl Number {
    /// What `sbatch --parsable` says.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, cluster) = match text.trim().split_once(';') {
            Some((id, cluster)) => (id, Some(cluster.to_owned())),
            None => (text.trim(), None),
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let (job, member) = id.split_once('_').unwrap_or((id, "0"));
        (is_number(job) && is_number(member)).then(|| Self { id: id.to_owned(), cluster })
    }

    /// The form that [`Self::parse`] reads.
    pub(crate) fn text(&self) -> String {
        self.cluster.as_ref().map_or(self.id.clone(), |cluster| format!("{};{cluster}", self.id))
    }

    /// The number of one member of the array.
    pub(crate) fn member(&self, index: usize) -> Self {
        Self { id: format!("{}_{index}", self.id), cluster: self.cluster.clone() }
    }

    fn clusters(&self) -> Option<String> {
        self.cluster.as_ref().map(|cluster| format!("--clusters={cluster}"))
    }
}

/// Checks that all commands are there.
pub(crate) fn find() -> Result<(), SlurmError> {
    let names: Vec<_> = NEEDED.into_iter().filter(|name| !is_there(name)).collect();
    if names.is_empty() { Ok(()) } else { Err(SlurmError::Missing { names }) }
}

/// The command that submits the script at the end of `arguments`, as a shell takes it.
pub(crate) fn submission(arguments: Vec<String>) -> String {
    let is_plain = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=./:@%,+".contains(&byte))
    };
    let fixed = FIXED.map(str::to_owned).into_iter();
    let words =
        fixed.chain(arguments).map(|word| if is_plain(&word) { word } else { quoted(&word) });
    let words: Vec<String> = std::iter::once("sbatch".to_owned()).chain(words).collect();
    words.join(" ")
}

/// Submits the script at the end of `arguments`.
pub(crate) fn submit(arguments: Vec<String>) -> Result<Number, SlurmError> {
    let fixed = FIXED.map(str::to_owned);
    let said = ask("sbatch", fixed.into_iter().chain(arguments))?;
    Number::parse(&said).ok_or(SlurmError::Odd { name: "sbatch", said })
}

/// Asks whether a job with these options could run.
pub(crate) fn try_options(options: Vec<String>) -> Result<(), SlurmError> {
    let fixed = ["--test-only".to_owned(), "--wrap=true".to_owned()];
    ask("sbatch", fixed.into_iter().chain(options)).map(drop)
}

/// What Slurm knows of a job; none when it has forgotten it.
pub(crate) fn record(number: &Number) -> Result<Option<Record>, SlurmError> {
    let options = ["show", "job", "-o", &number.id].map(str::to_owned);
    match ask("scontrol", number.clusters().into_iter().chain(options)) {
        Ok(said) => match Record::of_scontrol(&said) {
            Some(record) => Ok(Some(record)),
            None => Err(SlurmError::Odd { name: "scontrol", said }),
        },
        Err(SlurmError::Refused { said, .. }) if is_unknown(&said) => Ok(accounted(number)),
        Err(error) => Err(error),
    }
}

/// What the accounting knows of a job, where there is one.
pub(crate) fn accounted(number: &Number) -> Option<Record> {
    let options =
        ["--noheader", "--parsable2", "--allocations", "--format=State,ExitCode,NodeList"];
    let job = format!("--jobs={}", number.id);
    let options = options.map(str::to_owned).into_iter().chain([job]);
    let said = ask("sacct", number.clusters().into_iter().chain(options)).ok()?;
    Record::of_sacct(&said)
}

/// Ends a job; one that has ended stays as it is.
pub(crate) fn cancel(number: &Number) -> Result<(), SlurmError> {
    match ask("scancel", number.clusters().into_iter().chain([number.id.clone()])) {
        Err(SlurmError::Refused { said, .. })
            if said.contains("already completing or completed") =>
        {
            Ok(())
        }
        Err(SlurmError::Refused { said, .. }) if is_unknown(&said) => Ok(()),
        answer => answer.map(drop),
    }
}

/// Version of Slurm.
pub(crate) fn version() -> Result<String, SlurmError> {
    ask("sbatch", ["--version".to_owned()]).map(|said| said.trim().to_owned())
}

fn ask(
    name: &'static str,
    arguments: impl IntoIterator<Item = String>,
) -> Result<String, SlurmError> {
    let mut command = Command::new(name);
    command.args(arguments).env_clear().envs(environment());
    // Who is stopped would not know what the controller has done.
    match output(command, PATIENCE, &|| false) {
        Ok(output) => understood(name, &output),
        Err(Unanswered::Start(source)) => Err(SlurmError::Start { name, source }),
        Err(why @ (Unanswered::Late { .. } | Unanswered::Cancelled)) => {
            Err(SlurmError::Silent { name, said: why.to_string() })
        }
    }
}

fn understood(name: &'static str, output: &Output) -> Result<String, SlurmError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // `scontrol` says on standard output that an array has no such member.
    let is_mute = output.stderr.iter().all(u8::is_ascii_whitespace);
    let said = String::from_utf8_lossy(if is_mute { &output.stdout } else { &output.stderr });
    let lines: Vec<_> = said.lines().map(|line| bare(name, line)).collect();
    let said = lines.join("; ");
    let silences = ["Unable to contact", "Connection refused", "timed out", "Zero Bytes"];
    if silences.iter().any(|silence| said.contains(silence)) {
        return Err(SlurmError::Silent { name, said });
    }
    Err(SlurmError::Refused { name, said })
}

/// Whether a refusal says that there is no such job, or no such member of an array.
fn is_unknown(said: &str) -> bool {
    said.contains("Invalid job id") || (said.starts_with("Job ") && said.ends_with("not found"))
}

/// A line of an error without who says it.
fn bare<'a>(name: &str, line: &'a str) -> &'a str {
    let line = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.strip_prefix("slurm_load_jobs error: ").unwrap_or(line).trim()
}

fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    let is_lent = |name: &str| VARIABLES.contains(&name) || name.starts_with(DEFAULTS);
    env::vars_os().filter(move |(name, _)| name.to_str().is_some_and(is_lent))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitStatus, Output};

    use super::{Number, bare, is_unknown, understood};
    use crate::error::SlurmError;

    #[test]
    fn numbers_are_read_as_sbatch_writes_them() {
        let rows = [
            ("17\n", Some(("17", None))),
            ("17;west\n", Some(("17", Some("west")))),
            ("17_3", Some(("17_3", None))),
            ("17_3;west", Some(("17_3", Some("west")))),
            ("17_[3-5]", None),
            ("_3", None),
            ("", None),
            ("Submitted batch job 17", None),
        ];
        for (text, expected) in rows {
            let number = Number::parse(text);
            let found = number.as_ref().map(|it| (it.id.as_str(), it.cluster.as_deref()));
            assert_eq!(found, expected);
            if let Some(number) = number {
                assert_eq!(number.text(), text.trim());
            }
        }
    }

    #[test]
    fn jobs_and_members_that_are_forgotten_are_told_apart_from_other_refusals() {
        let output = |stdout: &str, stderr: &str| Output {
            status: ExitStatus::from_raw(1 << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        for (stdout, stderr, is_forgotten) in [
            ("", "slurm_load_jobs error: Invalid job id specified\n", true),
            ("Job 17_4 not found\n", "", true),
            ("", "scontrol: error: no permission\n", false),
        ] {
            let refused = understood("scontrol", &output(stdout, stderr)).unwrap_err();
            let SlurmError::Refused { said, .. } = refused else { panic!("{refused}") };
            assert_eq!(is_unknown(&said), is_forgotten, "{said}");
        }
    }

    #[test]
    fn errors_are_told_without_their_speaker() {
        let rows = [
            (
                "sbatch",
                "sbatch: error: invalid partition specified: x",
                "invalid partition specified: x",
            ),
            (
                "scontrol",
                "slurm_load_jobs error: Invalid job id specified",
                "Invalid job id specified",
            ),
            ("sbatch", "allocation failure: no", "allocation failure: no"),
        ];
        for (name, line, expected) in rows {
            assert_eq!(bare(name, line), expected);
        }
    }
}
