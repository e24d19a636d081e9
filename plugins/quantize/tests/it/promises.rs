//! No setting of a pass is accepted and ignored: each, changed alone, changes what is found, said or
//! written.

use olive_plugin_api::testing::{Companion, Recorder, changes, digests, ignored, settings_of};
use olive_plugin_api::{PluginError, StepEvent};
use serde_json::{Value, json};

use crate::{PASSES, calibrates, plugin, prepare, request_with, run};

#[test]
fn every_setting_counts() {
    for pass in PASSES {
        let plugin = plugin();
        let known = plugin.descriptor().passes.iter().find(|known| known.name == pass).unwrap();
        let mut settings = settings_of(&known.schema);
        settings.retain(|setting| !setting.is_left_out);
        assert!(settings.len() > 3, "{pass}: {settings:?}");
        let request = request(pass);
        let changes = changes(&request["config"], &settings, &companions(pass));
        let ignored = ignored(&changes, |config| {
            let mut request = request.clone();
            request["config"] = config.clone();
            seen(&request)
        });
        assert!(ignored.is_empty(), "{pass}: accepted and ignored: {ignored:#?}");
    }
}

/// A step on a few samples, with another data config to choose.
fn request(pass: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut request = request_with(pass, "tiny-llama", &json!({}), folder.path());
    if calibrates(pass) {
        request["config"]["nsamples"] = json!(4);
        let mut other = request["data_configs"]["tone"].clone();
        other["name"] = json!("other");
        other["pre_process_data_config"]["max_seq_len"] = json!(24);
        request["data_configs"]["other"] = other;
    }
    request
}

fn companions(pass: &str) -> Vec<Companion> {
    let down = "re:.*down_proj";
    let inner = |key: &str| format!("/overrides/{down}/{key}");
    let mut all = vec![
        Companion::value("/data_config", json!("other")),
        Companion::value("/seed", json!(7)),
        Companion::value("/modules_to_not_convert", json!(["down_proj"])),
        Companion::value("/modules_to_not_convert/0", json!("down_proj")),
        Companion::value("/overrides", json!({down: {"bits": 8}})),
        Companion::value(inner("bits"), json!(8)),
    ];
    if pass == "Gptq" {
        all.push(Companion::with("/static_groups", json!({"desc_act": true})));
    }
    all
}

/// Everything that can be seen of a step: what it finds, says and makes.
fn seen(request: &Value) -> String {
    let [output, scratch] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut request = request.clone();
    request["output_dir"] = json!(output.path());
    request["scratch_dir"] = json!(scratch.path());
    let events = Recorder::default();
    let (found, made) = (prepare(&request), run(&request, &events));
    let is_unread = |error: &PluginError| error.code == "config";
    let is_read = !made.as_ref().is_err_and(is_unread);
    assert!(is_read, "the schema takes it, the pass does not: {made:?}");
    let mut seen = vec![format!("{found:?}"), format!("{made:?}")];
    for event in events.events() {
        seen.push(match event {
            StepEvent::Progress { done, figures, .. } => format!("{done}: {figures:?}"),
            StepEvent::Log { message, .. } | StepEvent::Text { text: message } => message,
        });
    }
    let files = digests(output.path()).unwrap();
    seen.extend(files.into_iter().map(|(name, digest)| format!("{name} {digest}")));
    seen.join("\n").replace(&output.path().display().to_string(), "output")
}
