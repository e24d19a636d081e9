//! No setting of a pass or of its data is accepted and ignored.
//!
//! Every setting that the schemas have is changed, one at a time, and the pass runs on a tiny model:
//! what it finds, says, writes or keeps must be another. So a setting that no code reads fails here,
//! and one that is read and dropped. That the change is the right one is held elsewhere; that keys
//! without effect are told by name, in `tests/it/promises.rs` of the workspace.
//!
//! Some settings mean something beside others only: `companions` lists those. The arguments of the
//! training are one struct with one reader, and are changed under `LoRA`.

mod companions;

use std::fs;
use std::path::Path;

use olive_plugin_api::testing::{
    Companion, Recorder, Setting, changes, digests, ignored, settings_of,
};
use olive_plugin_api::{DataConfig, PluginError, StepEvent};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::common::{plugin, prepare, request_of, run};
use companions::{of_data, of_passes};

/// Figures and the line that the machine decides.
const OF_THE_MACHINE: [&str; 3] = ["tokens_per_second", "peak_share", "memory_bytes"];
const MEMORY_USED: &str = "memory used at most";

/// Settings that can only say what is done anyway: every other value is refused by name.
const ONE_MEANING: [&str; 2] =
    ["/training_args/metric_for_best_model", "/load_dataset_config/split"];

/// Of a group of processes: `tests/it/ranks.rs` of the whole program has one.
const OF_RANKS: [&str; 2] = ["/training_args/ddp_backend", "/training_args/ddp_timeout"];

/// Where padding stands is seen in the blocks (`plugins/kit/text/tests/it/olive.rs`); a training leaves
/// it out on either side.
const NOT_TRAINED_ON: &str = "/pre_process_data_config/padding_side";

#[test]
fn every_setting_of_lora_and_its_training_counts() {
    check_pass("LoRA", |_| true);
}

#[test]
fn every_setting_of_dora_counts() {
    check_pass("DoRA", is_own);
}

#[test]
fn every_setting_of_qlora_counts() {
    check_pass("QLoRA", is_own);
}

#[test]
fn every_setting_of_loftq_counts() {
    check_pass("LoftQ", is_own);
}

#[test]
fn every_setting_of_loha_counts() {
    check_pass("LoHa", is_own);
}

#[test]
fn every_setting_of_lokr_counts() {
    check_pass("LoKr", is_own);
}

#[test]
fn every_setting_of_data_counts() {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<DataConfig>();
    let is_inside = |setting: &Setting| {
        setting.pointer.matches('/').count() == 2 && setting.pointer != NOT_TRAINED_ON
    };
    let settings = taken(&schema.to_value(), is_inside);
    assert!(settings.len() > 35, "{settings:?}");
    let folder = tempfile::tempdir().unwrap();
    let request = request_on_rows(folder.path());
    check(&request, "/data_configs/tone", &settings, &of_data(folder.path()));
}

/// Whether no other struct has the setting.
fn is_own(setting: &Setting) -> bool {
    !setting.pointer.starts_with("/training_args/")
}

/// Changes the settings of `pass` that are `wanted`.
#[track_caller]
fn check_pass(pass: &str, wanted: fn(&Setting) -> bool) {
    let plugin = plugin();
    let known = plugin.descriptor().passes.iter().find(|known| known.name == pass).unwrap();
    let settings = taken(&known.schema, wanted);
    assert!(settings.len() > 15, "{settings:?}");
    check(&request(pass), "/config", &settings, &of_passes());
}

/// The settings of `schema` that are `wanted` and have more than one meaning.
fn taken(schema: &Value, wanted: impl Fn(&Setting) -> bool) -> Vec<Setting> {
    let mut settings = settings_of(schema);
    settings.retain(|setting| {
        let has_meanings = !ONE_MEANING.contains(&setting.pointer.as_str());
        let counts = has_meanings && !OF_RANKS.contains(&setting.pointer.as_str());
        wanted(setting) && !setting.is_left_out && counts
    });
    settings
}

/// Changes each of `settings`, which stand at `place` of `request`; each must make a difference.
#[track_caller]
fn check(request: &Value, place: &str, settings: &[Setting], companions: &[Companion]) {
    let config = request.pointer(place).unwrap();
    let ignored = ignored(&changes(config, settings, companions), |config| {
        let mut request = request.clone();
        *request.pointer_mut(place).unwrap() = config.clone();
        seen(&request)
    });
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}

/// Four steps of `pass` on twelve rows, one a block.
fn request(pass: &str) -> Value {
    let mut request = request_of(pass, "tiny-qwen2", &tempfile::tempdir().unwrap());
    request["config"]["training_args"] = json!({
        "seed": 0,
        "per_device_train_batch_size": 2,
        "learning_rate": 0.01,
        "max_steps": 4,
        "max_grad_norm": 0.3
    });
    let data = &mut request["data_configs"];
    let pre_process = &mut data["tone"]["pre_process_data_config"];
    pre_process["max_seq_len"] = json!(64);
    pre_process["strategy"] = json!("line-by-line");
    pre_process["max_samples"] = json!(12);
    pre_process["pad_to_max_len"] = json!(false);
    let mut other = data["tone"].clone();
    other["name"] = json!("other");
    other["pre_process_data_config"]["max_samples"] = json!(8);
    data["other"] = other;
    request
}

/// The training of [`request`] on rows in `folder`, which have chats and pairs too.
fn request_on_rows(folder: &Path) -> Value {
    let phrases = ["I won the race", "The dog ran away from us", "Who is there", "A gift, for me"];
    let rows = phrases.iter().cycle().take(12).enumerate().map(|(index, phrase)| {
        let tone = ["joy", "sadness", "fear"][index % 3];
        let said = |role: &str, content: &str| json!({"role": role, "content": content});
        let row = json!({
            "phrase": phrase,
            "tone": tone,
            "messages": [said("user", phrase), said("assistant", tone)],
            "chat": [said("user", tone), said("assistant", phrase)],
            "input": phrase,
            "output": tone,
        });
        row.to_string()
    });
    let rows: Vec<_> = rows.collect();
    fs::write(folder.join("rows.json"), rows.join("\n")).unwrap();
    fs::write(folder.join("other.json"), rows[3..].join("\n")).unwrap();
    fs::write(folder.join("rows.csv"), "phrase,tone\n\"a, b\",joy\nc;d,fear\n").unwrap();
    let mut request = request("LoRA");
    let data = &mut request["data_configs"]["tone"];
    data["load_dataset_config"]["data_files"] = json!(folder.join("rows.json"));
    data["pre_process_data_config"]["text_template"] = json!("{phrase}: {tone}");
    request
}

/// Everything that can be seen of a step: what it finds, says, makes and keeps.
fn seen(request: &Value) -> String {
    let [output, scratch, kept] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut request = request.clone();
    request["output_dir"] = json!(output.path());
    request["scratch_dir"] = json!(scratch.path());
    request["checkpoint_dir"] = json!(kept.path());
    let events = Recorder::default();
    let (found, made) = (prepare(&request), run(&request, &events));
    let is_unread = |error: &PluginError| error.code == "config";
    assert!(
        !made.as_ref().is_err_and(is_unread),
        "the schema takes it, the pass does not: {made:?}"
    );
    let mut seen = vec![format!("{found:?}"), format!("{made:?}")];
    for event in events.events() {
        match event {
            StepEvent::Progress { done, total, mut figures, .. } => {
                figures.retain(|name, _| !OF_THE_MACHINE.contains(&name.as_str()));
                seen.push(format!("{done} of {total}: {figures:?}"));
            }
            StepEvent::Log { message, .. } if message.starts_with(MEMORY_USED) => {}
            StepEvent::Log { message, .. } | StepEvent::Text { text: message } => {
                seen.push(message);
            }
        }
    }
    // Event files hold times: that they are there is all that counts.
    for (name, digest) in digests(output.path()).unwrap() {
        let is_timed = name.starts_with("runs/");
        seen.push(if is_timed { "runs".to_owned() } else { format!("{name} {digest}") });
    }
    let kept_files = digests(kept.path()).unwrap();
    seen.extend(kept_files.into_keys());
    let [output, kept] = [output, kept].map(|folder| folder.path().display().to_string());
    seen.join("\n").replace(&output, "output").replace(&kept, "kept")
}
