//! An Olive plugin that measures the bytes of a model's files.

mod evaluator;

pub use evaluator::AcmeSize;

olive_plugin_api::export_plugin! {
    evaluators: [AcmeSize]
}
