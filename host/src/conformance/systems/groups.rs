//! What only some systems do: take several jobs at once, say what they would send.

use std::fs;
use std::io;

use olive_schemas::error::PluginError;
use olive_schemas::system::{ChainedJob, Job as Submitted, SystemCall, SystemReply};

use super::toy::Toy;
use super::{Attempt, Job, is_over};
use crate::conformance::report::{Finding, Report, counted, failed, unless_any};

impl Attempt<'_> {
    /// Tries what the system says that it can do beside single jobs.
    pub(super) fn check_groups(&self, report: &mut Report<'_>) -> io::Result<()> {
        let name = |check: &str| format!("{}/{check}", self.name);
        if self.system.rehearses {
            report.add(name("rehearses"), self.rehearsed()?);
        }
        if self.system.batches {
            report.add(name("batches"), self.done_together(batch)?);
        }
        if self.system.chains {
            report.add(name("chains"), self.done_together(chain)?);
        }
        Ok(())
    }

    /// Whether it says what it would send, and sends nothing.
    fn rehearsed(&self) -> io::Result<Finding> {
        let toy = Toy::new(self.bench.world, false)?;
        let rehearse = |job| self.ask(SystemCall::Rehearse { job: Box::new(job) });
        let messages = match toy.job().and_then(rehearse) {
            Ok(SystemReply::Messages(messages)) => messages,
            Ok(_) => return Ok(failed("`rehearse` is answered with something else")),
            Err(error) => return Ok(failed(error.to_string())),
        };
        if messages.is_empty() {
            return Ok(failed("it would send nothing"));
        }
        if fs::read_dir(toy.folder())?.next().is_some() {
            return Ok(failed("it leaves something in the folder of a job that is not sent"));
        }
        Ok(Ok(counted(messages.len(), "message")))
    }

    /// Whether two jobs that `call` hands over at once both end well, with their files.
    fn done_together(&self, call: fn(Vec<Submitted>) -> SystemCall) -> io::Result<Finding> {
        let toys = [Toy::new(self.bench.world, false)?, Toy::new(self.bench.world, false)?];
        let jobs: Result<Vec<_>, PluginError> = toys.iter().map(Toy::job).collect();
        let ids = match jobs.and_then(|jobs| self.ask(call(jobs))) {
            Ok(SystemReply::SubmittedAll(ids)) if ids.len() == toys.len() => ids,
            Ok(_) => return Ok(failed("it does not give an id for each of two jobs")),
            Err(error) => return Ok(failed(error.to_string())),
        };
        let jobs = toys.into_iter().zip(ids);
        let mut jobs: Vec<_> =
            jobs.map(|(toy, id)| Job { toy, id, heard: String::new() }).collect();
        let follow = |job: &mut Job| {
            let ran = self.follow(job, |job, state| is_over(state) || job.has_ended());
            ran.and_then(|()| job.said(&Toy::answer()))
        };
        // A job of a chain may need what those before it have left, until the last has ended.
        let ran: Vec<_> = jobs.iter_mut().map(follow).collect();
        let mut problems = Vec::new();
        for (job, ran) in jobs.iter().zip(ran) {
            let collected = self.ask(SystemCall::Collect { id: job.id.clone() });
            let files = ran
                .and_then(|()| collected.map_err(|error| error.to_string()))
                .and_then(|_| job.toy.check_files());
            problems.extend(files.err());
        }
        Ok(unless_any(problems, "two jobs have ended and left their files"))
    }
}

fn batch(jobs: Vec<Submitted>) -> SystemCall {
    SystemCall::SubmitBatch { jobs, at_a_time: 1 }
}

fn chain(jobs: Vec<Submitted>) -> SystemCall {
    let link = |mut job: Submitted| {
        job.arguments = vec!["worker".into(), "--chained".into()];
        ChainedJob { job, model_from: None }
    };
    SystemCall::SubmitChain { jobs: jobs.into_iter().map(link).collect() }
}
