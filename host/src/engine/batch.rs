//! Steps of trials that come to a system at about the same time, handed over together.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use olive_schemas::error::PluginError;
use olive_schemas::system::Job;

use crate::plan::SystemUse;

/// How long the first of a batch waits for a further one, when a trial is under way that has no job
/// yet: those that start together differ by the time that their passes need for a look at the model.
const QUIET: Duration = Duration::from_secs(5);

/// The trials of a search that are under way, and their jobs that wait for others.
pub struct Batches {
    /// How many jobs of a batch run at a time.
    at_a_time: usize,
    quiet: Duration,
    state: Mutex<State>,
    /// Told of every change.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Trials under way.
    num_trials: usize,
    /// Those among them whose job is under way.
    num_away: usize,
    open: Vec<Open>,
}

/// A batch that is being gathered.
struct Open {
    system: SystemUse,
    jobs: Vec<Job>,
    last_arrival: Instant,
    answer: Arc<Mutex<Option<Answer>>>,
}

type Answer = Result<Vec<String>, PluginError>;

/// A trial under way, until it is dropped.
pub struct Trial<'a>(&'a Batches);

/// A trial whose job is under way, until it is dropped.
pub(super) struct Away<'a>(&'a Batches);

impl Batches {
    /// No trial yet; of the jobs that are handed over together so many run at a time.
    pub fn new(at_a_time: usize) -> Self {
        Self::with_quiet(at_a_time, QUIET)
    }

    fn with_quiet(at_a_time: usize, quiet: Duration) -> Self {
        Self { at_a_time, quiet, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Counts a trial whose jobs may be waited for.
    pub fn enter(&self) -> Trial<'_> {
        self.state().num_trials += 1;
        Trial(self)
    }

    /// Says that the job of a trial is under way: nobody waits for another one.
    pub(super) fn leave(&self) -> Away<'_> {
        self.state().num_away += 1;
        self.changed.notify_all();
        Away(self)
    }

    /// The id of `job` on `system`, which `submit` hands over with those of other trials; one of them
    /// does it for all.
    ///
    /// # Errors
    /// When the system does not accept them.
    pub(super) fn submit(
        &self,
        system: &SystemUse,
        job: Job,
        submit: impl FnOnce(Vec<Job>, usize) -> Answer,
    ) -> Result<String, PluginError> {
        let (index, answer) = self.arrive(system, job);
        if index == 0 {
            let jobs = self.gathered(&answer);
            let ids = submit(jobs, self.at_a_time);
            *lock(&answer) = Some(ids);
            // Who waits holds the state while it looks: none of them misses this.
            drop(self.state());
            self.changed.notify_all();
        }
        let mut state = self.state();
        loop {
            if let Some(ids) = &*lock(&answer) {
                let id = ids.clone()?.get(index).cloned();
                return id
                    .ok_or_else(|| PluginError::new("answer", "a job of the batch has no id"));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts `job` into the batch that is gathered for `system`; gives its place, and where the answer
    /// will be.
    fn arrive(&self, system: &SystemUse, job: Job) -> (usize, Arc<Mutex<Option<Answer>>>) {
        let mut state = self.state();
        let place = state.open.iter().position(|open| open.system == *system);
        let place = place.unwrap_or_else(|| {
            let (jobs, answer) = (Vec::new(), Arc::default());
            let last_arrival = Instant::now();
            state.open.push(Open { system: system.clone(), jobs, last_arrival, answer });
            state.open.len() - 1
        });
        let open = &mut state.open[place];
        open.last_arrival = Instant::now();
        open.jobs.push(job);
        let arrived = (open.jobs.len() - 1, Arc::clone(&open.answer));
        drop(state);
        self.changed.notify_all();
        arrived
    }

    /// The jobs of the batch with this `answer`: when all trials have come that have no job under way,
    /// or no further one did for a while.
    fn gathered(&self, answer: &Arc<Mutex<Option<Answer>>>) -> Vec<Job> {
        let mut state = self.state();
        loop {
            let place = state.open.iter().position(|open| Arc::ptr_eq(&open.answer, answer));
            let Some(place) = place else { return Vec::new() };
            let open = &state.open[place];
            let left = self.quiet.saturating_sub(open.last_arrival.elapsed());
            if left.is_zero() || open.jobs.len() + state.num_away >= state.num_trials {
                return state.open.swap_remove(place).jobs;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A thread that panicked has left it as it was.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.0.state().num_trials -= 1;
        self.0.changed.notify_all();
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.state().num_away -= 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;
    use std::thread;
    use std::time::Duration;

    use olive_schemas::error::PluginError;
    use olive_schemas::system::Job;
    use serde_json::json;

    use super::Batches;
    use crate::plan::SystemUse;

    fn system(label: &str) -> SystemUse {
        SystemUse {
            label: label.into(),
            library: PathBuf::from("/plugin").into(),
            name: "Slurm".into(),
            config: json!({}),
            ranks: 1,
            threads: None,
            memory_bytes: None,
            chains: true,
            batches: true,
            rehearses: false,
        }
    }

    fn job(title: &str) -> Job {
        let folder = json!([]);
        serde_json::from_value(json!({
            "title": title, "program": "/olive", "arguments": folder, "input": "",
            "folder": "/job", "inputs": [], "outputs": [], "threads": 1
        }))
        .unwrap()
    }

    /// Lets a trial of each label submit a job; gives the sizes of the batches and the ids.
    fn submitted(
        labels: &[&str],
        num_trials: usize,
        is_refused: bool,
    ) -> (Vec<usize>, Vec<String>) {
        let batches = Batches::with_quiet(4, Duration::from_millis(200));
        let sizes = Mutex::new(Vec::new());
        let trials: Vec<_> = (0..num_trials).map(|_| batches.enter()).collect();
        let hand_over = |jobs: Vec<Job>, at_a_time: usize| -> super::Answer {
            assert_eq!(at_a_time, 4);
            sizes.lock().unwrap().push(jobs.len());
            let refused = PluginError::new("slurm-refused", "no");
            let ids = jobs.into_iter().map(|job| format!("id of {}", job.title)).collect();
            if is_refused { Err(refused) } else { Ok(ids) }
        };
        let ids = thread::scope(|scope| {
            let hand_over = &hand_over;
            let batches = &batches;
            let threads: Vec<_> = labels
                .iter()
                .enumerate()
                .map(|(index, label)| {
                    scope.spawn(move || {
                        let job = job(&index.to_string());
                        let id = batches.submit(&system(label), job, hand_over);
                        id.unwrap_or_else(|error| error.to_string())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        drop(trials);
        let mut sizes = sizes.into_inner().unwrap();
        sizes.sort_unstable();
        (sizes, ids)
    }

    #[test]
    fn jobs_of_all_trials_are_handed_over_at_once_and_each_has_its_own_id() {
        let (sizes, ids) = submitted(&["a", "a", "a"], 3, false);
        assert_eq!(sizes, [3]);
        assert_eq!(ids, ["id of 0", "id of 1", "id of 2"]);
    }

    #[test]
    fn trials_that_do_not_come_are_not_waited_for_long() {
        assert_eq!(submitted(&["a", "a"], 5, false).0, [2]);
        assert_eq!(submitted(&["a", "b", "a"], 3, false).0, [1, 2]);
    }

    #[test]
    fn trials_whose_job_is_under_way_are_not_waited_for_at_all() {
        let batches = Batches::with_quiet(4, Duration::from_mins(10));
        let _trials = [batches.enter(), batches.enter()];
        let away = batches.leave();
        let submit = |jobs: Vec<Job>, _| Ok(vec![jobs.len().to_string()]);
        assert_eq!(batches.submit(&system("a"), job("0"), submit).unwrap(), "1");
        drop(away);
    }

    #[test]
    fn a_refusal_is_told_to_every_trial() {
        let (_, told) = submitted(&["a", "a"], 2, true);
        assert!(told.iter().all(|told| told.contains("no")), "{told:?}");
    }
}
