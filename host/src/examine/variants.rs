//! A config that leaves choices to a search: every part of it is checked once, in some variant.

mod extent;

use std::sync::Arc;

use super::examine_one;
use crate::config::check::Problem;
use crate::config::variants::{self, Neighbor, Variant, Variants};
use crate::config::{CheckedWorkflow, Finding, Scope, Source, Upgraded};
use crate::plugin::Catalog;

/// Variants of alternatives that are looked at for one that works.
const TRIED: usize = 256;
/// Codes of findings about passes that do not go together: another variant may be right.
const MISFITS: [&str; 4] =
    ["model-kind", "adapter-missing", "adapter-not-merged", "accelerator-mismatch"];

/// Checks and validates what `upgraded` leaves to a search: the first variant that works, and each
/// alternative and value that it does not show.
///
/// The workflow is that variant, with all others at hand.
pub(super) fn examine(
    upgraded: Upgraded,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let (variants, problems) = variants::read(upgraded, catalog);
    let located = |problem: Problem| variants.template().located(problem, source);
    let mut findings: Vec<Finding> = problems.into_iter().map(located).collect();
    let (base, checked, found) = first(&variants, source, catalog, scope);
    findings.extend(found);
    for neighbor in variants.neighbors(&base) {
        let found = of_neighbor(&variants, &neighbor, source, catalog, scope);
        let is_new = |new: &Finding| {
            !findings
                .iter()
                .any(|old| old.range == new.range && old.diagnostic.code == new.diagnostic.code)
        };
        let new: Vec<Finding> = found.into_iter().filter(is_new).collect();
        findings.extend(new);
    }
    let variants = Arc::new(variants);
    let checked = checked.map(|checked| checked.with_variants(Arc::clone(&variants)));
    let is_right = |findings: &[Finding]| !findings.iter().any(Finding::is_error);
    let checked = checked.filter(|_| is_right(&findings));
    let problems = checked.iter().flat_map(extent::check);
    findings.extend(problems.map(|problem| variants.template().located(problem, source)));
    (checked.filter(|_| is_right(&findings)), findings)
}

/// The first variant of alternatives without an error, or the very first when all have one.
fn first(
    variants: &Variants,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Variant, Option<CheckedWorkflow>, Vec<Finding>) {
    let mut refused = None;
    for variant in variants.alternatives().take(TRIED) {
        let derived = variants.derive(&variant, None);
        let (checked, findings) = examine_one(derived, source, catalog, scope);
        if checked.is_some() {
            return (variant, checked, findings);
        }
        let only_misfits = findings.iter().filter(|told| told.is_error()).all(is_misfit);
        refused = refused.or(Some((variant, None, findings)));
        if !only_misfits {
            break;
        }
    }
    refused.unwrap_or_else(|| (variants.first(), None, Vec::new()))
}

/// What is wrong with what `neighbor` shows; that it does not go together with the rest is none of
/// it.
fn of_neighbor(
    variants: &Variants,
    neighbor: &Neighbor,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> Vec<Finding> {
    let Some(shown) = variants.shown_by(neighbor) else { return Vec::new() };
    let derived = variants.derive(&neighbor.variant, None);
    let (_, mut findings) = examine_one(derived, source, catalog, scope);
    findings.retain(|told| {
        shown.start <= told.range.start && told.range.end <= shown.end && !is_misfit(told)
    });
    findings
}

fn is_misfit(finding: &Finding) -> bool {
    MISFITS.contains(&finding.diagnostic.code.as_str())
}
