//! Commands and exit codes.

use serde_json::{Value, json};

use crate::playground::Playground;

#[test]
fn help_and_usage() {
    let playground = Playground::bare();
    playground.olive(&["--help"]).check(0, &["run", "plan", "evaluate", "Exit codes"]);
    playground.olive(&["frobnicate"]).check(2, &["frobnicate"]);
    playground.olive(&["run", "--config", "@/x.json", "--threads", "0"]).check(2, &["--threads"]);
    let said = playground.olive(&["--help"]);
    assert!(!said.out.contains("worker"), "{}", said.out);
}

#[test]
fn a_plan_tells_steps_and_what_is_done() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}, "second": {"type": "Toy", "score": 0.5}}));
    let plan = ["plan", "--config", "@/olive.json"];
    playground.olive(&plan).check(0, &["1  first (Toy)", "to do", "result: "]);
    assert!(!playground.exists("out"));
    playground.run().check(0, &[]);
    playground.olive(&plan).check(0, &["done before"]);
    let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
    let plan: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(plan["steps"][1]["is_cached"], true);
    assert_eq!(plan["steps"][0]["config"]["behavior"], "work");
    assert_eq!(plan["steps"][0]["key"].as_str().unwrap().len(), 64);
}

#[test]
fn keys_do_not_depend_on_where_things_are() {
    let (one, other) = (Playground::new(), Playground::new());
    let keys = |playground: &Playground| {
        let data = json!([{
            "name": "train",
            "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
        }]);
        let passes = json!({"first": {"type": "Toy", "train_data_config": "train"}});
        playground.workflow(json!({"data_configs": data, "passes": passes}));
        let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
        said.check(0, &[]);
        serde_json::from_str::<Value>(&said.out).unwrap()["steps"][0]["key"].clone()
    };
    assert_eq!(keys(&one), keys(&other));
    let before = keys(&one);
    one.write("data.json", "[]");
    assert_ne!(before, keys(&one));
}

#[test]
fn generating_streams_text() {
    let playground = Playground::new();
    let args = ["generate", "--model", "@/base", "--prompt", "a b c"];
    let said = playground.olive(&args);
    said.check(0, &[]);
    assert_eq!(said.out, "c b a \n");
    let said =
        playground.olive(&[&args[..], &["--adapter", "@/base", "--max-new-tokens", "1"]].concat());
    assert_eq!(said.out, "c (adapted)\n");
    playground.write("model.gguf", "");
    playground
        .olive(&["generate", "--model", "@/model.gguf", "--prompt", "a"])
        .check(12, &["no installed plugin generates with a model of type GgufModel"]);
    playground
        .olive(&["generate", "--model", "@/nowhere", "--prompt", "a"])
        .check(13, &["nowhere` does not exist"]);
}

#[test]
fn a_model_is_measured_by_an_evaluator_of_a_config() {
    let playground = Playground::new();
    let metric = json!({
        "name": "tone",
        "type": "accuracy",
        "data_config": "test",
        "sub_types": [{"name": "exact_match"}]
    });
    playground.workflow(json!({
        "data_configs": [{
            "name": "test",
            "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
        }],
        "evaluators": {"one": {"metrics": [metric]}, "two": {"metrics": [metric]}},
        "passes": {"first": {"type": "Toy"}}
    }));
    playground.write("base/score", "0.25");
    let args = ["evaluate", "--model", "@/base", "--config", "@/olive.json"];
    playground.olive(&args).check(2, &["choose one of `one`, `two`"]);
    let args = [&args[..], &["--evaluator", "two"]].concat();
    playground.olive(&args).check(0, &["25.0 %"]);
    let said = playground.olive(&[&args[..], &["--json"]].concat());
    let metrics: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(metrics["tone-exact_match"]["value"], 0.25);
    assert!(!playground.exists("out"));
}

#[test]
fn plugins_are_listed() {
    let playground = Playground::new();
    playground
        .olive(&["plugin", "list"])
        .check(0, &["olive-toy-plugin@", "pass       Toy: ", "evaluator  ToyEvaluator: "]);
    let said = playground.olive(&["plugin", "list", "--json"]);
    let plugin: Value = serde_json::from_str(said.out.trim()).unwrap();
    assert_eq!(plugin["descriptor"]["passes"][0]["name"], "Toy");
}

#[test]
fn the_cache_is_listed_and_cleaned() {
    let playground = Playground::new();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &[]);
    playground.olive(&["cache", "list", "--config", "@/olive.json"]).check(0, &["1 step, ", "Toy"]);
    playground.olive(&["cache", "clean", "--cache-dir", "@/cache"]).check(0, &["removed 1 step,"]);
    playground.olive(&["cache", "list", "--cache-dir", "@/cache"]).check(0, &["0 steps"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    playground.run().check(0, &["first (Toy): done"]);
}

#[test]
fn a_file_is_imported_by_the_pass_that_takes_its_format() {
    let playground = Playground::new();
    playground.write("model.gguf", "imported weights");
    let args = ["import", "gguf", "@/model.gguf", "-o", "@/models/imported"];
    playground.olive(&[&args[..], &["--layout", "wide"]].concat()).check(0, &["result: "]);
    assert_eq!(playground.read("models/imported/weights"), "imported weights");
    assert_eq!(playground.read("models/imported/layout"), "wide");
    assert_eq!(playground.names("models"), ["imported"]);
    let said = playground.olive(&[&args[..], &["--set", "layuot=wide"]].concat());
    said.check(2, &["unknown key `layuot`", "did you mean `layout`?"]);
    playground
        .olive(&["import", "pickle", "@/model.gguf", "-o", "@/x"])
        .check(2, &["format `pickle` is not one of"]);
    playground
        .olive(&["import", "gguf", "@/missing.gguf", "-o", "@/x"])
        .check(13, &["missing.gguf` does not exist"]);
}
