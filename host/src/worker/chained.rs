//! A job of a chain, which was handed over before the model that it works on was made.
//!
//! What the host does between two steps is done here, since it may be gone: the model is taken from
//! the last word of the job that made it, and a pass looks at it before it works on it.

use std::env;
use std::fs;
use std::io;
use std::path::Path;

use olive_schemas::error::PluginError;
use olive_schemas::model::Model;
use olive_schemas::protocol::{Call, End, Line, Message};
use olive_schemas::step::{LogLevel, StepEvent, StepKind, StepOutcome, StepRequest};
use olive_schemas::system::MODEL_FROM;
use serde::Deserialize;
use serde_json::Value;

use crate::prepare::{look_at, refusal};

/// Puts the model that an earlier job made into `call`, when one did, and lets a pass look at it.
///
/// # Errors
/// When there is no model, or the pass finds an error in it.
pub(super) fn complete(
    call: &mut Call,
    on_event: &dyn Fn(StepEvent),
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), PluginError> {
    let (Some(messages), Call::Run { plugin, request }) = (env::var_os(MODEL_FROM), call) else {
        return Ok(());
    };
    request.input = model_of(Path::new(&messages))?;
    if request.kind != StepKind::Pass {
        return Ok(());
    }
    let found = look_at(plugin, (**request).clone(), is_cancelled)?;
    let (error, others) = refusal(found);
    for problem in others {
        on_event(StepEvent::Log { level: LogLevel::Warning, message: problem.message });
    }
    error.map_or(Ok(()), Err)
}

/// The answer to `request` as later jobs of the chain read it.
pub(super) fn settled(request: &StepRequest, answer: Value) -> Value {
    let Ok(StepOutcome::Model(mut model)) = StepOutcome::deserialize(&answer) else {
        return answer;
    };
    model.keep_settings_of(&request.input);
    serde_json::to_value(StepOutcome::Model(model)).unwrap_or(answer)
}

/// The model that a worker has made which wrote `messages`.
fn model_of(messages: &Path) -> Result<Model, PluginError> {
    let failed = |error: io::Error| {
        let message = format!("cannot read the messages `{}`", messages.display());
        let mut told = PluginError::new("io", message);
        told.causes.push(error.to_string());
        told
    };
    let bytes = fs::read(messages).map_err(failed)?;
    let mut ends = bytes.split(|&byte| byte == b'\n').filter_map(|line| match Line::read(line) {
        Line::Message(Message::End(end)) => Some(end),
        _ => None,
    });
    // A job that was started again has written after its first attempt.
    let made = match ends.next_back() {
        Some(End::Done { answer, .. }) => StepOutcome::deserialize(&answer).ok(),
        Some(End::Failed { .. }) | None => None,
    };
    match made {
        Some(StepOutcome::Model(model)) => Ok(model),
        _ => Err(PluginError::new("chain", "the step before it has made no model")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use olive_schemas::inference::InferenceSettings;
    use olive_schemas::model::{Model, ModelKind};
    use olive_schemas::step::{StepOutcome, StepRequest};
    use serde_json::json;

    use super::{model_of, settled};

    #[test]
    fn the_last_word_of_the_job_before_says_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let done = |model: &str| {
            let model = json!({"type": "HfModel", "model_path": model});
            json!({"event": "done", "answer": {"kind": "model", "value": model}}).to_string()
        };
        let failed = json!({"event": "failed", "error": {"code": "x", "message": "no"}});
        let metrics = json!({"event": "done", "answer": {"kind": "metrics", "value": []}});
        for (lines, expected) in [
            (format!("hello\n{}\n", done("/a")), Some("/a")),
            (format!("{failed}\n{}\n", done("/a")), Some("/a")),
            (format!("{}\n{failed}\n", done("/a")), None),
            (metrics.to_string(), None),
            ("cut off".to_owned(), None),
        ] {
            fs::write(&path, &lines).unwrap();
            let found = model_of(&path).ok().map(|model| model.model_path);
            assert_eq!(found.as_deref(), expected.map(std::path::Path::new), "{lines}");
        }
        let missing = model_of(&folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("cannot read the messages"), "{missing}");
    }

    #[test]
    fn a_model_is_run_as_its_input_unless_the_pass_says_otherwise() {
        let mut input = Model::new(ModelKind::Onnx, "/in");
        input.inference_settings = Some(InferenceSettings::default());
        let request: StepRequest = serde_json::from_value(json!({
            "kind": "pass", "name": "Pass", "config": {}, "input": input,
            "output_dir": "/o", "scratch_dir": "/s", "threads": 1
        }))
        .unwrap();
        for (kind, has_settings) in [(ModelKind::Onnx, true), (ModelKind::Hf, false)] {
            let made = StepOutcome::Model(Model::new(kind, "/o"));
            let told = settled(&request, serde_json::to_value(made).unwrap());
            let Ok(StepOutcome::Model(model)) = serde_json::from_value(told) else { panic!() };
            assert_eq!(model.inference_settings.is_some(), has_settings);
        }
        let metrics = json!({"kind": "metrics", "value": []});
        assert_eq!(settled(&request, metrics.clone()), metrics);
    }
}
