//! The folder of a job on the shared disk, and what its files say.
//!
//! | file | holds | written by |
//! | --- | --- | --- |
//! | `script`, `in` | what runs, and what it reads | host, before the job |
//! | `origin` | the checkpoints or the folder of the step, which no two living jobs share | host |
//! | `chain` | the folders of a chain, in order | host |
//! | `number` | Slurm's number of the job | host, once it is accepted |
//! | `out`, `err` | what the worker writes | worker |
//! | `slurm` | what Slurm has to say on the node | Slurm |
//! | `started`, `stopped`, `failed` | the node, the node again when it was asked to stop, why no worker was started | script |
//! | `files`, `code` | what lies in the outputs with sizes, the worker's exit code | script, at last |
//! | `known` | what the host has heard of the job | host |
//! | `collected` | nothing: it stays for later jobs of its chain | host |

use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use olive_kit_programs::job;
use olive_plugin_api::{Job, LogPart};

use crate::command::Number;
use crate::config::SlurmConfig;
use crate::error::SlurmError;
use crate::script::OWNER;

/// Folder below `work_dir` with a folder for each job.
const JOBS: &str = "jobs";
/// Between the number of a job and the name of its folder, in an id.
const AT: char = '@';

/// Where the folder of a new job will be.
pub(crate) struct Place(PathBuf);

impl Place {
    /// That of a job which is no member of an array.
    pub(crate) fn alone(job: &Job, config: &SlurmConfig) -> Self {
        Self::named(&word(&job.title), config)
    }

    /// What the folders of an array begin as.
    pub(crate) fn of_array(config: &SlurmConfig) -> Self {
        Self::named("trials", config)
    }

    /// That of a job which will never be submitted: its number is zeros.
    pub(crate) fn imagined(job: &Job, config: &SlurmConfig) -> Self {
        Self::numbered(&word(&job.title), 0, config)
    }

    fn named(name: &str, config: &SlurmConfig) -> Self {
        Self::numbered(name, RandomState::new().build_hasher().finish(), config)
    }

    fn numbered(name: &str, number: u64, config: &SlurmConfig) -> Self {
        // An id is a word, which has an end.
        let name: String = name.chars().take(60).collect();
        Self(config.work_dir.join(JOBS).join(format!("{name}-{number:016x}")))
    }

    /// That of member number `index` of the array.
    pub(crate) fn member(&self, index: usize) -> Self {
        let mut name = self.0.clone().into_os_string();
        name.push(format!("-{index}"));
        Self(name.into())
    }

    /// The path.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

/// The folder of a job.
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Folder {
    /// A new folder at `place` with all that `job` needs to run, but its script.
    pub(crate) fn prepare(job: &Job, place: &Place) -> Result<Self, SlurmError> {
        let folder = Self { path: place.path() };
        let jobs = folder.path.parent().unwrap_or(&folder.path);
        fs::create_dir_all(jobs).map_err(SlurmError::io("create", jobs))?;
        create_private(&folder.path).map_err(SlurmError::io("create", &folder.path))?;
        let owner = job.folder.join(OWNER);
        fs::write(&owner, folder.name()?).map_err(SlurmError::io("write", &owner))?;
        folder.put("in", &job.input)?;
        folder.put("origin", &origin(job))?;
        Ok(folder)
    }

    /// Folders of the same step, which a host that has died has left.
    pub(crate) fn orphans(job: &Job, config: &SlurmConfig) -> Vec<Self> {
        let origin = origin(job);
        let entries = fs::read_dir(config.work_dir.join(JOBS)).into_iter().flatten().flatten();
        let folders = entries.map(|entry| Self { path: entry.path() });
        folders.filter(|folder| folder.get("origin").as_ref() == Some(&origin)).collect()
    }

    /// The folder and the number that the id of a job names.
    pub(crate) fn of(id: &str, config: &SlurmConfig) -> Result<(Self, Number), SlurmError> {
        let stranger = || SlurmError::Stranger { id: id.to_owned() };
        let (number, name) = id.split_once(AT).ok_or_else(stranger)?;
        let number = Number::parse(number).ok_or_else(stranger)?;
        if name != word(name) {
            return Err(stranger());
        }
        Ok((Self { path: config.work_dir.join(JOBS).join(name) }, number))
    }

    /// Its path as text.
    pub(crate) fn name(&self) -> Result<&str, SlurmError> {
        self.path.to_str().ok_or_else(|| SlurmError::Nameless { path: self.path.clone() })
    }

    /// The id of the job `number` that runs here.
    pub(crate) fn id(&self, number: &Number) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{}{AT}{name}", number.text())
    }

    /// Writes a file, whole.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<(), SlurmError> {
        job::put(&self.path, name, text).map_err(SlurmError::io("write", self.path.join(name)))
    }

    /// A file that may not be there yet, without the end of its line.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        job::get(&self.path, name)
    }

    /// The worker's exit code, once it has ended.
    pub(crate) fn code(&self) -> Option<i32> {
        // Listing the folder lets a network disk look again.
        let _ = fs::read_dir(&self.path).map(Iterator::count);
        self.get("code")?.parse().ok()
    }

    /// What the worker has written from byte `from` on, or the first of it, in whole lines unless it
    /// `has_ended`.
    pub(crate) fn log(&self, from: u64, has_ended: bool) -> Result<LogPart, SlurmError> {
        let path = self.path.join("out");
        job::log(&path, from, has_ended).map_err(SlurmError::io("read", path))
    }

    /// The last lines of what the worker and Slurm have complained of.
    pub(crate) fn complaints(&self) -> Vec<String> {
        ["err", "slurm"].into_iter().flat_map(|name| job::last_lines(&self.path, name)).collect()
    }

    /// Checks that every file that the node has written to the outputs is here as it is there.
    pub(crate) fn check_files(&self) -> Result<(), SlurmError> {
        for entry in self.get("files").unwrap_or_default().split_terminator('\0') {
            let Some((size, path)) = entry.split_once(' ') else { continue };
            let (expected, path) = (size.parse().unwrap_or_default(), PathBuf::from(path));
            let found = fs::metadata(&path).map(|metadata| metadata.len());
            if found.as_ref().ok() != Some(&expected) {
                let found = found.map_or("none".into(), |found| found.to_string());
                return Err(SlurmError::Unseen { path, expected, found });
            }
        }
        Ok(())
    }

    /// Removes the folder, as soon as all later jobs of its chain are done with it.
    pub(crate) fn leave(&self) -> Result<(), SlurmError> {
        let Some(chain) = self.get("chain") else { return self.remove() };
        self.put("collected", "")?;
        let folders = chain.lines().rev().map(|path| Self { path: path.into() });
        for folder in folders {
            if folder.path.exists() && folder.get("collected").is_none() {
                break;
            }
            folder.remove()?;
        }
        Ok(())
    }

    /// Removes the folder.
    pub(crate) fn remove(&self) -> Result<(), SlurmError> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SlurmError::io("remove", &self.path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// A word of letters, digits and hyphens that reads like `title`.
pub(crate) fn word(title: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let text: String = title.chars().map(plain).collect();
    text.trim_matches('-').chars().take(80).collect()
}

/// What no two living jobs share: the host holds a lock on the step.
fn origin(job: &Job) -> String {
    job.checkpoints.as_ref().unwrap_or(&job.folder).to_string_lossy().into_owned()
}

/// Others have no business with the input of a step.
fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Folder, word};
    use crate::command::Number;
    use crate::config::SlurmConfig;

    fn config(folder: &std::path::Path) -> SlurmConfig {
        serde_json::from_value(serde_json::json!({"work_dir": folder})).unwrap()
    }

    #[test]
    fn an_id_leads_back_to_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let job = Folder { path: folder.path().join("jobs/lora-LoRA-0a") };
        let number = Number::parse("17;west").unwrap();
        let id = job.id(&number);
        assert_eq!(id, "17;west@lora-LoRA-0a");
        let (found, back) = Folder::of(&id, &config).unwrap();
        assert_eq!((found.path, back), (job.path, number));
        for stranger in ["17", "x@lora", "17@../lora", "17@a/b", ""] {
            assert!(Folder::of(stranger, &config).is_err(), "{stranger}");
        }
    }

    #[test]
    fn titles_become_words() {
        for (title, expected) in [("lora (LoRA)", "lora--LoRA"), ("a\nb", "a-b"), ("é", "")] {
            assert_eq!(word(title), expected);
        }
    }

    #[test]
    fn a_folder_stays_for_later_jobs_of_its_chain() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["a", "b", "c"].map(|name| Folder { path: root.path().join(name) });
        let names: Vec<_> = folders.iter().map(|folder| folder.name().unwrap()).collect();
        for folder in &folders {
            fs::create_dir(&folder.path).unwrap();
            folder.put("chain", &names.join("\n")).unwrap();
        }
        let left = || folders.each_ref().map(|folder| folder.path.exists());
        folders[0].leave().unwrap();
        assert_eq!(left(), [true; 3]);
        folders[2].leave().unwrap();
        assert_eq!(left(), [true, true, false]);
        folders[1].leave().unwrap();
        assert_eq!(left(), [false; 3]);
        let alone = Folder { path: root.path().join("alone") };
        fs::create_dir(&alone.path).unwrap();
        alone.leave().unwrap();
        assert!(!alone.path.exists());
    }

    #[test]
    fn files_that_are_not_seen_here_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let job = Folder { path: folder.path().to_owned() };
        let made = folder.path().join("made");
        fs::write(&made, "12345").unwrap();
        let list = |size: u32, name: &str| {
            fs::write(folder.path().join("files"), format!("{size} {}{name}\0", made.display()))
        };
        list(5, "").unwrap();
        job.check_files().unwrap();
        list(6, "").unwrap();
        assert!(job.check_files().unwrap_err().to_string().contains("and 5 are here"));
        list(5, "2").unwrap();
        assert!(job.check_files().unwrap_err().to_string().contains("and none are here"));
    }
}
