//! What a search is going to try, without trying it.

use olive_schemas::search::{ExecutionOrder, Sampler as Way};
use olive_search::{Point, Sampler};

use super::{Searched, parallel_trials};
use crate::config::Scope;
use crate::config::variants::{Stage, Variant};
use crate::forecast::{self, Extent, Forecast, Whole};
use crate::host::Host;
use crate::plan::{Choices, Plan, Purpose};
use crate::store::Store;
use crate::validate::estimates;
use crate::view::View;

/// Variants that are looked at, at most.
const SHOWN: usize = 64;

/// What a search is going to try.
#[derive(Debug)]
pub struct Outlook {
    /// The first variants in the order they are written.
    pub variants: Vec<Prospect>,
    /// How many there are in all; none where a setting takes any number of a range.
    pub count: Option<u64>,
    /// What trying them will take; none when no rule ends the search.
    pub whole: Option<Whole>,
}

/// A variant and its plan, or why it cannot work.
#[derive(Debug)]
pub struct Prospect {
    /// What the variant decides, in a line.
    pub label: String,
    /// Its plan with what each step will take, or why it cannot work.
    pub plan: Result<(Plan, Vec<Forecast>), String>,
}

/// The outlook of a search.
pub fn outlook(host: &Host, searched: &Searched<'_>, choices: &Choices) -> Outlook {
    let (choices, parallel) = shared_out(host, searched, choices);
    let look = Look { host, searched, choices: &choices };
    let Searched { strategy, variants, build, .. } = searched;
    let passes = build.decided_passes();
    let names: Vec<&str> = passes.iter().map(String::as_str).collect();
    let stage = variants.stage(&names, strategy.include_pass_params);
    let shown = look.at(&stage, None);
    let is_joint = strategy.execution_order == ExecutionOrder::Joint || names.len() < 2;
    let whole = if is_joint {
        look.whole(&[(&stage, &shown[..])], parallel)
    } else {
        let stages: Vec<(Stage, Vec<Prospect>)> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let stage = variants.stage(&[name], strategy.include_pass_params);
                let last = (index + 1 < names.len()).then_some(*name);
                let prospects = look.at(&stage, last);
                (stage, prospects)
            })
            .collect();
        let stages: Vec<_> = stages.iter().map(|(stage, shown)| (stage, &shown[..])).collect();
        look.whole(&stages, parallel)
    };
    Outlook { variants: shown, count: stage.space.count(), whole }
}

/// `choices` with the threads of one trial, and how many trials there are at a time.
fn shared_out(host: &Host, searched: &Searched<'_>, choices: &Choices) -> (Choices, usize) {
    let Searched { source, build, strategy, .. } = searched;
    let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
    let parallel = parallel_trials(strategy, build, choices.threads, &View::quiet());
    let costs = estimates(build, source, &host.catalog, scope);
    let parallel = forecast::trials_that_fit(parallel, &costs);
    let threads = (choices.threads / parallel).max(1);
    (Choices { purpose: Purpose::Trial, threads, ..choices.clone() }, parallel)
}

/// What variants are looked at with.
struct Look<'a> {
    host: &'a Host,
    searched: &'a Searched<'a>,
    choices: &'a Choices,
}

impl Look<'_> {
    /// The first variants of `stage`, with the passes up to `last` when one is named.
    fn at(&self, stage: &Stage, last: Option<&str>) -> Vec<Prospect> {
        let variants = &self.searched.variants;
        let mut sampler = Sampler::sequential();
        let points = std::iter::from_fn(|| sampler.ask(&stage.space, &[])).take(SHOWN);
        let prospect = |point: Point| {
            let variant = variants.decide(stage, &point, &variants.first());
            let decided: Vec<String> =
                variants.choices(&variant).iter().map(ToString::to_string).collect();
            Prospect { label: decided.join(" "), plan: self.plan(&variant, last) }
        };
        points.map(prospect).collect()
    }

    fn plan(&self, variant: &Variant, last: Option<&str>) -> Result<(Plan, Vec<Forecast>), String> {
        let Self { host, searched, choices } = self;
        let (checked, plan) = searched.plan(host, variant, last, choices)?;
        let scope = Scope::run(choices.model.as_ref().map(|model| model.kind));
        let costs = estimates(&checked, searched.source, &host.catalog, scope);
        let forecasts = forecast::forecasts(&plan, &costs, &Store::new(&plan.cache_dir));
        Ok((plan, forecasts))
    }

    /// What searching `stages` will take, of each of which the first variants were planned.
    fn whole(&self, stages: &[(&Stage, &[Prospect])], parallel: usize) -> Option<Whole> {
        let strategy = &self.searched.strategy;
        let samples = Some(strategy.max_samples).filter(|samples| *samples > 0);
        let limit = samples.into_iter().chain(strategy.max_iter).min();
        let (mut plans, mut num_variants) = (Vec::new(), 0);
        for (stage, shown) in stages {
            let planned = shown.iter().filter_map(|prospect| prospect.plan.as_ref().ok());
            let mut planned: Vec<_> =
                planned.map(|(plan, forecasts)| (plan, &forecasts[..])).collect();
            let possible = possible(stage, planned.len(), shown.len());
            let tried = possible.into_iter().chain(limit).min()?;
            if strategy.sampler == Way::Sequential {
                planned.truncate(tried);
            }
            num_variants += tried;
            plans.extend(planned);
        }
        Some(forecast::whole(&plans, Extent { num_variants, parallel }))
    }
}

/// Variants of `stage` that can work, when `planned` of the first `shown` can.
fn possible(stage: &Stage, planned: usize, shown: usize) -> Option<usize> {
    let count = usize::try_from(stage.space.count()?).ok()?;
    Some(if count > shown && shown > 0 { count.saturating_mul(planned) / shown } else { planned })
}
