//! Work that goes on elsewhere when the host that began it is gone: found again, and taken up.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::artifact::{is_of, make_parts, remove_leftovers};
use super::checkpoints::Checkpoints;
use super::files::{names, write_privately};
use super::lock::Lock;
use super::{StepKey, Store, StoreError, Work, vet};

/// File in a work folder that says where its work goes on.
const NOTE: &str = "elsewhere.json";

impl Store {
    /// Name of a whole work folder of the step `key` and the note in it, when there is one that can be
    /// read.
    ///
    /// Whoever holds the lock of the step knows that nobody here works in that folder.
    pub fn left<T: DeserializeOwned>(&self, key: &StepKey) -> Option<(String, T)> {
        let parent = self.work_dir();
        let names = names(&parent).ok()?.into_iter();
        names.filter(|name| self.is_whole(key, name)).find_map(|name| {
            let note = fs::read(parent.join(&name).join(NOTE)).ok()?;
            Some((name, serde_json::from_slice(&note).ok()?))
        })
    }

    /// The work on `key` in the work folder `name`, with what it has come to.
    ///
    /// # Errors
    /// The lock, when the folder is gone.
    pub fn take_up(&self, key: &StepKey, name: &str, lock: Lock) -> Result<Work, Lock> {
        if !self.is_whole(key, name) {
            return Err(lock);
        }
        let folder = self.work_dir().join(name);
        Ok(Work::new(key.clone(), folder, Checkpoints::of(self, key), lock))
    }

    /// Removes what earlier work on the step `key`, whose lock the caller holds, has left, but its
    /// checkpoints.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn discard(&self, key: &StepKey, _lock: &Lock) -> Result<(), StoreError> {
        remove_leftovers(&self.work_dir(), key)
    }

    /// The folder of all work folders.
    pub fn work_dir(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Whether the work folder `name` is one of the step `key`, with all that its work goes into.
    fn is_whole(&self, key: &StepKey, name: &str) -> bool {
        let folder = self.work_dir().join(name);
        // Anybody may have written a name that stands in a note.
        is_of(name, key)
            && Path::new(name).components().count() == 1
            && ["output", "scratch"].iter().all(|part| folder.join(part).is_dir())
    }
}

impl Work {
    /// Name of the folder.
    pub fn name(&self) -> String {
        self.folder().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Leaves `note` for a later run, which finds it by the key of this step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(&self, note: &impl Serialize) -> Result<(), StoreError> {
        let path = self.folder().join(NOTE);
        let bytes = serde_json::to_vec_pretty(note).unwrap_or_default();
        // Settings of a system may be secrets.
        write_privately(&path, &bytes).map_err(StoreError::io("write", &path))
    }

    /// Leaves the folders as they are for a later run: a job may go on in them.
    pub fn stay(&self) {
        self.stays.set(true);
    }

    /// Whether the folders outlive this.
    pub fn stays(&self) -> bool {
        self.stays.get()
    }

    /// Goes on in empty folders of another name, for another attempt: what is thought to be gone may
    /// still write into the old ones. Checkpoints stay.
    ///
    /// # Errors
    /// When they cannot be removed or made.
    pub fn begin_anew(&mut self) -> Result<(), StoreError> {
        let folder = self.folder();
        vet::remove(folder).map_err(StoreError::io("remove", folder))?;
        let folder = folder.with_file_name(format!("{}.1", self.name()));
        self.move_to(folder);
        make_parts(self.folder())
    }

    /// Removes the note, before the folder becomes a step.
    pub(super) fn forget_note(&self) {
        // Nobody reads it in a step.
        let _ = fs::remove_file(self.folder().join(NOTE));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::store::{StepKey, Store};

    #[test]
    fn work_that_goes_on_elsewhere_is_found_by_the_key_of_its_step() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let [key, other] = ["ab", "abc"].map(|key| StepKey::from_name(key.into()));
        let lock = || store.try_lock(&key).unwrap().unwrap();
        let work = store.begin(&key, lock()).unwrap();
        assert_eq!(store.left::<Vec<String>>(&key), None);
        work.leave(&["17"]).unwrap();
        fs::write(work.output_dir().join("made"), "").unwrap();
        let name = work.name();
        // A host that is killed drops nothing.
        std::mem::forget(work);
        assert_eq!(store.left::<Vec<String>>(&other), None);
        let left = store.left::<Vec<String>>(&key).unwrap();
        assert_eq!(left, (name.clone(), vec!["17".to_owned()]));
        // The forgotten one still holds its lock here, as a dead process does not.
        let free = StepKey::from_name("free".into());
        let lock = || store.try_lock(&free).unwrap().unwrap();
        for (key, name) in [(&other, &name), (&key, &format!("{name}/../{name}"))] {
            assert!(store.take_up(key, name, lock()).is_err());
        }
        let mut taken = store.take_up(&key, &name, lock()).unwrap();
        let old = taken.output_dir();
        assert!(old.join("made").exists());
        taken.begin_anew().unwrap();
        assert!(!old.exists());
        assert_eq!(fs::read_dir(taken.output_dir()).unwrap().count(), 0);
        assert_eq!(store.left::<Vec<String>>(&key), None);
        taken.leave(&["18"]).unwrap();
        assert_eq!(store.left(&key), Some((taken.name(), vec!["18".to_owned()])));
        // What has lost its folders is begun anew.
        fs::remove_dir_all(taken.output_dir()).unwrap();
        assert_eq!(store.left::<Vec<String>>(&key), None);
        drop(taken);
        assert!(store.take_up(&key, &name, lock()).is_err());
        assert_eq!(store.left::<Vec<String>>(&key), None);
    }
}
