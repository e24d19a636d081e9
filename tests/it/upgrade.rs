//! Configs of former eras written as of today, and YAML edited.

use crate::edit::{RECIPE, with_recipe};

#[test]
fn old_spellings_are_upgraded_once() {
    let playground = with_recipe();
    let before = playground.olive(&["config", "upgrade", "@/olive.json"]);
    before.check(0, &["`lora_r` is an old spelling", "`hf_config` is an old spelling"]);
    assert_eq!(playground.read("olive.json"), RECIPE);
    playground
        .olive(&["config", "upgrade", "@/olive.json", "--write"])
        .check(0, &["olive.json: upgraded"]);
    let upgraded = playground.read("olive.json");
    assert_eq!(upgraded, before.out);
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(0, &[]);
    assert!(!said.err.contains("old-spelling"), "{}", said.err);
    let again = playground.olive(&["config", "upgrade", "@/olive.json", "--write"]);
    again.check(0, &["is written as of today already"]);
    assert_eq!(playground.read("olive.json"), upgraded);
}

#[test]
fn yaml_is_edited_and_upgraded_too() {
    const YAML: &str = "# a flow
input_model:
  type: HfModel
  config:
    model_path: base # for now
passes:
  lora: # adapters
    type: LoRA
    train_data_config: train
    # rank
    lora_r: 16
  merge: {type: MergeAdapterWeights}
data_configs:
- name: train
  load_dataset_config: {data_name: json, data_files: data.json}
  pre_process_data_config:
    text_template: '{phrase}'
";
    let playground = with_recipe();
    playground.write("olive.yaml", YAML);
    let olive = |args: &[&str]| {
        let args = [&["config", args[0], "@/olive.yaml"], &args[1..]].concat();
        playground.olive(&args)
    };
    let r = "passes.lora.r";
    olive(&["set", r, "32"]).check(0, &["olive.yaml: passes.lora.lora_r = 32 (was 16)"]);
    olive(&["set", r, "16"]).check(0, &[]);
    for path in ["passes.lora.training_args.seed", "passes.merge.host", "host", "input_model.task"]
    {
        olive(&["set", path, "x", "--force"]).check(0, &[]);
        assert_ne!(playground.read("olive.yaml"), YAML);
        olive(&["unset", path, "--force"]).check(0, &[]);
        assert_eq!(playground.read("olive.yaml"), YAML, "{path}");
    }
    olive(&["upgrade", "--write"]).check(0, &["olive.yaml: upgraded"]);
    let today = YAML.replace("lora_r", "r");
    assert_eq!(playground.read("olive.yaml"), today);
    olive(&["upgrade", "--write"]).check(0, &["is written as of today already"]);
    let pass = ["add-pass", "modelbuilder", "--set", "precision=int4", "--after", "merge"];
    olive(&pass).check(0, &["passes.model_builder"]);
    let merge = "MergeAdapterWeights}\n";
    let added = "  model_builder:\n    type: ModelBuilder\n    precision: int4\n";
    assert_eq!(playground.read("olive.yaml"), today.replace(merge, &format!("{merge}{added}")));
    olive(&["remove-pass", "model_builder"]).check(0, &[]);
    assert_eq!(playground.read("olive.yaml"), today);
}
