//! Passes that are searched one by one, and what is a whole model.

use serde_json::{Value, json};

use super::{footprint, scores, searched, trials};

#[test]
fn passes_are_searched_one_by_one_on_request() {
    let passes = json!({
        "first": scores(&[0.3, 0.6]),
        "second": [{"type": "Toy"}, {"type": "Toy", "score": 0.1}, {"type": "Toy", "score": 0.8}],
    });
    let strategy = json!({"execution_order": "pass-by-pass", "sampler": "sequential"});
    let playground = searched(&passes, &strategy);
    playground.run().check(0, &[]);
    assert_eq!(
        trials(&footprint(&playground)),
        [
            "first=Toy#1 second=Toy#1 done",
            "first=Toy#2 second=Toy#1 done",
            "first=Toy#2 second=Toy#1 done",
            "first=Toy#2 second=Toy#2 done",
            "first=Toy#2 second=Toy#3 done"
        ]
    );
    assert_eq!(playground.read("out/score"), "0.8");
}

#[test]
fn a_pass_that_is_searched_first_may_be_left_out() {
    let passes = json!({
        "first": [null, {"type": "Toy", "score": 0.4}],
        "second": scores(&[0.7, 0.8])
    });
    let strategy = json!({"execution_order": "pass-by-pass", "sampler": "sequential"});
    let playground = searched(&passes, &strategy);
    playground.run().check(0, &[]);
    let footprint = footprint(&playground);
    // What is searched later has not run yet: without the first pass there is the input model.
    let trials = footprint["search"]["trials"].as_array().unwrap();
    let models = |trial: &Value| trial["models"].as_array().unwrap().len();
    assert_eq!(trials.iter().map(models).collect::<Vec<_>>(), [1, 2, 2, 2]);
    assert_eq!(footprint["search"]["chosen"], json!([4]));
    assert_eq!(playground.read("out/score"), "0.8");
}

#[test]
fn a_model_on_the_way_is_no_result() {
    let fail = json!({"type": "Toy", "behavior": "fail"});
    let passes = json!({
        "first": scores(&[0.3, 0.6]),
        "second": [fail, {"type": "Toy", "behavior": "fail", "seed": 1}],
    });
    let strategy = json!({"execution_order": "pass-by-pass", "sampler": "sequential"});
    let playground = searched(&passes, &strategy);
    playground.run().check(20, &["the toy failed"]);
    assert!(!playground.exists("out/score"));
}

#[test]
fn a_search_whose_time_is_up_before_it_has_a_model_says_so() {
    let passes = json!({"first": scores(&[0.3, 0.6])});
    let playground = searched(&passes, &json!({"max_time": 0}));
    playground.run().check(13, &["`max_time`, was up", "give it more time"]);
    assert!(!playground.exists("out/score"));
    // Whether a trial has failed by then or none has begun.
    let passes = json!({"first": [{"type": "Toy", "behavior": "fail"}, {"type": "Toy"}]});
    let playground = searched(&passes, &json!({"max_time": 0.002}));
    playground.run().check(13, &["`max_time`, was up", "give it more time"]);
}
