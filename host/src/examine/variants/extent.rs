//! How far a search goes: whether there is anything to decide, and whether it comes to an end.

use olive_schemas::search::{Sampler, SearchStrategy};

use crate::config::CheckedWorkflow;
use crate::config::check::Problem;

/// Variants that a search without limits may have before it is said that they are many.
const MANY: u64 = 10_000;

/// What is odd about the extent of the searches of `checked`, the engine's or those of its builds.
pub(super) fn check(checked: &CheckedWorkflow) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for build in checked.builds() {
        let is_new = |new: &Problem| !problems.contains(new);
        let new: Vec<Problem> = of_build(&build).into_iter().filter(is_new).collect();
        problems.extend(new);
    }
    problems
}

fn of_build(build: &CheckedWorkflow) -> Vec<Problem> {
    let Some((strategy, variants)) = build.search() else { return Vec::new() };
    let pointer = build.search_pointer();
    let passes = build.decided_passes();
    let names: Vec<&str> = passes.iter().map(String::as_str).collect();
    let decided = variants.stage(&names, strategy.include_pass_params);
    if decided.space.dimensions().is_empty() {
        return vec![nothing(&pointer, !passes.is_empty())];
    }
    let mut problems: Vec<Problem> = without_judge(build, &pointer).into_iter().collect();
    let has_limit = has_limit(&strategy);
    let endless = variants.endless(&passes).filter(|_| strategy.include_pass_params);
    let mut endless = endless.peekable();
    let count = decided.space.count();
    if endless.peek().is_none() && !has_limit && count.is_none_or(|count| count > MANY) {
        let count = count.map_or("more than can be counted".to_owned(), |count| count.to_string());
        let message = format!("the search has {count} variants, and nothing ends it before them");
        problems.push(Problem::warning("search-values", &pointer, message, LIMITS));
    }
    let endless =
        endless.filter_map(|(name, range)| endless_range(name, range, strategy.sampler, has_limit));
    problems.extend(endless);
    problems
}

/// A search whose last model nobody measures.
fn without_judge(build: &CheckedWorkflow, pointer: &str) -> Option<Problem> {
    let workflow = build.workflow();
    let last = workflow.passes.values().last().and_then(|pass| pass.evaluator.as_ref());
    if workflow.engine.evaluator.is_some() || last.is_some() {
        return None;
    }
    let message = "nothing ranks the variants: no evaluator measures their models";
    let help = "name an evaluator: \"evaluator\": …, among `evaluators`";
    Some(Problem::warning("no-effect", pointer, message.into(), help))
}

const LIMITS: &str = "set `max_samples`, or `max_time` in seconds";

fn has_limit(strategy: &SearchStrategy) -> bool {
    strategy.limit().is_some() || strategy.max_time.is_some()
}

/// A search that decides nothing; `has_settings` when it would but for `include_pass_params`.
fn nothing(pointer: &str, has_settings: bool) -> Problem {
    if has_settings {
        let pointer = format!("{pointer}/include_pass_params");
        let message = "there is nothing to decide: values of settings are not searched";
        let help = "leave `include_pass_params` out, or list alternatives of a pass";
        return Problem::warning("no-effect", &pointer, message.into(), help);
    }
    let message = "there is nothing to decide: no pass has alternatives, or values to search";
    let help = "list passes as alternatives or values in `search_space`, or leave the search out";
    Problem::warning("no-effect", pointer, message.into(), help)
}

/// Why the setting `name` cannot take any number of the range at `pointer`.
fn endless_range(name: &str, pointer: &str, sampler: Sampler, has_limit: bool) -> Option<Problem> {
    let (message, help) = match sampler {
        Sampler::Sequential => (
            format!("`{name}` may be any number of the range, and `sequential` tries all"),
            "give the range a `step`, or choose the sampler `random` or `tpe`",
        ),
        Sampler::Random | Sampler::Tpe if !has_limit => (
            format!("`{name}` may be any number of the range, and nothing ends the search"),
            LIMITS,
        ),
        Sampler::Random | Sampler::Tpe => return None,
    };
    Some(Problem::error("search-values", pointer, message, Some(help.to_owned())))
}
