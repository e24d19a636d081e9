//! Packages of a result: made by packagers, moved into the output folder whole.
//!
//! ```text
//! <output>/.olive-packages.json   which packages are there, each with its key and its files
//! <output>/.olive-package/        one under way: output/ and scratch/
//! ```
//!
//! The key of a package is a digest of its models, their figures and its settings. While it and the
//! files stay the same, a package is left as it is; else it is taken away before it is made anew.

mod made;
mod record;

pub use made::Made;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::packaging::Package;
use olive_schemas::protocol::Call;
use olive_schemas::step::{StepEvent, StepKind, StepOutcome, StepRequest};

use crate::error::Error;
use crate::output::OutputError;
use crate::plan::{Plan, PlannedPackage};
use crate::plugin::process::{self, Failure, Supervision};
use crate::store::Store;
use crate::store::files::{relative_files, size};
use crate::units::bytes;
use crate::view::View;
use record::{Packed, Record};

/// Folder of a package under way.
const WORK: &str = ".olive-package";

/// What packaging stands on.
pub struct Ground<'a> {
    /// What the run was to do.
    pub plan: &'a Plan,
    /// Where its models are.
    pub store: &'a Store,
    /// Who is told.
    pub view: &'a View,
    /// Whether the user wants to stop.
    pub is_cancelled: &'a dyn Fn() -> bool,
}

impl Ground<'_> {
    /// Makes the packages of the plan of what the run has `made`, in the folder that its result is
    /// in; takes those away that are no longer asked for.
    ///
    /// # Errors
    /// When a packager fails or something is in a package's way; packages made before stay.
    pub fn place(&self, made: &Made, output_dir: &Path) -> Result<(), Error> {
        let output_dir = &output_dir.canonicalize().map_err(failed("find", output_dir))?;
        // A run that was killed may have left one half made.
        let work = Work(output_dir.join(WORK));
        work.clear().map_err(failed("remove", &work.0))?;
        let wanted = self.plan.packages.iter().map(|package| (made.key(package), package));
        let wanted: Vec<(String, &PlannedPackage)> = wanted.collect();
        let mut record = Record::read(output_dir);
        record.keep(output_dir, |key| wanted.iter().any(|(known, _)| known == key))?;
        for (key, package) in wanted {
            if let Some(known) = record.of_key(&key) {
                self.view.note(&format!("package `{}` is as it was", known.display()));
                continue;
            }
            self.view.note(&package.title());
            let path = self.make(package, &key, made, output_dir, &mut record);
            let path = path.map_err(|error| Error::Step { title: package.title(), error })?;
            let size = bytes(size(&path).unwrap_or_default() as f64);
            self.view.note(&format!("package `{}` is made, {size}", path.display()));
        }
        Ok(())
    }

    /// Makes one package; gives where it is.
    fn make(
        &self,
        package: &PlannedPackage,
        key: &str,
        made: &Made,
        output_dir: &Path,
        record: &mut Record,
    ) -> Result<PathBuf, PluginError> {
        let work = Work::begin(output_dir).map_err(io_error)?;
        let packed = self.run(package, made, &work)?;
        let name = only(&work.output_dir(), &packed).ok_or_else(|| refused(package, &packed))?;
        let target = output_dir.join(&name);
        if target.symlink_metadata().is_ok() {
            let message = format!("`{}` is in the way of the package", target.display());
            let error = PluginError::new("package-in-the-way", message);
            return Err(error.with_help("move it away, or give the package another `name`"));
        }
        let source = work.output_dir().join(&name);
        let files = sync(&source).map_err(io_error)?;
        // First the record: a package without one would be taken for somebody else's.
        record.add(output_dir, name.into(), Packed { key: key.to_owned(), files })?;
        fs::rename(&source, &target).map_err(io_error)?;
        Ok(target)
    }

    /// Lets the packager work; gives the path that it answers with.
    fn run(
        &self,
        planned: &PlannedPackage,
        made: &Made,
        work: &Work,
    ) -> Result<PathBuf, PluginError> {
        let unread = |error: crate::store::StoreError| error.of_step();
        let (package, _holds) = made.package(&planned.name, self.store).map_err(unread)?;
        let request = self.request(planned, package, work);
        let call = Call::Run { plugin: planned.library.clone(), request: Box::new(request) };
        let on_event = |event: StepEvent| match event {
            StepEvent::Log { .. } => self.view.event(&event),
            StepEvent::Progress { .. } | StepEvent::Text { .. } => {}
        };
        let supervision = Supervision { on_event: &on_event, is_cancelled: self.is_cancelled };
        let answer = process::run(&call, self.plan.threads, &supervision).result;
        let answer = answer.map_err(Failure::into_error)?;
        match serde_json::from_value(answer) {
            Ok(StepOutcome::Path(path)) => Ok(path),
            Ok(_) => Err(PluginError::new("answer", "the packager answered with no path")),
            Err(error) => Err(PluginError::from_error("answer", &error)),
        }
    }

    fn request(&self, planned: &PlannedPackage, package: Package, work: &Work) -> StepRequest {
        let first = package.candidates.first();
        let input = first.map(|candidate| candidate.model.clone());
        StepRequest {
            kind: StepKind::Package,
            name: planned.packager.clone(),
            config: planned.config.clone(),
            input: input.unwrap_or_else(|| Model::new(ModelKind::Hf, "")),
            is_input_final: true,
            data_configs: BTreeMap::new(),
            output_dir: work.output_dir(),
            scratch_dir: work.0.join("scratch"),
            checkpoint_dir: None,
            shared_dir: None,
            ranks: 1,
            threads: self.plan.threads,
            accelerator: self.plan.accelerator.clone(),
            execution_provider_library: None,
            package: Some(Box::new(package)),
        }
    }
}

/// The name of what lies at `path`, when it lies right in `folder` and is all that lies there: what a
/// packager answers with.
pub fn only(folder: &Path, path: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let path = path.canonicalize().ok()?;
    let name = path.strip_prefix(&folder).ok()?.to_str()?;
    let mut entries = fs::read_dir(&folder).ok()?;
    let is_it = entries.next()?.ok()?.file_name() == name;
    (is_it && entries.next().is_none()).then(|| name.to_owned())
}

/// The folder of a package under way, removed when this is dropped.
struct Work(PathBuf);

impl Work {
    fn begin(output_dir: &Path) -> io::Result<Self> {
        let work = Self(output_dir.join(WORK));
        work.clear()?;
        fs::create_dir_all(work.output_dir())?;
        fs::create_dir_all(work.0.join("scratch"))?;
        Ok(work)
    }

    fn output_dir(&self) -> PathBuf {
        self.0.join("output")
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed is, by the next run.
        let _ = self.clear();
    }
}

/// Makes every file at or below `path` durable; gives their names below it with their sizes.
fn sync(path: &Path) -> io::Result<BTreeMap<String, u64>> {
    let names = if path.is_file() { vec![String::new()] } else { relative_files(path)? };
    let synced = names.into_iter().map(|name| {
        let file = File::open(record::below(path, &name))?;
        file.sync_all()?;
        let size_bytes = file.metadata()?.len();
        Ok((name, size_bytes))
    });
    synced.collect()
}

fn refused(package: &PlannedPackage, path: &Path) -> PluginError {
    let message = format!(
        "plugin `{}` answers with `{}`, which is not all that it left in its output folder",
        package.plugin,
        path.display()
    );
    PluginError::new("answer", message)
        .with_help("this is a fault of the plugin: report it to its authors with this message")
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn io_error(error: io::Error) -> PluginError {
    PluginError::from_error("io", &error)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.to_owned();
    move |source| OutputError::Io { action, path, source }
}
