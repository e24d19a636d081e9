//! A search: variants of a workflow are tried until a rule says stop, and the best is the result.
//!
//! A trial is the run of a plain config, the one that its variant says, with the same check, plan
//! and engine as any other: steps that trials share run once, and a search that was stopped goes on
//! where it was, since their results are found by content.

mod outlook;
mod trial;
mod standing;
mod tree;
mod ending;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use olive_schemas::footprint::Footprint;
use olive_schemas::metric::MetricKind;
use olive_schemas::search::{
    ExecutionOrder, Objective, Sampler as Way, SearchEnd, SearchStrategy, TrialOutcome,
};
use olive_search::{Point, Sampler, Told};

use crate::clock;
use crate::config::variants::{Stage, Variant, Variants};
use crate::config::{CheckedWorkflow, Finding, Scope, Source};
use crate::engine::Batches;
use crate::error::Error;
use crate::forecast;
use crate::host::{Host, unplanned};
use crate::output;
use crate::plan::{self, Choices, Plan, Purpose};
use crate::plugin::Catalog;
use crate::store::Store;
use crate::validate::estimates;
use crate::view::View;
pub use outlook::{Outlook, Prospect, outlook};
use standing::Standing;
use trial::{Ground, Made};

/// Variants that are begun at a time where those above the allowed number wait in a queue.
const WAITING: usize = 16;

/// A config with a search.
pub struct Searched<'a> {
    /// Its text.
    pub source: &'a Source,
    /// The config, or one build of it.
    pub build: &'a CheckedWorkflow,
    /// What has been told about it.
    pub findings: &'a [Finding],
    /// How to search.
    pub strategy: SearchStrategy,
    /// Among what.
    pub variants: Arc<Variants>,
}

/// Runs the search, and puts the best model in its place.
///
/// # Errors
/// When no variant can work or every one fails, when the user stops it, and [`Error::Unreached`]
/// when no model meets the goals; the one that comes nearest is then in its place.
pub fn run(host: &Host, searched: &Searched<'_>, choices: &Choices) -> Result<Footprint, Error> {
    let Searched { source, build, .. } = searched;
    let view = host.view(build.workflow().engine.log_severity_level);
    let (choices, parallel) = shared_out(host, searched, choices, &view);
    let plan = plan::resolve(build, &source.folder(), &host.catalog, &choices)
        .map_err(|error| unplanned(error, source, build))?;
    if let Some(folder) = &plan.output_dir {
        output::check_writable(folder)?;
    }
    let store = Store::new(&plan.cache_dir);
    let ground = Ground {
        host,
        searched,
        choices,
        store: &store,
        view: &view,
        without_samples: Mutex::default(),
    };
    let mut search = Search::new(&ground, plan, parallel);
    let end = search.run();
    search.conclude(end)
}

/// `choices` with the threads of one trial, and how many trials there are at a time.
fn shared_out(
    host: &Host,
    searched: &Searched<'_>,
    choices: &Choices,
    view: &View,
) -> (Choices, usize) {
    let Searched { source, build, strategy, .. } = searched;
    let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
    let local = LocalWork::of(build, &host.catalog);
    // Jobs have processors and memory of their own.
    let most = if local.is_none() { usize::MAX } else { choices.threads.max(1) };
    let parallel = parallel_trials(strategy, build, most, view);
    let costs = estimates(build, source, &host.catalog, scope);
    let parallel = forecast::trials_that_fit(parallel, &costs, |name| local.passes.contains(&name));
    let threads = (choices.threads / parallel).max(1);
    (Choices { purpose: Purpose::Trial, threads, ..choices.clone() }, parallel)
}

/// What trials do on this machine.
struct LocalWork<'a> {
    passes: Vec<&'a str>,
    evaluates: bool,
    /// Names of the systems that do the rest.
    systems: Vec<&'a String>,
}

impl<'a> LocalWork<'a> {
    fn of(build: &'a CheckedWorkflow, catalog: &Catalog) -> Self {
        let workflow = build.workflow();
        let engine = &workflow.engine;
        let is_elsewhere = |label: Option<&String>| plan::is_elsewhere(label, workflow, catalog);
        let passes = workflow.passes.iter();
        let hosts = passes.map(|(name, pass)| (name, pass.host.as_ref().or(engine.host.as_ref())));
        let (there, here): (Vec<_>, Vec<_>) = hosts.partition(|(_, host)| is_elsewhere(*host));
        let target = engine.target.as_ref().or(engine.host.as_ref());
        Self {
            passes: here.into_iter().map(|(name, _)| name.as_str()).collect(),
            evaluates: !is_elsewhere(target),
            systems: there.into_iter().filter_map(|(_, host)| host).chain(target).collect(),
        }
    }

    fn is_none(&self) -> bool {
        self.passes.is_empty() && !self.evaluates
    }
}

/// Trials at a time, at `most`: what is asked for, unless time is measured, which others would
/// disturb.
fn parallel_trials(
    strategy: &SearchStrategy,
    build: &CheckedWorkflow,
    most: usize,
    view: &View,
) -> usize {
    let wanted = strategy.parallel_trials.clamp(1, most);
    let workflow = build.workflow();
    let passes = workflow.passes.values().filter_map(|pass| pass.evaluator.as_deref());
    let names = workflow.engine.evaluator.as_deref().into_iter().chain(passes);
    let metrics = names.filter_map(|name| build.evaluator(name)).flat_map(|found| found.metrics);
    let measures_time = |kind| matches!(kind, MetricKind::Latency | MetricKind::Throughput);
    if wanted > 1 && metrics.map(|metric| metric.kind).any(measures_time) {
        view.note("variants are tried one at a time: others would disturb what measures time");
        return 1;
    }
    wanted
}

/// A search under way.
struct Search<'a> {
    ground: &'a Ground<'a>,
    /// The plan of the config's first variant.
    plan: Plan,
    parallel: usize,
    /// Variants that are begun at a time.
    round: usize,
    standing: Standing,
    start: Instant,
    start_time: String,
    /// What each trial of the present stage decided.
    points: Vec<Point>,
    /// Number of the first trial of the present stage.
    first: usize,
}

impl<'a> Search<'a> {
    fn new(ground: &'a Ground<'a>, plan: Plan, parallel: usize) -> Self {
        let standing = Standing::new(plan.objectives.clone());
        Self {
            ground,
            plan,
            parallel,
            round: if waits_elsewhere(ground, parallel) { WAITING } else { parallel },
            standing,
            start: Instant::now(),
            start_time: clock::now(),
            points: Vec::new(),
            first: 0,
        }
    }

    /// Searches every stage.
    fn run(&mut self) -> SearchEnd {
        let variants = &self.ground.searched.variants;
        let strategy = &self.ground.searched.strategy;
        let passes = self.ground.searched.build.decided_passes();
        let names: Vec<&str> = passes.iter().map(String::as_str).collect();
        let with_settings = strategy.include_pass_params;
        let whole = variants.stage(&names, with_settings);
        self.ground.view.search_started(&self.plan.workflow_id, whole.space.count());
        if strategy.execution_order == ExecutionOrder::Joint || names.len() < 2 {
            return self.stage(&whole, None, &variants.first());
        }
        let mut best = variants.first();
        let mut end = SearchEnd::Exhausted;
        for (index, name) in names.iter().enumerate() {
            let stage = variants.stage(&[name], with_settings);
            let is_last = index + 1 == names.len();
            end = self.stage(&stage, Some((name, is_last)), &best);
            let chosen = self.standing.best_since(self.first);
            match chosen {
                Some(trial) => best = trial.variant.clone(),
                None => return end,
            }
            if matches!(end, SearchEnd::Cancelled | SearchEnd::Time) {
                return end;
            }
        }
        end
    }

    /// Tries variants of one stage that are `before` but for what the stage decides; of a pass
    /// that is searched by itself, those after it do not run unless it is the last.
    fn stage(&mut self, stage: &Stage, name: Option<(&str, bool)>, before: &Variant) -> SearchEnd {
        let strategy = &self.ground.searched.strategy;
        let mut sampler = match strategy.sampler {
            Way::Sequential => Sampler::sequential(),
            Way::Random => Sampler::random(strategy.seed),
            Way::Tpe => Sampler::tpe(strategy.seed),
        };
        self.points.clear();
        self.first = self.standing.trials().len();
        let mut begun = 0;
        loop {
            if let Some(end) = self.stop(begun, name) {
                return end;
            }
            let told = self.told();
            let left = self.left(begun);
            let points: Vec<Point> = std::iter::from_fn(|| sampler.ask(&stage.space, &told))
                .take(self.round.min(left))
                .collect();
            if points.is_empty() {
                return SearchEnd::Exhausted;
            }
            begun += self.try_points(points, stage, name, before);
        }
    }

    /// Tries `points` at the same time; gives how many could be begun.
    fn try_points(
        &mut self,
        points: Vec<Point>,
        stage: &Stage,
        name: Option<(&str, bool)>,
        before: &Variant,
    ) -> usize {
        let ground = self.ground;
        let variants = &ground.searched.variants;
        let last = name.filter(|(_, is_last)| !is_last).map(|(name, _)| name);
        let trials: Vec<(usize, Variant)> = points
            .iter()
            .enumerate()
            .map(|(index, point)| {
                (self.standing.trials().len() + index + 1, variants.decide(stage, point, before))
            })
            .collect();
        let strategy = &ground.searched.strategy;
        let standing = &self.standing;
        let bar = strategy.stop_worse.then(|| standing.bar(strategy.output_model_num)).flatten();
        let bar = bar.as_ref();
        let batches = Batches::new(self.parallel);
        let made: Vec<Made> = if let [(number, variant)] = &trials[..] {
            let _trial = batches.enter();
            vec![ground.run(*number, variant, (last, bar), ground.view, &batches)]
        } else {
            let quiet = View::quiet();
            thread::scope(|scope| {
                let (quiet, batches) = (&quiet, &batches);
                let threads: Vec<_> = trials
                    .iter()
                    .map(|(number, variant)| {
                        // Who comes late is counted from the start.
                        let trial = batches.enter();
                        scope.spawn(move || {
                            let _trial = trial;
                            ground.run(*number, variant, (last, bar), quiet, batches)
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|_| Made::lost()))
                    .collect()
            })
        };
        let mut begun = 0;
        for ((number, variant), made) in trials.into_iter().zip(made) {
            begun += usize::from(!matches!(made.outcome, TrialOutcome::Skipped { .. }));
            let metrics = made.models.last().map(|model| model.metrics.clone()).unwrap_or_default();
            let stage = name.map(|(name, _)| name.to_owned());
            let record =
                self.standing.add(number, stage, variants.choices(&variant), variant, made);
            ground.view.trial_ended(record, &metrics);
        }
        self.points.extend(points);
        begun
    }

    /// What came of the points of this stage.
    fn told(&self) -> Vec<Told> {
        let ranks = self.standing.ranks_since(self.first);
        let points = self.points.iter().zip(ranks);
        points.map(|(point, rank)| Told { point: point.clone(), rank }).collect()
    }

    /// Variants that the rules still allow, after so many were begun in this stage.
    fn left(&self, begun: usize) -> usize {
        let limit = self.ground.searched.strategy.limit();
        limit.map_or(usize::MAX, |limit| limit.saturating_sub(begun))
    }

    /// Why no further variant is begun.
    fn stop(&self, begun: usize, stage: Option<(&str, bool)>) -> Option<SearchEnd> {
        let strategy = &self.ground.searched.strategy;
        let elapsed = self.start.elapsed();
        let is_late = strategy.max_time.is_some_and(|seconds| {
            Duration::try_from_secs_f64(seconds).is_ok_and(|limit| elapsed >= limit)
        });
        let goals_met = strategy.stop_when_goals_met && stage.is_none();
        if self.ground.host.cancel.is_cancelled() {
            Some(SearchEnd::Cancelled)
        } else if goals_met && !self.plan.goals.is_empty() && self.standing.meets_goals() {
            Some(SearchEnd::GoalsMet)
        } else if self.left(begun) == 0 {
            Some(SearchEnd::Samples)
        } else if is_late {
            Some(SearchEnd::Time)
        } else {
            None
        }
    }
}

/// Whether systems see to it that only `parallel` trials run at a time, so that more can be handed
/// over: none needs to know how another came out.
fn waits_elsewhere(ground: &Ground<'_>, parallel: usize) -> bool {
    let Searched { build, strategy, .. } = ground.searched;
    let catalog = &ground.host.catalog;
    let systems = &build.workflow().systems;
    let has_batches = |label: &&String| {
        let known = systems.get(*label).and_then(|system| catalog.system(&system.kind));
        known.is_some_and(|(_, descriptor)| descriptor.batches)
    };
    let local = LocalWork::of(build, catalog);
    let stops_early =
        strategy.stop_when_goals_met || strategy.stop_worse || strategy.max_time.is_some();
    parallel > 1
        && strategy.sampler != Way::Tpe
        && !stops_early
        && local.is_none()
        && local.systems.iter().all(has_batches)
}

/// Objectives as a sampler's order sees them.
fn directions(objectives: &[Objective]) -> Vec<olive_search::Objective> {
    let direction = |objective: &Objective| olive_search::Objective {
        higher_is_better: objective.higher_is_better,
    };
    objectives.iter().map(direction).collect()
}
