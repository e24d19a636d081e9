//! From a config's text to the workflow it says, and everything that there is to tell about it.

mod variants;

use std::cmp::Reverse;
use std::ops::Range;

use crate::config::check::search::asks_for_search;
use crate::config::{
    CheckedWorkflow, Finding, Node, Parsed, Scope, Source, Upgraded, check, parse, upgrade,
};
use crate::plugin::Catalog;
use crate::validate::{migrate, validate};

/// Parses `source`, upgrades and checks it as far as that matters to `scope`, and asks the installed
/// validators.
///
/// Gives every finding in the order of the text, and the workflow when none of them is an error.
/// Of a text that shows alternatives every one is checked; the first is the workflow.
pub fn examine(
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let Parsed { documents, mut findings } = parse(source);
    let has_alternatives = documents.len() > 1;
    let mut workflow = None;
    for document in documents {
        let (checked, found) = examine_document(document, source, catalog, scope);
        findings.extend(found);
        workflow = workflow.or(checked);
    }
    findings.sort_by_key(|finding| (finding.range.start, finding.diagnostic.severity));
    if has_alternatives {
        tell_once(&mut findings);
    }
    findings.dedup();
    let has_errors = findings.iter().any(Finding::is_error);
    (workflow.filter(|_| !has_errors), findings)
}

/// Upgrades, checks and validates one config of `source`.
fn examine_document(
    document: Node,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let (upgraded, mut findings) = upgrade(document, source, catalog);
    let is_upgraded = !findings.iter().any(Finding::is_error);
    let leaves_choice = asks_for_search(&upgraded.tree.to_value());
    let (checked, found) = if leaves_choice && scope.has_passes {
        variants::examine(upgraded, source, catalog, scope)
    } else {
        examine_one(upgraded, source, catalog, scope)
    };
    findings.extend(found);
    (checked.filter(|_| is_upgraded), findings)
}

/// Checks and validates one config that leaves nothing to a search.
pub fn examine_one(
    mut upgraded: Upgraded,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let mut findings = migrate(&mut upgraded, source, catalog, scope);
    let is_migrated = !findings.iter().any(Finding::is_error);
    let (checked, found) = check(upgraded, source, catalog, scope);
    findings.extend(found);
    let checked = checked.filter(|_| is_migrated);
    if let Some(checked) = &checked
        && scope.has_passes
    {
        findings.extend(validate(checked, source, catalog, scope));
    }
    (checked, findings)
}

/// Alternatives share most of their text; what is told of it once is enough.
fn tell_once(findings: &mut Vec<Finding>) {
    findings.sort_by_key(|told| (told.range.start, Reverse(told.related.len())));
    let mut told: Vec<(String, Range<usize>)> = Vec::new();
    findings.retain(|finding| {
        let cause = (finding.diagnostic.code.clone(), finding.range.clone());
        let is_new = !told.contains(&cause);
        told.push(cause);
        is_new
    });
    findings.sort_by_key(|finding| (finding.range.start, finding.diagnostic.severity));
}

#[cfg(test)]
mod tests {
    use super::examine;
    use crate::config::{Scope, Source};
    use crate::plugin::Catalog;

    #[test]
    fn places_end_between_characters() {
        for text in ["é: 1\npasses: {}\n", "data_configs:\n  é: {}\n"] {
            let source = Source { path: "x.yaml".into(), text: text.into() };
            for told in examine(&source, &Catalog::default(), Scope::WHOLE).1 {
                assert!(text.get(told.range.clone()).is_some(), "{told:?}");
            }
        }
    }
}
