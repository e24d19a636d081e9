//! An adapter is trained on a model that has one already.

use olive_validator_api::{Diagnostic, Document, ModelKind, Severity, at};

use crate::parts::{chains, merges, named, told, trains};
use crate::rule::BuiltIn;

/// An adapter is trained on a model that has one already.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "adapter-over-adapter",
    severity: Severity::Error,
    summary: "a pass trains an adapter on a model that has one already",
    explanation: "\
A model carries one adapter beside its weights.
A second one would be trained as if the first were not there, and would replace it.
To train in two stages, merge the first adapter into the weights before the second is trained.",
    check,
};

/// Where the adapter comes from that a model has.
struct Adapter {
    pointer: String,
    origin: String,
}

fn check(document: &Document) -> Vec<Diagnostic> {
    chains(document)
        .into_iter()
        .filter_map(|chain| {
            let pointer = "/input_model/adapter_path";
            let mut adapter = at(&document.workflow, pointer).map(|_| Adapter {
                pointer: pointer.to_owned(),
                origin: "the input model's".to_owned(),
            });
            for step in chain {
                if merges(step) || step.produces.is_some_and(|kind| kind != ModelKind::Hf) {
                    adapter = None;
                } else if trains(step) {
                    if let Some(first) = adapter {
                        let message = format!(
                            "{} trains an adapter, but the model has one by then: {}",
                            told(step),
                            first.origin
                        );
                        let help = "put a pass of type `MergeAdapterWeights` between the two, or \
                                remove one of them";
                        return Some(
                            RULE.finding(format!("{}/type", step.pointer), message)
                                .with_help(help)
                                .with_related(first.pointer, "the first adapter"),
                        );
                    }
                    let origin = format!("that of {}", named(step));
                    adapter = Some(Adapter { pointer: format!("{}/type", step.pointer), origin });
                } else if step.produces.is_none() {
                    // A pass that nobody knows may have merged it.
                    adapter = None;
                }
            }
            None
        })
        .collect()
}
