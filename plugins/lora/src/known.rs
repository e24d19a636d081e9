//! Settings of Olive's passes and of transformers' `TrainingArguments` that are none here, with the
//! reason. A config that has them is understood; only slips are unknown.

use serde_json::{Map, Value, json};

mod arguments;
mod settings;

pub(crate) use arguments::{
    left_out_of_training, unavailable_backends, unavailable_in_training, unavailable_optimizers,
    unavailable_orders, unavailable_reporters, unavailable_schedules,
};
pub(crate) use settings::{
    of_dora, of_loftq, of_loha, of_lokr, of_lora, of_qlora, unavailable_in_loftq,
    unavailable_in_lora, unavailable_in_lycoris, unavailable_in_qlora,
};

/// Whether a setting that has no effect is missed.
#[derive(Clone, Copy)]
enum Missed {
    /// The result is not what the config asks for.
    Yes,
    /// The result is the same.
    No,
}

/// Keys with one reason why they have no effect.
type Row = (&'static str, Missed, &'static [&'static str]);

/// The mark `x-olive-ignored` of these rows.
fn left_out<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Map<String, Value> {
    let marks = rows.into_iter().flat_map(|(reason, missed, names)| {
        names.iter().map(move |name| ((*name).to_owned(), mark(reason, *missed)))
    });
    marks.collect()
}

fn mark(reason: &str, missed: Missed) -> Value {
    match missed {
        Missed::Yes => json!(reason),
        Missed::No => json!({"reason": reason, "harmless": true}),
    }
}
