//! Old spellings, rewritten as Olive writes them today.
//!
//! Which era wrote what: Olive's releases up to v0.5 (2023), v0.6 (2024), v0.7 and later; the
//! numbers in brackets are pull requests of microsoft/Olive.

mod model;
mod data;
mod passes;
mod engine;
mod files;

use super::Notes;
use crate::config::Finding;
use crate::config::node::Node;
use crate::plugin::Catalog;

/// Rewrites the old spellings of `root`; gives a note for each.
pub fn modernize(root: &mut Node, catalog: &Catalog) -> Vec<Finding> {
    let mut notes = Notes::default();
    if let Some(model) = root.get_mut("input_model") {
        model::modernize(model, &mut notes);
    }
    data::modernize(root, &mut notes);
    if let Some(passes) = root.get_mut("passes") {
        passes::modernize(passes, catalog, &mut notes);
    }
    engine::modernize(root, &mut notes);
    files::modernize(root, &mut notes);
    notes.findings
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::modernize;
    use crate::config::Node;
    use crate::plugin::Catalog;

    /// Checks what `before` becomes, that it stays so, and how many notes that makes.
    #[track_caller]
    fn check(before: &Value, after: &Value, notes: usize) {
        let mut tree = Node::from_value(before, &(0..1));
        let told = modernize(&mut tree, &Catalog::default());
        assert_eq!(tree.to_value(), *after);
        assert_eq!(told.len(), notes, "{told:#?}");
        assert_eq!(modernize(&mut tree, &Catalog::default()), []);
        assert_eq!(tree.to_value(), *after);
    }

    #[test]
    fn pytorch_models_of_hugging_face_are_hf_models() {
        check(
            &json!({"input_model": {"type": "PyTorchModel", "config": {"hf_config": {
                "model_name": "m", "task": "t", "model_loading_args": {"trust_remote_code": true}
            }}}}),
            &json!({"input_model": {"type": "HfModel", "config": {
                "model_path": "m", "task": "t", "load_kwargs": {"trust_remote_code": true}
            }}}),
            4,
        );
        let written_today = json!({"input_model": {"type": "PyTorchModel", "model_loader": "f"}});
        check(&written_today, &written_today, 0);
    }

    #[test]
    fn data_configs_of_every_era_are_a_list_of_sections() {
        let rows = json!({"data_configs": [{"name": "d", "load_dataset_config": {
            "data_name": "json", "data_files": "f.json"
        }}]});
        check(
            &json!({"data_configs": {"d": {"params_config": {
                "data_name": "json", "data_files": "f.json"
            }}}}),
            &rows,
            2,
        );
        check(
            &json!({"data_configs": [{"name": "d", "params_config": {"component_kwargs": {
                "load_dataset": {"data_name": "json", "data_files": "f.json"}
            }}}]}),
            &rows,
            1,
        );
        check(
            &json!({"data_configs": [{"name": "d", "load_dataset_config": {
                "data_name": "json", "data_files": "below/f.json"
            }}]}),
            &json!({"data_configs": [{"name": "d", "load_dataset_config": {
                "data_name": "json", "data_files": "below/f.json"
            }}]}),
            0,
        );
        check(
            &json!({"data_root": "below", "data_configs": [{"name": "d", "load_dataset_config": {
                "params": {"data_files": ["f.json", "/g.json"]}
            }}]}),
            &json!({"data_configs": [{"name": "d", "load_dataset_config": {
                "params": {"data_files": ["below/f.json", "/g.json"]}
            }}]}),
            1,
        );
    }

    #[test]
    fn what_was_a_default_of_old_text_settings_is_written_down() {
        check(
            &json!({"data_configs": [{"pre_process_data_config": {"params": {
                "dataset_type": "corpus", "corpus_strategy": "join", "source_max_len": 8,
                "use_attention_mask": false
            }}}]}),
            &json!({"data_configs": [{"pre_process_data_config": {"params": {
                "strategy": "join", "max_seq_len": 8, "use_attention_mask": false,
                "joiner": null, "keep_exact_fit": false, "mask_pad_tokens": false
            }}}]}),
            3,
        );
        check(
            &json!({"data_configs": [{"pre_process_data_config": {"params": {
                "source_max_len": 8, "max_samples": 3, "random_seed": 1,
                "corpus_strategy": "line-by-line-random"
            }}}]}),
            &json!({"data_configs": [{"pre_process_data_config": {"params": {
                "max_samples": 3, "random_seed": 1, "strategy": "line-by-line-random",
                "max_seq_len": 8, "joiner": null, "keep_exact_fit": false,
                "padding_side": "tokenizer", "mask_pad_tokens": true
            }}}]}),
            2,
        );
        check(
            &json!({"data_configs": [{"pre_process_data_config": {"params": {
                "dataset_type": "pair", "source_max_len": 8, "target_max_len": 4
            }}}]}),
            &json!({"data_configs": [{"pre_process_data_config": {"params": {
                "dataset_type": "pair", "source_max_len": 8, "target_max_len": 4,
                "mask_pad_tokens": true
            }}}]}),
            0,
        );
    }

    #[test]
    fn accelerators_are_objects_that_hold_their_providers() {
        check(
            &json!({
                "systems": {"s": {"type": "LocalSystem", "config": {"accelerators": ["gpu"]}}},
                "engine": {"target": "s", "execution_providers": ["CUDAExecutionProvider"]}
            }),
            &json!({
                "systems": {"s": {"type": "LocalSystem", "config": {"accelerators": [{
                    "device": "gpu", "execution_providers": ["CUDAExecutionProvider"]
                }]}}},
                "engine": {"target": "s"}
            }),
            2,
        );
        check(
            &json!({"systems": {"s": {"type": "Docker", "config": {
                "local_docker_config": {"image_name": "image", "build_args": {"A": "b"}},
                "is_dev": true
            }}}}),
            &json!({"systems": {"s": {"type": "Docker", "config": {
                "is_dev": true, "image_name": "image", "build_args": {"A": "b"}
            }}}}),
            1,
        );
        check(
            &json!({"execution_providers": ["CPUExecutionProvider"]}),
            &json!({
                "systems": {"local_system": {"type": "LocalSystem", "accelerators": [
                    {"execution_providers": ["CPUExecutionProvider"]}
                ]}},
                "host": "local_system",
                "target": "local_system"
            }),
            1,
        );
    }

    #[test]
    fn searches_and_flows_have_their_names_of_today() {
        check(
            &json!({"engine": {"search_strategy": {
                "search_algorithm": "exhaustive", "search_algorithm_config": {"num_samples": 3}
            }}}),
            &json!({"engine": {"search_strategy": {
                "sampler": "sequential", "sampler_config": {"max_samples": 3}
            }}}),
            4,
        );
        check(
            &json!({"pass_flows": [["a", "b"], ["a"]]}),
            &json!({"builds": {"a-b": {"pipeline": ["a", "b"]}, "a": {"pipeline": ["a"]}}}),
            1,
        );
    }

    #[test]
    fn addresses_of_datastores_are_names_and_paths() {
        let model = |reference: Value| {
            json!({"input_model": {"type": "HfModel", "model_path": {
                "type": "azureml_datastore", "config": reference
            }}})
        };
        let long = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/a/b";
        let client = json!({"subscription_id": "s", "resource_group": "g", "workspace_name": "w"});
        let named = json!({
            "datastore_name": "d", "relative_path": "a/b", "azureml_client": client
        });
        check(&model(json!({"datastore_url": long})), &model(named.clone()), 1);
        let other = json!({"aml_config_path": "f", "workspace_name": "x"});
        check(&model(json!({"azureml_client": other, "datastore_url": long})), &model(named), 1);
        check(
            &model(json!({"datastore_url": "azureml://datastores/d/paths/a"})),
            &model(json!({"datastore_name": "d", "relative_path": "a"})),
            1,
        );
        let whole = |mut config: Value| {
            config["azureml_client"] = json!({"read_timeout": 9, "workspace_name": "x"});
            config
        };
        let inherited = json!({
            "datastore_name": "d", "relative_path": "a/b", "azureml_client": {
                "read_timeout": 9,
                "subscription_id": "s", "resource_group": "g", "workspace_name": "w"
            }
        });
        check(&whole(model(json!({"datastore_url": long}))), &whole(model(inherited)), 1);
        for url in ["azureml://datastores/d", "https://d/a", "azureml://jobs/datastores/d/paths/a"]
        {
            let kept = model(json!({"datastore_url": url}));
            check(&kept, &kept, 0);
        }
    }

    #[test]
    fn keys_of_passes_that_are_gone_are_left_out() {
        check(
            &json!({"passes": {"p": [{"type": "T", "disable_search": true}, {"type": "U"}]}}),
            &json!({"passes": {"p": [{"type": "T"}, {"type": "U"}]}}),
            1,
        );
    }
}
