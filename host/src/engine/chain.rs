//! Steps that follow each other on a system that takes them all at once.
//!
//! Keys of steps are known before any of them runs, but where a model lies is not; so the worker of a
//! later job takes its model from the last word of the earlier one (`worker/chained.rs`). Later jobs
//! read the work folders of earlier ones: nothing is published before the last has ended.
//!
//! The jobs go on when this host is gone. A note in each work folder says which they are; whoever
//! comes to one of the steps next follows them as if it had started them.

mod member;

use std::path::PathBuf;

use olive_schemas::error::PluginError;
use olive_schemas::footprint::ModelRecord;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::{Call, Usage};
use olive_schemas::step::LogLevel;
use olive_schemas::system::ChainedJob;

use super::elsewhere::folder::JobFolder;
use super::elsewhere::{Following, job};
use super::ended::{Begun, Ended, Failed, Worked, moved_to, publish};
use super::inputs::Inputs;
use super::left::{self, TakenUp};
use super::note::{Left, Note};
use super::record::Recorder;
use super::step::{check_input, request};
use super::{RunContext, model};
use crate::plan::{Plan, Role, Step, SystemUse};
use crate::plugin::process::Failure;
use crate::steps::StepTitle;
use crate::store::lock::Lock;
use crate::store::{Hold, StoreError, Work};
use member::{Done, Handed, Jobs};

/// Runs the steps with which `steps` begins as a chain, when they are one: how each ended that was
/// begun.
pub(super) fn run(
    plan: &Plan,
    steps: Vec<(&Step, &StepTitle)>,
    models: &[ModelRecord],
    context: &RunContext<'_>,
) -> Option<Vec<Ended>> {
    let system = steps.first()?.0.system.as_ref().filter(|system| system.chains)?;
    let is_new = |step: &Step| context.store.get(&step.key).is_none();
    let is_member = |step: &Step| step.system.as_ref() == Some(system) && is_new(step);
    let members: Vec<_> = steps.into_iter().take_while(|(step, _)| is_member(step)).collect();
    let mut chain = Chain { plan, system, members, models, context };
    chain.cut();
    let first = &chain.members.first()?.0.key;
    let left = context.store.left::<Note>(first).map(|(_, note)| note);
    let left = left.filter(|note| note.is_on(system));
    let is_of_a_job_alone = left.as_ref().is_some_and(|note| note.alone().is_some());
    if is_of_a_job_alone || (chain.members.len() < 2 && left.is_none()) {
        return None;
    }
    chain.run(left)
}

struct Chain<'a> {
    plan: &'a Plan,
    system: &'a SystemUse,
    members: Vec<(&'a Step, &'a StepTitle)>,
    /// Those that were made before.
    models: &'a [ModelRecord],
    context: &'a RunContext<'a>,
}

impl<'a> Chain<'a> {
    /// Ends the chain before a pass that has yet to look at a model which is there: it does so here,
    /// when its turn comes.
    fn cut(&mut self) {
        let has_yet_to_look = |index: &usize| {
            let (step, _) = self.members[*index];
            matches!(step.role, Role::Pass { .. })
                && self.maker(*index).is_none()
                && !self.context.settled.contains(&step.key)
        };
        let end = (1..self.members.len()).find(has_yet_to_look);
        self.members.truncate(end.unwrap_or(self.members.len()));
    }

    fn run(&self, left: Option<Note>) -> Option<Vec<Ended>> {
        let locks = self.locks()?;
        let &(step, title) = self.members.first()?;
        self.context.view.step_started(title);
        let (begun, recorder) = (Begun::now(), Recorder::default());
        let jobs = match left {
            Some(note) => self.take_up(&note, locks, &recorder),
            None => self.hand_over(locks, &recorder),
        };
        match jobs {
            Ok(jobs) => {
                let ends = self.follow(jobs, begun, recorder);
                match ends.len() {
                    // The first is to be begun anew; alone it is no chain.
                    0 if self.members.len() < 2 => None,
                    0 => self.run(None),
                    _ => Some(ends),
                }
            }
            Err(failed) => {
                let ended = Ended::without_result(step, *failed, &begun, &recorder);
                self.context.view.step_ended(title, &ended.record, &[]);
                Some(vec![ended])
            }
        }
    }

    /// The locks of all members; none when another run has one, or has done the step meanwhile.
    fn locks(&self) -> Option<Vec<Lock>> {
        let store = self.context.store;
        let lock = |(step, _): &(&Step, &StepTitle)| {
            let lock = store.try_lock(&step.key).ok()??;
            store.get(&step.key).is_none().then_some(lock)
        };
        self.members.iter().map(lock).collect()
    }

    /// Submits all members.
    fn hand_over(&self, locks: Vec<Lock>, recorder: &Recorder) -> Result<Jobs<'a>, Failed> {
        let store = self.context.store;
        let holds = self.holds()?;
        if let Some((step, _)) = self.members.first()
            && let Some(input) = model(self.models, step.input())
        {
            check_input(self.plan, step, &input, self.context, recorder).map_err(plain)?;
        }
        let mut begun = Vec::new();
        for ((step, _), lock) in self.members.iter().zip(locks) {
            left::end(self.plan, &step.key, self.context, recorder).map_err(plain)?;
            begun.push(store.begin(&step.key, lock).map_err(|error| plain(error.of_step()))?);
        }
        let (mut jobs, mut parts) = (Vec::new(), Vec::new());
        for (index, work) in begun.iter().enumerate() {
            let (job, folder, inputs) = self.job(index, &begun, work)?;
            jobs.push(job);
            parts.push((folder, inputs));
        }
        let ids = self.ask(recorder, |following| following.submit_chain(jobs)).map_err(plain)?;
        let note = Note::of(self.system, begun.iter().zip(ids.iter().map(String::as_str)));
        let members = self.members.iter().zip(begun).zip(ids).zip(parts);
        let handed = members.map(|(((&(step, title), work), id), (folder, inputs))| Handed {
            step,
            title,
            id,
            work,
            folder,
            inputs: Some(inputs),
            taken_up: None,
        });
        let handed: Vec<Handed<'a>> = handed.collect();
        if let Some(error) = handed.iter().find_map(|member| member.work.leave(&note).err()) {
            let message = format!("{error}; this run must go on to its end");
            left::tell(LogLevel::Warning, message, self.context, recorder);
        }
        Ok(Jobs { handed, moved: Vec::new(), _holds: holds })
    }

    /// Member number `index` as a job, with its folder and what it reads that is there already.
    fn job(
        &self,
        index: usize,
        begun: &[Work],
        work: &Work,
    ) -> Result<(ChainedJob, JobFolder, Inputs), Failed> {
        let (step, _) = self.members[index];
        let model_from = self.maker(index);
        let input = match model_from {
            // The worker of the job finds out which model there will be.
            Some(from) => Model::new(ModelKind::Hf, begun[from].output_dir()),
            None => self.known(step)?,
        };
        let mut request = request(self.plan, step, input, work)?;
        let call = Call::Run { plugin: step.library.clone(), request: Box::new(request.clone()) };
        let folder = JobFolder::beside(&call).map_err(plain)?;
        let mut job = job(&step.title(), &call, step.threads, folder.path()).map_err(plain)?;
        job.arguments = vec!["worker".into(), "--chained".into()];
        if model_from.is_some() {
            request.input.model_path = PathBuf::new();
        }
        Ok((ChainedJob { job, model_from }, folder, Inputs::of(&request)))
    }

    /// Follows jobs that a host which is gone has submitted, as far as they are what is wanted, and
    /// ends the others.
    fn take_up(
        &self,
        note: &Note,
        locks: Vec<Lock>,
        recorder: &Recorder,
    ) -> Result<Jobs<'a>, Failed> {
        let store = self.context.store;
        let holds = self.holds()?;
        let keys: Vec<&str> = self.members.iter().map(|(step, _)| step.key.as_str()).collect();
        let (moved, wanted, unwanted) = note.split(&keys, store);
        let num_over = self.num_over(wanted, recorder)?;
        let mut handed = Vec::new();
        for ((&(step, title), lock), left) in self.members.iter().zip(locks).zip(wanted) {
            let Ok(work) = store.take_up(&step.key, &left.work, lock) else { break };
            let folder = JobFolder::of(&work.output_dir());
            let id = left.id.clone();
            let taken_up = Some(TakenUp::of(id.clone(), handed.len() < num_over));
            handed.push(Handed { step, title, id, work, folder, inputs: None, taken_up });
        }
        for others in [&wanted[handed.len()..], unwanted] {
            let ended = left::give_up(others, None, self.system, self.context, recorder);
            ended.map_err(plain)?;
        }
        let gone = || {
            let message = "what the job of an earlier run has left is gone";
            plain(PluginError::new("store", message).with_help("run again: it is then made anew"))
        };
        if handed.is_empty() { Err(gone()) } else { Ok(Jobs { handed, moved, _holds: holds }) }
    }

    /// How many of `jobs`, of which each waits for the one before, have ended.
    fn num_over(&self, jobs: &[Left], recorder: &Recorder) -> Result<usize, Failed> {
        for (index, left) in jobs.iter().enumerate() {
            let is_over = self.ask(recorder, |following| following.is_over(&left.id));
            if !is_over.map_err(plain)? {
                return Ok(index);
            }
        }
        Ok(jobs.len())
    }

    /// Follows each job to its end; publishes what was made when no other reads it any more. The last
    /// step has no end when it is to be begun anew.
    fn follow(&self, jobs: Jobs<'a>, begun: Begun, recorder: Recorder) -> Vec<Ended> {
        let Jobs { handed, mut moved, _holds } = jobs;
        let mut at = Some((begun, recorder));
        let mut done: Vec<Done> = Vec::new();
        let mut failed = None;
        for (index, member) in handed.iter().enumerate() {
            let (begun, recorder) = at.take().unwrap_or_else(|| {
                self.context.view.step_started(member.title);
                (Begun::now(), Recorder::default())
            });
            recorder.go_on(member.work.earlier_curve());
            match self.finish(index, member, &done, &moved, (&begun, &recorder)) {
                Ok(end) => done.push(end),
                Err(error) => {
                    member.work.keep_curve(&recorder.parts().0);
                    for later in &handed[index + 1..] {
                        self.give_up(later, &recorder);
                    }
                    if self.is_in_vain(member, &error.0) {
                        left::tell_in_vain(&error.0, self.context, &recorder);
                        break;
                    }
                    let ended = Ended::without_result(member.step, *error, &begun, &recorder);
                    self.context.view.step_ended(member.title, &ended.record, &[]);
                    failed = Some(ended);
                    break;
                }
            }
        }
        let num_done = done.len();
        let mut ends = self.publish(handed, done, &mut moved);
        // Nothing comes after a step that could not be kept.
        if ends.len() == num_done {
            ends.extend(failed);
        }
        ends
    }

    /// How member number `index` went, when it is told as done.
    fn finish(
        &self,
        index: usize,
        member: &Handed<'a>,
        done: &[Done],
        moved: &[(PathBuf, PathBuf)],
        (begun, recorder): (&Begun, &Recorder),
    ) -> Result<Done, Failed> {
        let made = self.maker(index).and_then(|from| done.get(from)?.model());
        let input = made.map_or_else(|| self.known(member.step), Ok)?;
        let request = request(self.plan, member.step, input.clone(), &member.work)?;
        let now = Inputs::of(&request);
        let inputs: Vec<&Inputs> = member.inputs.iter().chain([&now]).collect();
        let outcome =
            self.ask(recorder, |following| following.outcome(member.id.clone(), &member.folder));
        if matches!(outcome.result, Err(Failure::OutOfSight(_))) {
            self.give_up(member, recorder);
        }
        let output_dir = member.work.output_dir();
        let worked = Worked {
            step: member.step,
            input: &input,
            inputs: &inputs,
            output_dir: &output_dir,
            moved,
            begun,
            recorder,
        };
        let (record, outcome) = worked.judge(outcome, self.context.store)?;
        let ended = Ended { record, outcome: Some(outcome) };
        self.context.view.step_ended(member.title, &ended.record, ended.metrics());
        let Ended { record, outcome } = ended;
        let missing = || plain(PluginError::new("answer", "the step has made nothing"));
        Ok(Done { record, outcome: outcome.ok_or_else(missing)? })
    }

    /// Makes what is `done` steps of the store, in order: a later model may lie in an earlier step.
    fn publish(
        &self,
        handed: Vec<Handed<'a>>,
        done: Vec<Done>,
        moved: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Vec<Ended> {
        let store = self.context.store;
        let mut ends = Vec::new();
        for (Handed { step, work, folder, .. }, Done { record, outcome }) in
            handed.into_iter().zip(done)
        {
            // It is no part of what the step has made.
            drop(folder);
            let outcome = moved_to(outcome, moved);
            let place = work.output_dir();
            match publish(step, &work, record, &outcome, store) {
                Ok(stored) => {
                    moved.push((place, store.step_dir(&step.key).join("files")));
                    let outcome = Some(stored.outcome);
                    ends.push(Ended { record: stored.record, outcome });
                }
                Err(failed) => {
                    let (begun, recorder) = (Begun::now(), Recorder::default());
                    ends.push(Ended::without_result(step, *failed, &begun, &recorder));
                    break;
                }
            }
        }
        ends
    }

    /// Ends the job of `member`; one that may go on is left to a later run.
    fn give_up(&self, member: &Handed<'a>, recorder: &Recorder) {
        if let Err(error) = self.ask(recorder, |following| following.give_up(&member.id)) {
            left::tell(LogLevel::Warning, error.to_string(), self.context, recorder);
            member.work.stay();
            member.folder.stay();
        }
    }

    /// Whether `member` is to be begun anew after `error`.
    fn is_in_vain(&self, member: &Handed<'a>, error: &PluginError) -> bool {
        let is_in_vain = member.taken_up.as_ref().is_some_and(|job| job.is_in_vain(error));
        is_in_vain && !member.work.stays() && !(self.context.is_cancelled)()
    }

    /// Number of the member that makes the model of member number `index`.
    fn maker(&self, index: usize) -> Option<usize> {
        let number = self.members[index].0.input();
        let makes = |(step, _): &(&Step, &StepTitle)| {
            matches!(step.role, Role::Pass { .. }) && step.model == number
        };
        self.members[..index].iter().position(makes)
    }

    /// The model of `step`, which was made before the chain.
    fn known(&self, step: &Step) -> Result<Model, Failed> {
        model(self.models, step.input())
            .ok_or_else(|| plain(PluginError::new("chain", "the step before it made no model")))
    }

    /// The steps that members read and that were made before.
    fn holds(&self) -> Result<Vec<Hold<'a>>, Failed> {
        let mut numbers: Vec<usize> = (0..self.members.len())
            .filter(|&index| self.maker(index).is_none())
            .map(|index| self.members[index].0.input())
            .collect();
        numbers.dedup();
        let mut holds = Vec::new();
        for input in numbers.into_iter().filter_map(|number| model(self.models, number)) {
            let hold = self.context.store.hold_at_home(&input, self.context.is_cancelled);
            let hold = hold.map_err(|error: StoreError| plain(error.of_step()))?;
            holds.push(hold.ok_or_else(|| plain(PluginError::cancelled()))?);
        }
        Ok(holds)
    }

    /// Lets the system be asked; what it tells is of the step that `recorder` keeps.
    fn ask<T>(&self, recorder: &Recorder, ask: impl FnOnce(&mut Following<'_>) -> T) -> T {
        left::ask(self.system, self.context, recorder, ask)
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "a failure is handed on as it is")]
fn plain(error: PluginError) -> Failed {
    Box::new((error, Usage::default()))
}
