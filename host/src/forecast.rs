//! What the steps of a run will take of time, memory and disk, and whether this machine has that.
//!
//! Planners of plugins estimate memory, disk and operations from shapes alone; how fast this machine
//! works is learned from steps that it has run.

mod rates;
mod room;
mod whole;

pub use rates::learn;
pub use whole::{Extent, Whole, whole};

use olive_schemas::validation::Cost;
use thiserror::Error;

use crate::engine;
use crate::plan::{Plan, Role, Step};
use crate::store::Store;
use crate::units::{bytes, duration};
use rates::{Rates, Work};

/// Confidence from which on an estimate may keep a run from starting.
const SURE: f64 = 0.5;

/// What one step will take.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Whether its result is there already.
    pub is_done: bool,
    /// Memory and disk, when a planner knows.
    pub cost: Option<Cost>,
    /// Wall time, when steps of this kind have run on this machine.
    pub seconds: Option<f64>,
}

/// What a machine has too little of for a step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{step} will need about {} of {what}, and there are {} of it {place}", bytes(*needed as f64), bytes(*there as f64))]
pub struct Shortage {
    /// The step, as people call it, or several.
    pub step: String,
    /// `memory`, or `disk` with its place.
    pub what: String,
    /// Bytes that are needed.
    pub needed: u64,
    /// Bytes that are there.
    pub there: u64,
    /// Where that is: `here`.
    pub place: String,
}

/// What each step of `plan` will take; `costs` are the estimates of its passes by name.
pub fn forecasts(plan: &Plan, costs: &[(String, Option<Cost>)], store: &Store) -> Vec<Forecast> {
    let rates = Rates::open();
    let model_bytes = engine::size(&plan.input.model, store).unwrap_or_default();
    let forecast = |step: &Step| {
        let cost = cost_of(step, costs);
        let work = Work::of(cost, model_bytes);
        Forecast {
            is_done: store.get(&step.key).is_some(),
            cost: cost.cloned(),
            seconds: rates.seconds(step, work, step.threads),
        }
    };
    plan.steps.iter().map(forecast).collect()
}

/// Whether this machine has what is left to do of `plan` needs, or that is of no account.
///
/// # Errors
/// What there is too little of.
pub fn check(
    plan: &Plan,
    costs: &[(String, Option<Cost>)],
    store: &Store,
    is_forced: bool,
) -> Result<(), Vec<Shortage>> {
    if is_forced {
        return Ok(());
    }
    let short = shortages(plan, &forecasts(plan, costs, store));
    if short.is_empty() { Ok(()) } else { Err(short) }
}

fn shortages(plan: &Plan, forecasts: &[Forecast]) -> Vec<Shortage> {
    let left = plan.steps.iter().zip(forecasts);
    let known = left.filter(|(_, forecast)| !forecast.is_done).filter_map(|(step, forecast)| {
        let cost = forecast.cost.as_ref().filter(|cost| cost.confidence >= SURE)?;
        Some((step, cost))
    });
    let known: Vec<(&Step, &Cost)> = known.collect();
    let here = room::memory();
    let mut found: Vec<Shortage> =
        known.iter().filter_map(|(step, cost)| short_of_memory(step, cost, here)).collect();
    let local = known.iter().filter(|(step, _)| step.system.is_none());
    let needed: u64 = local.map(|(_, cost)| cost.disk_bytes).sum();
    if let Some(there) = room::disk(&plan.cache_dir).filter(|there| needed > *there) {
        let what = format!("disk in `{}`", plan.cache_dir.display());
        found.push(Shortage {
            step: "what is left to do".into(),
            what,
            needed,
            there,
            place: "here".into(),
        });
    }
    found
}

/// What `step` lacks of memory where it runs; `here` is that of this machine.
fn short_of_memory(step: &Step, cost: &Cost, here: Option<u64>) -> Option<Shortage> {
    let (there, place) = match &step.system {
        None => (here?, "here".to_owned()),
        Some(system) => (system.memory_bytes?, format!("for a worker on `{}`", system.label)),
    };
    (cost.peak_host_bytes > there).then(|| Shortage {
        step: format!("`{}`", step.title()),
        what: "memory".into(),
        needed: cost.peak_host_bytes,
        there,
        place,
    })
}

/// Trials that fit into the memory of this machine at a time, of at most `wanted`, each as large as
/// the largest of `costs` of a pass that `is_here`.
pub fn trials_that_fit(
    wanted: usize,
    costs: &[(String, Option<Cost>)],
    is_here: impl Fn(&str) -> bool,
) -> usize {
    let costs = costs.iter().filter(|(name, _)| is_here(name));
    let peaks = costs.filter_map(|(_, cost)| Some(cost.as_ref()?.peak_host_bytes));
    let (Some(peak), Some(there)) = (peaks.max(), room::memory()) else { return wanted };
    let fitting = there.checked_div(peak).and_then(|count| usize::try_from(count).ok());
    wanted.min(fitting.unwrap_or(wanted)).max(1)
}

/// What `forecast` says in a few words; nothing when it knows nothing.
pub fn words(forecast: &Forecast) -> Option<String> {
    let time = forecast.seconds.map(duration);
    let room = forecast.cost.as_ref().map(|cost| {
        let memory = cost.peak_host_bytes.max(cost.peak_device_bytes);
        let shown = |count: u64| bytes(count as f64);
        format!("{} of memory, {} on disk", shown(memory), shown(cost.disk_bytes))
    });
    let parts: Vec<String> = time.into_iter().chain(room).collect();
    (!parts.is_empty()).then(|| format!("about {}", parts.join(", ")))
}

/// What `whole` says in a line; nothing when it knows nothing.
pub fn whole_words(whole: &Whole, max_time: Option<f64>) -> Option<String> {
    let shown = |count: u64| bytes(count as f64);
    let time = (whole.seconds > 0.0).then(|| duration(whole.seconds));
    let room = (whole.memory_bytes > 0).then(|| {
        format!("{} of memory, {} on disk", shown(whole.memory_bytes), shown(whole.disk_bytes))
    });
    let parts: Vec<String> = time.into_iter().chain(room).collect();
    if parts.is_empty() {
        return None;
    }
    let (variants, steps) =
        (counted(whole.num_variants, "variant"), counted(whole.num_steps, "step"));
    let told = format!("about {} for {variants}, {steps} to do", parts.join(", "));
    let is_partly_known = whole.seconds > 0.0 && !whole.unknown.is_empty();
    let unknown = is_partly_known
        .then(|| format!("the time of `{}` is not known yet", whole.unknown.join("`, `")));
    let end = max_time.filter(|limit| *limit < whole.seconds);
    let end = end.map(|limit| format!("none is begun after {}", duration(limit)));
    let parts: Vec<String> = std::iter::once(told).chain(unknown).chain(end).collect();
    Some(parts.join("; "))
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// The estimate for `step`, when it is a pass that a planner knows.
fn cost_of<'a>(step: &Step, costs: &'a [(String, Option<Cost>)]) -> Option<&'a Cost> {
    let Role::Pass { pass_name } = &step.role else { return None };
    let (_, cost) = costs.iter().find(|(name, _)| name == pass_name)?;
    cost.as_ref()
}
