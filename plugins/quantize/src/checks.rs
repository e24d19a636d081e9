//! What cannot work with the settings and the model at hand.

use olive_kit_checkpoint::Decoder;
use olive_plugin_api::{Diagnostic, Model};

use crate::config::{Method, Quantizer};
use crate::layout::{self, Layout};
use crate::targets::Targets;

/// Findings about the kind of model alone.
pub(crate) fn before_reading(input: &Model) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if input.adapter_path.is_some() {
        let message = "the input model has an adapter, which this pass would leave out";
        let problem = Diagnostic::error("adapter-present", "", message);
        found.push(problem.with_help("put `MergeAdapterWeights` before this pass"));
    }
    if input.model_attributes.contains_key("quantization_config") {
        let message = "the input model is quantized already";
        let problem = Diagnostic::error("quantized-base", "", message);
        found.push(problem.with_help("start from the model in floats, or merge its adapter first"));
    }
    found
}

/// Findings about settings that do not go together.
pub(crate) fn of_settings(config: &impl Quantizer) -> Option<Diagnostic> {
    let Method::Awq(awq) = config.method() else { return None };
    if !(awq.selection.sym && awq.zero_point == Some(true)) {
        return None;
    }
    let message = "`sym` keeps zero in the middle of the grid, and `zero_point` does not";
    Some(Diagnostic::error("conflict", "/zero_point", message).with_help("remove one of the two"))
}

/// Findings about what has no place in the layout.
pub(crate) fn of_layout(
    layout: Option<Layout>,
    config: &impl Quantizer,
    targets: Option<&Targets>,
    decoder: &Decoder,
) -> Vec<Diagnostic> {
    match (layout, targets) {
        (Some(layout), Some(targets)) => layout::check(layout, config, targets, decoder),
        (None, _) | (_, None) => Vec::new(),
    }
}
