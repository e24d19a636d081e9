//! Searches: which variants run, which model is the result, and what is told.

mod candidates;
mod planned;
mod quantizations;
mod stages;
mod stopped;
mod told;

use serde_json::{Value, json};

use crate::playground::{Playground, Said};

/// The search of these passes by `strategy`, ranked by the toy's accuracy.
fn searched(passes: &Value, strategy: &Value) -> Playground {
    judged(passes, strategy, &json!([accuracy(&json!({"priority": 1}))]))
}

/// The same with other metrics.
fn judged(passes: &Value, strategy: &Value, metrics: &Value) -> Playground {
    let playground = Playground::new();
    playground.write("base/score", "0.5");
    playground.workflow(json!({
        "data_configs": data(),
        "evaluators": {"quality": {"metrics": metrics}},
        "evaluator": "quality",
        "passes": passes,
        "search_strategy": strategy
    }));
    playground
}

fn data() -> Value {
    json!([{
        "name": "test",
        "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
    }])
}

/// The toy's accuracy, with more about its figure.
fn accuracy(more: &Value) -> Value {
    let mut figure = json!({"name": "exact_match"});
    figure.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": "tone", "type": "accuracy", "data_config": "test", "sub_types": [figure]})
}

fn size(more: &Value) -> Value {
    let mut figure = json!({"name": "bytes"});
    figure.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"name": "size", "type": "size_on_disk", "sub_types": [figure]})
}

/// The footprint that a program is told when the search runs once more.
fn footprint(playground: &Playground) -> Value {
    told(&playground.olive(&["run", "--config", "@/olive.json", "--json"]))
}

/// The footprint of a run that was told to a program.
fn told(said: &Said) -> Value {
    let lines = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ended = lines.rev().find(|line| line["event"] == "run_ended");
    ended.unwrap_or_else(|| panic!("{}", said.out))["footprint"].clone()
}

/// Choices and outcome of each trial, a line each.
fn trials(footprint: &Value) -> Vec<String> {
    let line = |trial: &Value| {
        let choice = |choice: &Value| {
            let setting = choice["setting"].as_str().map(|name| format!(".{name}"));
            let value = choice["value"].as_str().map_or(choice["value"].to_string(), str::to_owned);
            format!("{}{}={value}", choice["pass"].as_str().unwrap(), setting.unwrap_or_default())
        };
        let choices = trial["choices"].as_array().unwrap().iter().map(choice);
        let outcome = match &trial["outcome"] {
            Value::String(word) => word.clone(),
            Value::Object(map) => map.keys().next().unwrap().clone(),
            other => other.to_string(),
        };
        format!("{} {outcome}", choices.collect::<Vec<_>>().join(" "))
    };
    footprint["search"]["trials"].as_array().unwrap().iter().map(line).collect()
}

fn scores(values: &[f64]) -> Value {
    let alternative = |score: &f64| json!({"type": "Toy", "score": score});
    values.iter().map(alternative).collect()
}

#[test]
fn the_best_variant_is_the_result_and_what_variants_share_runs_once() {
    let passes = json!({
        "shared": {"type": "Toy", "ballast_bytes": 10},
        "choose": scores(&[0.2, 0.9, 0.7])
    });
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    let said = playground.run();
    said.check(0, &["a search among 3 variants", "variant 2: choose=Toy#2", "90.0 %"]);
    assert_eq!(playground.read("out/score"), "0.9");
    let footprint = footprint(&playground);
    assert_eq!(trials(&footprint), ["choose=Toy#1 done", "choose=Toy#2 done", "choose=Toy#3 done"]);
    let search = &footprint["search"];
    assert_eq!(search["chosen"], json!([2]));
    assert_eq!(search["end"], "exhausted");
    assert_eq!(search["objectives"][0]["figure"], "tone-exact_match");
    let models = footprint["models"].as_array().unwrap();
    let names: Vec<&Value> = models.iter().map(|model| &model["pass_name"]).collect();
    assert_eq!(
        names,
        [&Value::Null, &"choose".into(), &"choose".into(), &"shared".into(), &"choose".into()]
    );
    assert_eq!(said.err.matches("shared (Toy): done in").count(), 1, "{}", said.err);
}

#[test]
fn a_search_that_ran_before_is_not_run_again() {
    let playground = searched(&json!({"choose": scores(&[0.2, 0.9])}), &json!(true));
    playground.run().check(0, &[]);
    let said = playground.run();
    said.check(0, &["nothing to do"]);
    assert_eq!(said.err.matches(": done in").count(), 0, "{}", said.err);
}

#[test]
fn values_ranges_and_conditions_are_tried() {
    let passes = json!({"choose": {"type": "Toy", "search_space": {
        "saves": [false, true],
        "score": {"min": 0.1, "max": 0.3, "step": 0.1, "when": {"saves": [true]}},
        "seed": {"min": 1, "max": 4, "step": 2, "scale": "log", "when": {"saves": [false]}}
    }}});
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    playground.run().check(0, &["a search among 6 variants"]);
    assert_eq!(
        trials(&footprint(&playground)),
        [
            "choose.saves=false choose.seed=1 done",
            "choose.saves=false choose.seed=2 done",
            "choose.saves=false choose.seed=4 done",
            "choose.saves=true choose.score=0.1 done",
            "choose.saves=true choose.score=0.2 done",
            "choose.saves=true choose.score=0.30000000000000004 done"
        ]
    );
}

#[test]
fn a_list_where_a_setting_takes_one_value_is_searched() {
    let passes = json!({"choose": {"type": "Toy", "config": {"score": [0.3, 0.6]}}});
    let playground =
        searched(&passes, &json!({"execution_order": "joint", "sampler": "sequential"}));
    playground.run().check(0, &[]);
    assert_eq!(trials(&footprint(&playground)), ["choose.score=0.3 done", "choose.score=0.6 done"]);
}

#[test]
fn a_pass_may_be_left_out() {
    let passes = json!({
        "first": {"type": "Toy", "ballast_bytes": 10},
        "choose": [{"type": "Toy", "score": 0.1}, null]
    });
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    playground.run().check(0, &["choose=none"]);
    assert_eq!(playground.read("out/score"), "0.5");
}

#[test]
fn what_cannot_work_is_skipped_and_what_fails_is_shown_and_tried_again() {
    let passes = json!({"choose": [
        {"type": "Toy", "behavior": "refuse"},
        {"type": "Toy", "behavior": "fail"},
        {"type": "Toy", "score": 0.4}
    ]});
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    for _ in 0..2 {
        let said = playground.run();
        said.check(
            0,
            &["skipped: this pass refuses this model", "failed: `choose (Toy)`: the toy failed"],
        );
        assert_eq!(
            trials(&footprint(&playground)),
            ["choose=Toy#1 skipped", "choose=Toy#2 failed", "choose=Toy#3 done"]
        );
        assert_eq!(playground.read("out/score"), "0.4");
    }
}

#[test]
fn a_search_without_a_model_says_why() {
    let of = |behavior: &str| {
        json!({"choose": [
            {"type": "Toy", "behavior": behavior}, {"type": "Toy", "behavior": behavior, "seed": 1}
        ]})
    };
    for (behavior, code, message) in [
        ("refuse", 13, "no variant of the search can work: this pass refuses this model"),
        ("fail", 20, "the toy failed"),
    ] {
        let playground = searched(&of(behavior), &json!({"sampler": "sequential"}));
        playground.run().check(code, &[message]);
        assert!(!playground.exists("out/footprint.json"));
        assert!(playground.exists("cache/v1/last_run/report.html"));
    }
}

/// What the search of these scores says under a goal, and the result's score.
fn under_goal(values: &[f64], goal: &Value, strategy: &Value) -> (Said, String, Value) {
    let metrics = json!([accuracy(&json!({"priority": 1, "goal": goal}))]);
    let playground = judged(&json!({"choose": scores(values)}), strategy, &metrics);
    let said = playground.run();
    (said, playground.read("out/score"), footprint(&playground))
}

#[test]
fn goals_decide_before_objectives() {
    let sequential = json!({"sampler": "sequential"});
    let threshold = |value: f64| json!({"type": "threshold", "value": value});
    let (said, score, _) = under_goal(&[0.2, 0.9], &threshold(0.8), &sequential);
    said.check(0, &["goal met"]);
    assert_eq!(score, "0.9");
    let (said, score, footprint) = under_goal(&[0.2, 0.6, 0.4], &threshold(0.8), &sequential);
    said.check(
        21,
        &["no model meets the goals; the nearest is variant 2 (choose=Toy#2)", "60.0 %"],
    );
    assert_eq!(score, "0.6");
    assert_eq!(
        (&footprint["search"]["chosen"], &footprint["search"]["nearest"]),
        (&json!([]), &json!(2))
    );
    let degradation = json!({"type": "max-degradation", "value": 0.05});
    let (said, score, _) = under_goal(&[0.44, 0.46], &degradation, &sequential);
    said.check(0, &["the input model has 50.0 %"]);
    assert_eq!(score, "0.46");
}

#[test]
fn the_smallest_model_that_is_good_enough_wins_and_too_large_ones_are_not_measured_further() {
    let passes = json!({"choose": [
        {"type": "Toy", "score": 0.9, "ballast_bytes": 9000},
        {"type": "Toy", "score": 0.8, "ballast_bytes": 300},
        {"type": "Toy", "score": 0.7, "ballast_bytes": 200},
        {"type": "Toy", "score": 0.4, "ballast_bytes": 100}
    ]});
    let metrics = json!([
        accuracy(&json!({"goal": {"type": "threshold", "value": 0.6}})),
        size(&json!({"priority": 1, "goal": {"type": "threshold", "value": 5000}}))
    ]);
    let playground = judged(&passes, &json!({"sampler": "sequential"}), &metrics);
    playground.run().check(0, &["stopped: it misses the goal for size-bytes"]);
    assert_eq!(playground.read("out/score"), "0.7");
    let footprint = footprint(&playground);
    let outcomes: Vec<Value> = footprint["search"]["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| json!([trial["outcome"], trial["is_pareto"]]))
        .collect();
    assert_eq!(
        outcomes,
        [
            json!([{"stopped": {"figure": "size-bytes"}}, false]),
            json!(["done", true]),
            json!(["done", true]),
            json!(["done", false])
        ]
    );
}

#[test]
fn what_is_worse_than_the_models_kept_is_not_measured_further() {
    let passes = json!({"choose": [
        {"type": "Toy", "score": 0.8, "ballast_bytes": 300},
        {"type": "Toy", "score": 0.9, "ballast_bytes": 400},
        {"type": "Toy", "score": 0.4, "ballast_bytes": 100},
        {"type": "Toy", "score": 0.7, "ballast_bytes": 200},
        {"type": "Toy", "score": 0.9, "ballast_bytes": 350}
    ]});
    let metrics = json!([
        accuracy(&json!({"goal": {"type": "threshold", "value": 0.6}})),
        size(&json!({"priority": 1}))
    ]);
    let of = |count: usize, parallel: usize| {
        let strategy = json!({
            "stop_worse": true, "output_model_num": count, "parallel_trials": parallel
        });
        let playground = judged(&passes, &strategy, &metrics);
        playground.olive(&["run", "--config", "@/olive.json", "--threads", "2"]).check(0, &[]);
        assert_eq!(playground.read("out/score"), "0.7");
        let footprint = footprint(&playground);
        let trials = footprint["search"]["trials"].as_array().unwrap().clone();
        let outcome = |trial: &Value| match &trial["outcome"] {
            Value::Object(map) => map.get("beaten").map_or(Value::Null, |told| told["by"].clone()),
            other => other.clone(),
        };
        Value::from(trials.iter().map(outcome).collect::<Vec<_>>())
    };
    assert_eq!(of(1, 1), json!(["done", 1, "done", "done", 4]));
    // The second best is the bar when two are kept.
    assert_eq!(of(2, 1), json!(["done", "done", "done", "done", 1]));
    // What runs at the same time is held to what was known before.
    assert_eq!(of(1, 2), json!(["done", "done", "done", "done", 4]));
}

#[test]
fn rules_end_a_search() {
    let all = [0.1, 0.9, 0.3, 0.4];
    let goal = json!({"type": "threshold", "value": 0.2});
    for (strategy, count, end) in [
        (json!({"max_samples": 3}), 3, "samples"),
        (json!({"sampler_config": {"max_samples": 2}}), 2, "samples"),
        (json!({"max_iter": 1, "sampler": "random"}), 1, "samples"),
        (json!({"stop_when_goals_met": true}), 2, "goals_met"),
        (json!({"sampler": "tpe", "seed": 3}), 4, "exhausted"),
    ] {
        let (_, _, footprint) = under_goal(&all, &goal, &strategy);
        let search = &footprint["search"];
        assert_eq!(search["trials"].as_array().unwrap().len(), count, "{strategy}");
        assert_eq!(search["end"], end, "{strategy}");
    }
}

#[test]
fn the_same_seed_tries_the_same_variants() {
    let tried = |sampler: &str, seed: u64| {
        let passes = json!({"choose": {"type": "Toy", "search_space": {
            "score": {"min": 0.0, "max": 1.0}, "seed": [1, 2, 3, 4]
        }}});
        let strategy = json!({"sampler": sampler, "seed": seed, "max_samples": 10});
        let playground = searched(&passes, &strategy);
        playground.run().check(0, &["variants without number"]);
        trials(&footprint(&playground))
    };
    for sampler in ["random", "tpe"] {
        assert_eq!(tried(sampler, 1), tried(sampler, 1));
        assert_ne!(tried(sampler, 1), tried(sampler, 2));
    }
}

#[test]
fn the_input_model_may_be_the_best() {
    let passes = json!({"choose": [{"type": "Toy", "score": 0.1}, null]});
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    playground.run().check(0, &["Variant 2 (`choose=none`) is the result"]);
    let run: Value = serde_json::from_str(&playground.read("out/run.json")).unwrap();
    let last = run["models"].as_array().unwrap().last().unwrap();
    assert_eq!(last["pass_name"], Value::Null);
    let model = playground.read("out/model_config.json");
    assert!(model.contains("/base\""), "{model}");
}

#[test]
fn trials_at_a_time_come_to_the_same_result() {
    let passes = json!({
        "shared": {"type": "Toy", "ballast_bytes": 10},
        "choose": scores(&[0.2, 0.9, 0.7, 0.3, 0.5])
    });
    let playground = searched(&passes, &json!({"sampler": "sequential", "parallel_trials": 2}));
    playground.olive(&["run", "--config", "@/olive.json", "--threads", "2"]).check(0, &[]);
    let footprint = footprint(&playground);
    assert_eq!(footprint["search"]["chosen"], json!([2]));
    assert_eq!(footprint["search"]["trials"].as_array().unwrap().len(), 5);
    assert_eq!(playground.read("out/score"), "0.9");
}

#[test]
fn a_build_has_a_search_of_its_own() {
    let playground = Playground::new();
    playground.workflow(json!({
        "data_configs": data(),
        "evaluators": {"quality": {"metrics": [accuracy(&json!({"priority": 1}))]}},
        "evaluator": "quality",
        "passes": {"first": scores(&[0.3, 0.6]), "second": scores(&[0.2, 0.1])},
        "builds": {
            "one": {"pipeline": ["first"], "search_strategy": {"sampler": "sequential"}},
            "two": {"pipeline": ["first", "second"], "search_strategy": {"max_samples": 3}}
        }
    }));
    playground.run().check(0, &[]);
    assert_eq!(playground.read("out/one/score"), "0.6");
    assert_eq!(playground.read("out/two/score"), "0.2");
}

#[test]
fn what_is_wrong_in_any_alternative_is_told_at_once() {
    let passes = json!({
        "first": [{"type": "Toy", "score": 2}, {"type": "Toy", "scor": 0.1}],
        "second": {"type": "Toy", "search_space": {"behavior": ["work", "wrok"], "steps": {"min": 3}}}
    });
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(
        11,
        &[
            "did you mean `score`?",
            "wrok",
            "there are neither `values` nor `min` and `max`",
            "4 errors",
        ],
    );
}
