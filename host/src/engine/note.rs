//! What a host writes down of jobs that go on without it.

use std::path::PathBuf;

use olive_schemas::protocol::Callee;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::SystemUse;
use crate::store::{StepKey, Store, Work};

/// A job, or those of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Name of the system inside its plugin.
    system: String,
    /// Settings of the system.
    config: Value,
    /// The jobs in order.
    jobs: Vec<Left>,
}

/// A job that a host has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    /// Key of its step.
    pub(super) key: String,
    /// Its id.
    pub(super) id: String,
    /// Name of the work folder that it writes into.
    pub(super) work: String,
    /// The folder of its result there.
    output_dir: PathBuf,
}

impl Note {
    /// The jobs with their ids on `system`, each with the work that it does.
    pub(super) fn of<'a>(
        system: &SystemUse,
        jobs: impl IntoIterator<Item = (&'a Work, &'a str)>,
    ) -> Self {
        let job = |(work, id): (&Work, &str)| Left {
            key: work.key().to_string(),
            id: id.to_owned(),
            work: work.name(),
            output_dir: work.output_dir(),
        };
        Self {
            system: system.name.clone(),
            config: system.config.clone(),
            jobs: jobs.into_iter().map(job).collect(),
        }
    }

    /// Whether the jobs are on `system`.
    pub(super) fn is_on(&self, system: &SystemUse) -> bool {
        self.system == system.name && self.config == system.config
    }

    /// The job that is no member of a chain.
    pub(super) fn alone(&self) -> Option<&Left> {
        self.jobs.first().filter(|_| self.jobs.len() == 1)
    }

    /// The job of the step `key`, and those that come after it.
    pub(super) fn from(&self, key: &str) -> &[Left] {
        let first = self.jobs.iter().position(|left| left.key == key);
        &self.jobs[first.unwrap_or(self.jobs.len())..]
    }

    /// Whether this is one of the jobs.
    pub(super) fn has(&self, left: &Left) -> bool {
        self.jobs.contains(left)
    }

    /// Name of the system inside its plugin.
    pub(super) fn system_name(&self) -> &str {
        &self.system
    }

    /// The system that the jobs are on, of the plugin `library`.
    pub(super) fn system(&self, library: &Callee) -> SystemUse {
        SystemUse {
            label: self.system.clone(),
            library: library.clone(),
            name: self.system.clone(),
            config: self.config.clone(),
            ranks: 1,
            rehearses: false,
            threads: None,
            memory_bytes: None,
            chains: false,
            batches: false,
        }
    }

    /// The jobs by what is to become of them when the steps `keys` are wanted, of which the first is
    /// one of theirs.
    ///
    /// Results before that step are published: where they were, and where they are now. Then come
    /// those that are wanted, and those that nobody waits for.
    pub(super) fn split(
        &self,
        keys: &[&str],
        store: &Store,
    ) -> (Vec<(PathBuf, PathBuf)>, &[Left], &[Left]) {
        let is_first = |left: &Left| Some(left.key.as_str()) == keys.first().copied();
        let first = self.jobs.iter().position(is_first).unwrap_or(self.jobs.len());
        let (before, rest) = self.jobs.split_at(first);
        let files =
            |left: &Left| store.step_dir(&StepKey::from_name(left.key.clone())).join("files");
        let moved = before.iter().map(|left| (left.output_dir.clone(), files(left))).collect();
        let num_wanted = rest.iter().zip(keys).take_while(|(left, key)| left.key == **key).count();
        let (wanted, unwanted) = rest.split_at(num_wanted);
        (moved, wanted, unwanted)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::Note;
    use crate::store::Store;

    #[test]
    fn jobs_are_taken_up_as_far_as_their_steps_are_wanted() {
        let job = |key: &str| {
            json!({"key": key, "id": format!("{key}-id"), "work": format!("{key}.7"),
                   "output_dir": format!("/there/{key}.7/output")})
        };
        let jobs = [job("a"), job("b"), job("c")];
        let note: Note =
            serde_json::from_value(json!({"system": "Slurm", "config": {}, "jobs": jobs})).unwrap();
        let store = Store::new(Path::new("/cache"));
        for (keys, moved, wanted, unwanted) in [
            (vec!["a", "b", "c", "d"], vec![], vec!["a", "b", "c"], vec![]),
            (vec!["a"], vec![], vec!["a"], vec!["b", "c"]),
            (vec!["a", "x", "c"], vec![], vec!["a"], vec!["b", "c"]),
            (vec!["b", "c"], vec!["/there/a.7/output"], vec!["b", "c"], vec![]),
        ] {
            let (from, found, others) = note.split(&keys, &store);
            let from: Vec<_> = from.iter().map(|(from, _)| from.to_str().unwrap()).collect();
            let found: Vec<_> = found.iter().map(|left| left.key.as_str()).collect();
            let others: Vec<_> = others.iter().map(|left| left.key.as_str()).collect();
            assert_eq!((from, found, others), (moved, wanted, unwanted), "{keys:?}");
        }
        for (key, found) in [("a", 3), ("c", 1), ("x", 0)] {
            assert_eq!(note.from(key).len(), found, "{key}");
        }
        assert!(note.alone().is_none());
        let later = json!({"system": "Slurm", "config": {}, "jobs": [
            {"key": "c", "id": "another", "work": "c.7", "output_dir": "/there/c.7/output"}
        ]});
        let later: Note = serde_json::from_value(later).unwrap();
        assert!(note.has(&note.from("c")[0]) && !later.has(&note.from("c")[0]));
        let (moved, ..) = note.split(&["b"], &store);
        assert_eq!(moved[0].1, Path::new("/cache/v1/steps/a/files"));
    }
}
