//! Steps whose files stay where they are while someone reads or places them.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use olive_schemas::model::Model;

use super::lock::{Lock, PATIENCE};
use super::{StepKey, Store, StoreError};

/// Steps that nobody else makes, lends or removes until this is dropped.
#[derive(Debug)]
pub struct Hold<'a> {
    store: &'a Store,
    locks: Vec<Lock>,
    /// Whether nobody else reads them either.
    is_alone: bool,
}

impl Store {
    /// Holds the steps that the files of `model` lie in, with every file that they have lent copied
    /// back: for whoever reads the model. None when the user stopped waiting for another run.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when a step is not whole, [`StoreError::Lent`] when a file is not what it
    /// was; else when the store cannot be written.
    pub fn hold_at_home(
        &self,
        model: &Model,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Hold<'_>>, StoreError> {
        let mut hold = Hold { store: self, locks: Vec::new(), is_alone: false };
        for key in self.steps_of(model) {
            match self.lock_at_home(&key, is_cancelled)? {
                Some(lock) => hold.locks.push(lock),
                None => return Ok(None),
            }
        }
        Ok(Some(hold))
    }

    fn lock_at_home(
        &self,
        key: &StepKey,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Lock>, StoreError> {
        loop {
            if let Some(lock) = self.try_lock_shared(key)?
                && self.is_home(key)
            {
                let is_whole = self.get(key).is_some();
                return if is_whole { Ok(Some(lock)) } else { Err(StoreError::Gone(key.clone())) };
            }
            match self.try_lock(key)? {
                Some(_lock) => self.copy_home(key)?,
                None if is_cancelled() => return Ok(None),
                None => thread::sleep(PATIENCE),
            }
        }
    }

    /// Holds the steps that the files of `model` lie in, alone if nobody reads them now: for whoever
    /// places the model.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn hold(&self, model: &Model) -> Result<Hold<'_>, StoreError> {
        let mut hold = Hold { store: self, locks: Vec::new(), is_alone: true };
        for key in self.steps_of(model) {
            let lock = if let Some(lock) = self.try_lock(&key)? {
                lock
            } else {
                hold.is_alone = false;
                self.lock_shared(&key)?
            };
            hold.locks.push(lock);
        }
        Ok(hold)
    }

    /// Holds the steps that the files of `model` lie in, beside others who read them: for whoever reads
    /// lent files where they lie.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn hold_to_read(&self, model: &Model) -> Result<Hold<'_>, StoreError> {
        let keys = self.steps_of(model);
        let locks = keys.iter().map(|key| self.lock_shared(key)).collect::<Result<_, _>>()?;
        Ok(Hold { store: self, locks, is_alone: false })
    }

    /// Keys of the steps that the files of `model` lie in.
    pub(super) fn steps_of(&self, model: &Model) -> Vec<StepKey> {
        let paths = [Some(&model.model_path), model.adapter_path.as_ref()].into_iter().flatten();
        let mut keys: Vec<StepKey> = paths.filter_map(|path| Some(self.inside(path)?.0)).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

impl Hold<'_> {
    /// Where the file `path` of a step lies: there, or where it is lent to.
    pub fn place_of(&self, path: &Path) -> PathBuf {
        self.store.place_of(path)
    }

    /// Moves the file `path` of a held step to `target`, where its owner may write to it; tells
    /// whether it did, as it does not when others read the step or the file systems differ.
    ///
    /// # Errors
    /// When the file is in its place but cannot be given to its owner.
    pub fn lend(&self, path: &Path, target: &Path) -> io::Result<bool> {
        if self.is_alone { self.store.lend(path, target) } else { Ok(false) }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use olive_schemas::footprint::{StepRecord, StepStatus};
    use olive_schemas::model::{Model, ModelKind};
    use olive_schemas::step::StepOutcome;

    use crate::store::{StepKey, Store, StoreError};

    /// A store with one step, whose model has a file `weights` that is lent to `out/weights`.
    struct Scene {
        folder: tempfile::TempDir,
        store: Store,
        key: StepKey,
        model: Model,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::new(&folder.path().join("cache"));
            let key = StepKey::from_name("step".into());
            let work = store.begin(&key, store.try_lock(&key).unwrap().unwrap()).unwrap();
            fs::write(work.output_dir().join("weights"), "weights").unwrap();
            let record = StepRecord {
                key: key.to_string(),
                plugin: "p@1".into(),
                status: StepStatus::Ran,
                start_time: String::new(),
                end_time: String::new(),
                duration_sec: 0.0,
                cpu_sec: None,
                peak_memory_bytes: None,
                curve: Vec::new(),
                log: Vec::new(),
                error: None,
            };
            let made = StepOutcome::Model(Model::new(ModelKind::Onnx, work.output_dir()));
            store.publish(&work, "Pass", record, &made, None).unwrap();
            drop(work);
            let model = Model::new(ModelKind::Onnx, store.step_dir(&key).join("files"));
            let scene = Self { folder, store, key, model };
            let hold = scene.store.hold(&scene.model).unwrap();
            assert!(hold.lend(&scene.home(), &scene.lent()).unwrap());
            drop(hold);
            scene
        }

        fn home(&self) -> PathBuf {
            self.model.model_path.join("weights")
        }

        fn lent(&self) -> PathBuf {
            self.folder.path().join("out/weights")
        }

        fn is_whole(&self) -> bool {
            self.store.get(&self.key).is_some()
        }
    }

    fn text(path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn who_reads_a_step_has_its_files_at_home() {
        let scene = Scene::new();
        assert!(scene.is_whole() && !scene.home().exists());
        assert_eq!(scene.store.size(&scene.model.model_path).unwrap(), 7);
        let hold = scene.store.hold_at_home(&scene.model, &|| false).unwrap().unwrap();
        assert_eq!(text(&scene.home()), text(&scene.lent()));
        assert!(fs::metadata(scene.home()).unwrap().permissions().readonly());
        assert_eq!(fs::metadata(scene.lent()).unwrap().nlink(), 1);
        // The lent file is the user's now, whatever becomes of it.
        fs::write(scene.lent(), "others").unwrap();
        assert!(scene.is_whole());
        assert_eq!(scene.store.lent(&scene.key), Vec::<PathBuf>::new());

        // Readers share a step; nobody lends from it meanwhile, and nobody removes it.
        let second = scene.store.hold_at_home(&scene.model, &|| true).unwrap();
        let placing = scene.store.hold(&scene.model).unwrap();
        assert!(!placing.lend(&scene.home(), &scene.lent()).unwrap());
        assert_eq!(scene.store.clean().unwrap().0, 0);
        drop((hold, second, placing));
        assert_eq!(scene.store.clean().unwrap().0, 1);
        assert_eq!(text(&scene.lent()).as_deref(), Some("others"));
    }

    #[test]
    fn a_step_that_is_being_made_is_waited_for_as_long_as_the_user_wants() {
        let scene = Scene::new();
        let _lock = scene.store.try_lock(&scene.key).unwrap();
        assert!(scene.store.hold_at_home(&scene.model, &|| true).unwrap().is_none());
    }

    #[test]
    fn a_lent_file_that_has_changed_is_not_read() {
        let scene = Scene::new();
        fs::write(scene.lent(), "other w").unwrap();
        assert!(!scene.is_whole());
        let refused = scene.store.hold_at_home(&scene.model, &|| false).unwrap_err();
        assert!(matches!(&refused, StoreError::Lent { path, .. } if *path == scene.lent()));
        assert_eq!(refused.of_step().help.unwrap(), "run again: the step is then made anew");
        assert!(!scene.home().exists());
    }

    #[test]
    fn only_what_lies_in_a_folder_and_does_not_stay_is_taken_home() {
        let scene = Scene::new();
        let out = scene.folder.path().join("out");
        let take = |folder: &Path, stays: bool| {
            scene.store.take_home(folder, &|_, _| stays).unwrap();
            scene.home().exists()
        };
        assert!(!take(&scene.folder.path().join("other"), false));
        assert!(!take(&out, true));
        assert!(take(&out, false) && !scene.lent().exists() && scene.is_whole());
        assert!(fs::metadata(scene.home()).unwrap().permissions().readonly());
    }

    #[test]
    fn a_file_that_cannot_be_linked_or_has_another_name_is_not_lent() {
        let scene = Scene::new();
        drop(scene.store.hold_at_home(&scene.model, &|| false).unwrap());
        let hold = scene.store.hold(&scene.model).unwrap();
        let path = |name: &str| scene.folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        assert!(!hold.lend(&scene.home(), &path("file/weights")).unwrap());
        fs::hard_link(scene.home(), path("another")).unwrap();
        assert!(!hold.lend(&scene.home(), &path("new/weights")).unwrap());
        assert!(scene.home().exists() && scene.is_whole());
        fs::remove_file(path("another")).unwrap();
        fs::remove_file(path("new/weights")).unwrap();
        assert!(hold.lend(&scene.home(), &path("new/weights")).unwrap());
        assert!(!scene.home().exists() && scene.is_whole());
    }
}
