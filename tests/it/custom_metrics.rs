//! Metrics of type `custom`: evaluators of plugins that a config names.

use serde_json::{Value, json};

use crate::playground::{Playground, Said};

/// A metric that the toy's evaluator measures, with other settings and figures.
fn metric(figures: &Value, settings: &Value) -> Value {
    json!({
        "name": "own", "type": "custom", "sub_types": figures,
        "user_config": {"evaluator": "toyevaluator", "settings": settings}
    })
}

fn measuring(metrics: &Value, passes: &Value) -> Playground {
    let playground = Playground::new();
    playground.write("base/score", "0.5");
    playground.workflow(json!({
        "evaluators": {"quality": {"metrics": metrics}},
        "evaluator": "quality",
        "passes": passes
    }));
    playground
}

fn one_pass() -> Value {
    json!({"first": {"type": "Toy", "score": 0.8}})
}

fn metrics(playground: &Playground) -> Value {
    serde_json::from_str(&playground.read("out/metrics.json")).unwrap()
}

#[test]
fn an_evaluator_that_is_named_measures_beside_the_usual_one() {
    let figures = json!([{"name": "merit", "priority": 1}, {"name": "flaw"}]);
    let size = json!({"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]});
    let own = metric(&figures, &json!({"factor": 2.0}));
    let playground = measuring(&json!([own, size]), &one_pass());
    let said = playground.run();
    said.check(0, &["evaluate first (own)", "own-merit 1.60"]);
    let told = metrics(&playground);
    assert_eq!(told["own-merit"], json!({"value": 1.6, "priority": 1, "higher_is_better": true}));
    assert_eq!(told["own-flaw"], json!({"value": 1.6, "priority": -1, "higher_is_better": false}));
    assert!(told["size-bytes"]["value"].as_f64().unwrap() > 0.0);
    playground.run().check(0, &["nothing to do"]);
    let config = playground.read("olive.json").replace("2.0", "3.0");
    playground.write("olive.json", &config);
    playground.run().check(0, &["own-merit 2.40"]);
    let said = playground.olive(&["report", "@/out", "--format", "csv"]);
    said.check(0, &["own-merit", ",2.4"]);
}

#[test]
fn goals_and_searches_know_its_directions() {
    let figures = json!([{"name": "flaw", "priority": 1}]);
    let scores = [0.9, 0.2, 0.7].map(|score| json!({"type": "Toy", "score": score}));
    let playground = measuring(&json!([metric(&figures, &json!({}))]), &json!({"choose": scores}));
    let mut config: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    config["search_strategy"] = json!({"sampler": "sequential"});
    playground.write("olive.json", &config.to_string());
    playground.run().check(0, &["Variant 2 (`choose=Toy#2`) is the result"]);
    let figure = &mut config["evaluators"]["quality"]["metrics"][0]["sub_types"][0];
    *figure = json!({"name": "flaw", "priority": 1, "higher_is_better": true});
    playground.write("olive.json", &config.to_string());
    playground.run().check(0, &["Variant 1 (`choose=Toy#1`) is the result"]);

    let goal = json!([{"name": "flaw", "goal": {"type": "max-degradation", "value": 0.1}}]);
    let playground = measuring(&json!([metric(&goal, &json!({}))]), &one_pass());
    playground.run().check(21, &["`own-flaw` of `first` is 0.800, but at most 0.600"]);
}

#[test]
fn a_figure_that_is_not_given_is_an_error_of_the_plugin() {
    let figures = json!([{"name": "merit"}, {"name": "flaw"}]);
    let playground = measuring(&json!([metric(&figures, &json!({"forget": "flaw"}))]), &one_pass());
    playground.run().check(20, &["answers with no figure `flaw` of metric `own`"]);
}

#[test]
fn what_is_wrong_is_told_before_anything_runs() {
    let figures = json!([{"name": "merit"}]);
    let check = |change: &dyn Fn(&mut Value)| -> Said {
        let mut own = metric(&figures, &json!({"factor": 2.0}));
        change(&mut own);
        measuring(&json!([own]), &one_pass()).olive(&["check", "@/olive.json"])
    };
    let said = check(&|own| own["user_config"]["evaluator"] = "ToyEvaluater".into());
    said.check(11, &["an evaluator of type `ToyEvaluater`", "did you mean `ToyEvaluator`?"]);
    let said = check(&|own| own["user_config"] = json!({}));
    said.check(11, &["metric `own` names no evaluator that measures it"]);
    let said = check(&|own| own["sub_types"][0]["name"] = "merits".into());
    said.check(11, &["`ToyEvaluator` gives no figure `merits`", "did you mean `merit`?"]);
    let said = check(&|own| own["user_config"]["settings"]["factor"] = json!(-1));
    said.check(11, &["factor"]);
    let said = check(&|own| own["user_config"]["settings"]["faktor"] = json!(1));
    said.check(11, &["`faktor`", "did you mean `factor`?"]);
    let said = check(&|own| own["user_config"] = json!({"user_script": "mine.py"}));
    said.check(11, &["Python code of a config is never run", "process plugin"]);
    let said = check(&|own| own["type"] = "size_on_disk".into());
    said.check(11, &["`evaluator` is for metrics of type `custom`"]);
}

#[test]
fn the_schema_for_editors_knows_its_settings() {
    let figures = json!([{"name": "merit"}]);
    let playground = measuring(&json!([metric(&figures, &json!({"factor": 2.0}))]), &one_pass());
    let schema: Value = serde_json::from_str(&playground.olive(&["schema"]).out).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let config: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    assert!(validator.is_valid(&config), "{:#?}", validator.validate(&config));
    for (pointer, wrong) in [
        ("/user_config/evaluator", json!("Nobody")),
        ("/user_config/settings/factor", json!("much")),
        ("/user_config/settings", json!({"faktor": 1})),
        ("/user_config", json!({})),
        ("/sub_types/0/name", json!("bytes")),
        ("/type", json!("size_on_disk")),
    ] {
        let mut config = config.clone();
        *config["evaluators"]["quality"]["metrics"][0].pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&config), "{config}");
    }
}
