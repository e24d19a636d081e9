//! The tiny models against what transformers and PEFT computed of them.

use olive_kit_candle::CandleTransformer;
use olive_kit_checkpoint::Dtype;
use olive_kit_testing::DENSE_MODELS;
use olive_kit_testing::engines::Suite;

use super::transformer;

fn suite() -> Suite<CandleTransformer> {
    let load = |model: &str| transformer(model, Dtype::F32);
    Suite { models: DENSE_MODELS.to_vec(), load, logits: CandleTransformer::logits }
}

#[test]
fn logits_and_loss_are_those_of_transformers() {
    suite().logits_and_loss_are_those_of_transformers();
}

#[test]
fn adapted_logits_and_loss_are_those_of_peft() {
    suite().adapted_logits_and_loss_are_those_of_peft();
}

#[test]
fn gradients_are_those_of_peft() {
    suite().gradients_are_those_of_peft();
}

#[test]
fn every_method_is_that_of_peft() {
    suite().every_method_is_that_of_peft();
}
