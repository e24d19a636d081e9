//! What a search is going to try, without trying it.

use std::collections::BTreeMap;

use olive_schemas::search::{ExecutionOrder, Sampler as Way};
use olive_search::{Point, Sampler};

use super::{Searched, shared_out};
use crate::config::Scope;
use crate::config::variants::{Stage, Variant};
use crate::forecast::{self, Extent, Forecast, Whole};
use crate::host::Host;
use crate::plan::{Choices, Plan};
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
    let (choices, parallel) = shared_out(host, searched, choices, &View::quiet());
    let look = Look { host, searched, choices: &choices };
    let Searched { strategy, variants, build, .. } = searched;
    let passes = build.decided_passes();
    let names: Vec<&str> = passes.iter().map(String::as_str).collect();
    let stage = variants.stage(&names, strategy.include_pass_params);
    let shown = look.first(&stage, None);
    let is_joint = strategy.execution_order == ExecutionOrder::Joint || names.len() < 2;
    let whole = if is_joint {
        let drawn = look.drawn(&stage, None);
        let planned = drawn.as_deref().unwrap_or(&shown);
        look.whole(&[(&stage, planned)], &look.most(&names), parallel)
    } else {
        let stages: Vec<(Stage, Vec<Prospect>)> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let stage = variants.stage(&[name], strategy.include_pass_params);
                let last = (index + 1 < names.len()).then_some(*name);
                let planned = look.drawn(&stage, last);
                let planned = planned.unwrap_or_else(|| look.first(&stage, last));
                (stage, planned)
            })
            .collect();
        let most = names.iter().zip(&stages);
        let most =
            most.filter_map(|(name, (stage, _))| Some(((*name).to_owned(), stage.space.count()?)));
        let stages: Vec<_> = stages.iter().map(|(stage, shown)| (stage, &shown[..])).collect();
        look.whole(&stages, &most.collect(), parallel)
    };
    Outlook { variants: shown, count: stage.space.count(), whole }
}

/// What variants are looked at with.
struct Look<'a> {
    host: &'a Host,
    searched: &'a Searched<'a>,
    choices: &'a Choices,
}

impl Look<'_> {
    /// The first variants of `stage`, with the passes up to `last` when one is named.
    fn first(&self, stage: &Stage, last: Option<&str>) -> Vec<Prospect> {
        self.at(stage, last, Sampler::sequential())
    }

    /// Random variants of `stage` that stand for all, where more may be tried than are looked at:
    /// the first ones have too much in common. None where the first ones tell enough, or nothing
    /// ends the search.
    fn drawn(&self, stage: &Stage, last: Option<&str>) -> Option<Vec<Prospect>> {
        let strategy = &self.searched.strategy;
        let (count, limit) = (count(stage), strategy.limit());
        let in_order = limit.filter(|_| strategy.sampler == Way::Sequential);
        let reach = count.into_iter().chain(in_order).min();
        let is_endless = count.or(limit).is_none();
        let tells_enough = is_endless || reach.is_some_and(|reach| reach <= SHOWN);
        (!tells_enough).then(|| self.at(stage, last, Sampler::random(strategy.seed)))
    }

    /// Variants of `stage` that `sampler` gives first.
    fn at(&self, stage: &Stage, last: Option<&str>, mut sampler: Sampler) -> Vec<Prospect> {
        let variants = &self.searched.variants;
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

    /// Models that each pass can make at most when `names` are decided as one space: one for each
    /// way to decide it and the passes before it.
    fn most(&self, names: &[&str]) -> BTreeMap<String, u64> {
        let Searched { strategy, variants, .. } = self.searched;
        let (mut decided, mut most) = (Vec::new(), BTreeMap::new());
        for pass in variants.all_passes() {
            decided.extend(names.iter().filter(|name| **name == pass));
            let count = variants.stage(&decided, strategy.include_pass_params).space.count();
            most.extend(count.map(|count| (pass.to_owned(), count)));
        }
        most
    }

    /// What searching `stages` will take, of each of which some variants were planned.
    fn whole(
        &self,
        stages: &[(&Stage, &[Prospect])],
        most: &BTreeMap<String, u64>,
        parallel: usize,
    ) -> Option<Whole> {
        let strategy = &self.searched.strategy;
        let (mut plans, mut num_variants) = (Vec::new(), 0);
        for (stage, shown) in stages {
            let planned = shown.iter().filter_map(|prospect| prospect.plan.as_ref().ok());
            let mut planned: Vec<_> =
                planned.map(|(plan, forecasts)| (plan, &forecasts[..])).collect();
            let possible = possible(stage, planned.len(), shown.len());
            let tried = possible.into_iter().chain(strategy.limit()).min()?;
            if planned.is_empty() && tried > 0 {
                return None;
            }
            // What is tried in the order in which it was planned, written or drawn.
            let is_all = count(stage).is_some_and(|count| count <= SHOWN);
            if strategy.sampler == Way::Sequential || !is_all {
                planned.truncate(tried);
            }
            num_variants += tried;
            plans.extend(planned);
        }
        Some(forecast::whole(&plans, Extent { num_variants, parallel, most }))
    }
}

/// Variants of `stage`, when they can be counted.
fn count(stage: &Stage) -> Option<usize> {
    usize::try_from(stage.space.count()?).ok()
}

/// Variants of `stage` that can work, when `planned` of the first `shown` can.
fn possible(stage: &Stage, planned: usize, shown: usize) -> Option<usize> {
    let count = count(stage)?;
    Some(if count > shown && shown > 0 { count.saturating_mul(planned) / shown } else { planned })
}
