//! Many ways to quantize one trained model, by the built-in plugins.

use serde_json::{Value, json};

use super::{size, told};
use crate::real;

/// A trial's choices and the size and perplexity of its model.
fn measured(footprint: &Value) -> Vec<(u64, [f64; 2])> {
    let models = footprint["models"].as_array().unwrap();
    let figures = |trial: &Value| {
        let last = trial["models"].as_array().unwrap().last().unwrap();
        let model = models.iter().find(|model| model["model_id"] == *last).unwrap();
        ["bytes", "perplexity"].map(|name| {
            let mut values = model["metrics"].as_array().unwrap().iter();
            values.find(|value| value["sub_type"] == name).unwrap()["value"].as_f64().unwrap()
        })
    };
    let trials = footprint["search"]["trials"].as_array().unwrap().iter();
    trials.map(|trial| (trial["number"].as_u64().unwrap(), figures(trial))).collect()
}

#[test]
fn twelve_quantizations_of_one_training_give_the_smallest_that_is_good_enough() {
    if !real::has_onnxruntime() {
        return;
    }
    let playground = real::playground();
    let mut workflow = real::workflow();
    workflow["passes"]["builder"]["search_space"] = json!({
        "int4_algo_config": ["default", "rtn", "k_quant"],
        "int4_block_size": {"min": 16, "max": 128, "step": 2, "scale": "log"}
    });
    let goal = json!({"type": "percent-max-degradation", "value": 2});
    workflow["evaluators"]["tone"]["metrics"] = json!([
        {"name": "tone", "type": "accuracy", "data_config": "test",
            "sub_types": [{"name": "perplexity", "goal": goal}]},
        size(&json!({"priority": 1}))
    ]);
    let search = |strategy: Value| {
        let mut workflow = workflow.clone();
        workflow["engine"]["search_strategy"] = strategy;
        real::write(&playground, workflow);
        told(&playground.olive(&["run", "--config", "@/olive.json", "--json"]))
    };
    let all = search(json!({"sampler": "sequential"}));
    let trials = measured(&all);
    assert_eq!(trials.len(), 12);
    let of_pass = |name: &str| {
        let models = all["models"].as_array().unwrap().iter();
        models.filter(|model| model["pass_name"] == name).count()
    };
    assert_eq!(["lora", "merge", "builder"].map(of_pass), [1, 1, 12]);
    assert_eq!(all["models"][1]["pass_step"]["status"], "ran");

    let limit = all["goals"][0]["limit"].as_f64().unwrap();
    let good = trials.iter().filter(|(_, [_, perplexity])| *perplexity <= limit);
    let best = good.min_by(|(_, one), (_, other)| one.partial_cmp(other).unwrap());
    match best {
        Some((number, _)) => assert_eq!(all["search"]["chosen"], json!([number])),
        None => assert!(all["search"]["nearest"].is_u64()),
    }
    let estimated = json!({"sampler": "tpe", "seed": 5, "max_samples": 10});
    let [once, again] = [search(estimated.clone()), search(estimated)];
    assert_eq!(once["search"]["chosen"], again["search"]["chosen"]);
    let of = |footprint: &Value| {
        footprint["search"]["trials"]
            .as_array()
            .unwrap()
            .iter()
            .map(|trial| trial["choices"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&once), of(&again));
}
