//! What `olive plan` tells of a search.

use serde_json::{Value, json};

use super::{scores, searched};
use crate::playground::Playground;

/// What the plan tells of the whole search.
fn whole(playground: &Playground) -> Value {
    let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
    let plan: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    plan["whole"].clone()
}

#[test]
fn trials_teach_how_long_a_search_takes() {
    let passes = json!({
        "shared": {"type": "Toy", "ballast_bytes": 10},
        "choose": scores(&[0.2, 0.9, 0.7])
    });
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    let whole = || whole(&playground);
    // Of what is shared, the training and its input's figure count once.
    let before = whole();
    assert_eq!((&before["num_variants"], &before["num_steps"]), (&json!(3), &json!(8)));
    assert_eq!(
        (&before["seconds"], &before["unknown"]),
        (&json!(0.0), &json!(["Toy", "ToyEvaluator"]))
    );
    playground.run().check(0, &[]);
    assert_eq!((&whole()["num_steps"], &whole()["seconds"]), (&json!(0), &json!(0.0)));
    std::fs::remove_dir_all(playground.path("cache")).unwrap();
    let after = whole();
    assert_eq!((&after["num_steps"], &after["unknown"]), (&json!(8), &json!([])));
    assert!(after["seconds"].as_f64().unwrap() > 0.0);
    let said = playground.olive(&["plan", "--config", "@/olive.json"]);
    said.check(0, &["the whole search: about ", "for 3 variants, 8 steps to do"]);

    let strategy = json!({"sampler": "random", "max_samples": 1, "max_time": 1e-9});
    let text = playground.read("olive.json");
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["search_strategy"] = strategy;
    playground.write("olive.json", &config.to_string());
    let said = playground.olive(&["plan", "--config", "@/olive.json"]);
    said.check(0, &["for 1 variant, ", "none is begun after "]);
    config["search_strategy"] = json!(false);
    config["passes"]["choose"] = json!({"type": "Toy", "score": 0.9});
    playground.write("olive.json", &config.to_string());
    // What trials measured one by one is known of a run that measures all at once.
    let said = playground.olive(&["plan", "--config", "@/olive.json"]);
    said.check(0, &["time: about "]);
}

#[test]
fn a_search_without_number_or_end_is_planned_by_what_it_draws() {
    let any =
        json!({"choose": {"type": "Toy", "search_space": {"score": {"min": 0.1, "max": 0.9}}}});
    for (passes, strategy, told) in [
        // Eight models and their figures, and the input model's.
        (&any, json!({"sampler": "tpe", "max_samples": 8}), json!([8, 17])),
        (&any, json!({"sampler": "random", "max_samples": 3}), json!([3, 7])),
        (&any, json!({"sampler": "random", "max_time": 60}), json!([null, null])),
    ] {
        let whole = whole(&searched(passes, &strategy));
        assert_eq!(json!([whole["num_variants"], whole["num_steps"]]), told, "{strategy}");
    }
}

#[test]
fn what_more_variants_share_than_are_planned_counts_once_each() {
    let scores: Vec<f64> = (0..50).map(|index| f64::from(index) / 50.0).collect();
    let passes = json!({
        "first": [{"type": "Toy", "ballast_bytes": 1}, {"type": "Toy", "ballast_bytes": 2}],
        "between": {"type": "Toy", "ballast_bytes": 3},
        "last": {"type": "Toy", "search_space": {"score": scores}}
    });
    for sampler in ["sequential", "random"] {
        let whole = whole(&searched(&passes, &json!({"sampler": sampler})));
        // Two models of each of the first passes, a hundred of the last and their figures, and the
        // input model's.
        assert_eq!((&whole["num_variants"], &whole["num_steps"]), (&json!(100), &json!(205)));
    }
}
