//! Large files of ONNX models: lent to the output folder, and known there by the next runs.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::playground::{Playground, Said};

/// The large file of the model, as it is before anybody writes to it.
fn weights() -> String {
    "weight ".repeat(300_000)
}

/// A playground with a model of a large file and a small one, and the pass that makes it ONNX.
fn playground() -> Playground {
    let playground = Playground::new();
    playground.write("base/weights", &weights());
    playground.passes(&json!({"pack": {"type": "ToyPack"}}));
    playground
}

/// The same after a run.
fn lent() -> Playground {
    let playground = playground();
    playground.run().check(0, &["pack (ToyPack): done"]);
    is_lent(&playground);
    playground
}

/// Folder of the only step whose result is ONNX.
fn step(playground: &Playground) -> PathBuf {
    let folder = playground.path("cache/v1/steps");
    let steps = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_packed = |step: &PathBuf| step.join("files/model.onnx").exists();
    let packed: Vec<PathBuf> = steps.filter(is_packed).collect();
    assert_eq!(packed.len(), 1);
    packed[0].clone()
}

/// The only file of those bytes is the one in the output folder, and its owner may write to it.
#[track_caller]
fn is_lent(playground: &Playground) {
    let path = playground.path("out/weights");
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.nlink(), metadata.permissions().readonly()), (1, false));
    assert!(fs::read_to_string(path).unwrap() == weights());
    assert!(playground.exists("out/.olive-result.json"));
    let mut names = playground.names("out");
    names.retain(|name| name.starts_with(".writing") || name.starts_with(".lending"));
    assert_eq!(names, Vec::<String>::new());
    let mut files: Vec<_> = fs::read_dir(step(playground).join("files")).unwrap().collect();
    let names = files.drain(..).map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["config.json", "model.onnx"]);
}

fn run_into(playground: &Playground, folder: &Path) -> Said {
    playground.olive(&["run", "-c", "@/olive.json", "-o", folder.to_str().unwrap()])
}

#[test]
fn a_large_file_of_an_onnx_model_is_there_once_and_known_to_the_next_run() {
    let playground = lent();
    playground.run().check(0, &["nothing to do"]);
    is_lent(&playground);
    let said = playground.olive(&["run", "-c", "@/olive.json", "--json"]);
    let end: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    let size = "{}".len() + "packed".len() + weights().len();
    assert_eq!(end["footprint"]["models"][1]["size_bytes"], size);

    let list = playground.olive(&["cache", "list", "-c", "@/olive.json"]);
    list.check(0, &["ToyPack, `", "out/weights`"]);
    let list = playground.olive(&["cache", "list", "-c", "@/olive.json", "--json"]);
    let step: Value = serde_json::from_str(&list.out).unwrap();
    assert!(step["size_bytes"].as_u64().unwrap() < 10_000, "{step}");
    assert_eq!(step["lent"].as_array().unwrap().len(), 1, "{step}");
}

#[test]
fn a_step_whose_lent_file_is_not_what_it_was_is_made_anew() {
    type Change = fn(&Path);
    let rows: [(&str, Change, bool); 5] = [
        ("edited", |file| fs::write(file, weights().replace('w', "W")).unwrap(), true),
        ("written anew", |file| fs::write(file, weights()).unwrap(), true),
        ("cut", |file| fs::write(file, "weight").unwrap(), false),
        ("moved", |file| fs::rename(file, file.with_extension("old")).unwrap(), false),
        ("removed", |file| fs::remove_file(file).unwrap(), false),
    ];
    for (what, change, is_kept) in rows {
        let playground = lent();
        let file = playground.path("out/weights");
        change(&file);
        let changed = fs::read_to_string(&file).ok();
        playground.olive(&["plan", "-c", "@/olive.json"]).check(0, &["to do"]);
        let list = playground.olive(&["cache", "list", "-c", "@/olive.json"]);
        list.check(0, &["ToyPack  (not whole: made anew when it is wanted)", "1 damaged step"]);
        playground.run().check(0, &["pack (ToyPack): done"]);
        if is_kept {
            // As with every file of the result, an edit of the user's stays.
            assert!(fs::read_to_string(&file).ok() == changed, "{what}");
        } else {
            is_lent(&playground);
        }
        playground.run().check(0, &["nothing to do"]);
    }
}

#[test]
fn a_run_that_is_killed_while_it_lends_loses_nothing() {
    let read_only = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
    // What a kill leaves, from the beginning of each chain of actions to its end.
    let lending: [(&str, bool, bool); 4] = [
        ("named", true, false),
        ("linked", true, false),
        ("recorded", true, true),
        ("moved", false, true),
    ];
    let taking_back: [(&str, bool, bool); 3] =
        [("sealed", false, true), ("linked back", true, true), ("forgotten", true, false)];
    for (what, is_home, is_recorded) in lending.into_iter().chain(taking_back) {
        let playground = lent();
        let (step, file) = (step(&playground), playground.path("out/weights"));
        read_only(&file);
        if is_home {
            fs::hard_link(&file, step.join("files/weights")).unwrap();
        }
        if what == "named" {
            fs::rename(&file, playground.path("out/.lending-weights")).unwrap();
        }
        if !is_recorded {
            fs::remove_file(step.join("loans.json")).unwrap();
        }
        fs::remove_file(playground.path("out/.olive-result.json")).unwrap();
        let said = playground.run();
        assert!(said.out.contains("nothing to do"), "{what}: {}{}", said.out, said.err);
        is_lent(&playground);
    }
}

#[test]
fn another_output_folder_gets_a_copy() {
    let playground = lent();
    run_into(&playground, &playground.path("elsewhere")).check(0, &["nothing to do"]);
    is_lent(&playground);
    let copy = fs::metadata(playground.path("elsewhere/weights")).unwrap();
    assert_eq!((copy.nlink(), copy.permissions().readonly()), (1, false));
    assert!(playground.read("elsewhere/weights") == weights());
    // The copy is the user's alone.
    playground.write("elsewhere/weights", "mine");
    playground.run().check(0, &["nothing to do"]);
}

#[test]
fn builds_with_the_same_result_get_a_file_each() {
    let playground = playground();
    playground.workflow(json!({
        "passes": {"pack": {"type": "ToyPack"}},
        "builds": {"a": {"pipeline": ["pack"]}, "b": {"pipeline": ["pack"]}}
    }));
    for status in ["pack (ToyPack): done", "nothing to do"] {
        playground.run().check(0, &[status]);
        for build in ["out/a/weights", "out/b/weights"] {
            assert_eq!(fs::metadata(playground.path(build)).unwrap().nlink(), 1, "{build}");
            assert!(playground.read(build) == weights(), "{build}");
        }
    }
}

#[test]
fn a_result_that_makes_room_for_another_goes_back_into_the_store() {
    let playground = playground();
    let choose = |score: f64| {
        let first = json!({"type": "Toy", "score": score});
        playground.passes(&json!({"first": first, "pack": {"type": "ToyPack"}}));
    };
    for (score, said) in [
        (0.5, "pack (ToyPack): done"),
        (0.7, "pack (ToyPack): done"),
        (0.5, "nothing to do"),
        (0.7, "nothing to do"),
    ] {
        choose(score);
        playground.run().check(0, &[said]);
        assert_eq!(playground.read("out/score"), score.to_string());
        assert!(playground.read("out/weights") == weights());
        assert_eq!(fs::metadata(playground.path("out/weights")).unwrap().nlink(), 1);
    }
    // A run that fails changes nothing in the folder.
    let bad = json!({"type": "Toy", "behavior": "fail"});
    playground.passes(&json!({"bad": bad, "pack": {"type": "ToyPack"}}));
    playground.run().check(20, &[]);
    choose(0.7);
    playground.run().check(0, &["nothing to do"]);
}

#[test]
fn a_step_of_a_later_run_reads_the_model_in_the_store() {
    let playground = lent();
    playground.workflow(json!({
        "data_configs": [{
            "name": "train",
            "load_dataset_config": {"data_name": "json", "data_files": "data.json"}
        }],
        "evaluators": {"common": {"metrics": [{
            "name": "tone",
            "type": "accuracy",
            "data_config": "train",
            "sub_types": [{"name": "exact_match"}]
        }]}},
        "evaluator": "common",
        "evaluate_input_model": false,
        "passes": {"pack": {"type": "ToyPack"}}
    }));
    playground.run().check(0, &["pack (ToyPack): reused", "evaluate pack: done"]);
    is_lent(&playground);
    playground.run().check(0, &["nothing to do"]);
}

#[test]
fn a_model_that_another_run_reads_is_copied() {
    let playground = lent();
    let (step, file) = (step(&playground), playground.path("out/weights"));
    let home = step.join("files/weights");
    fs::rename(&file, &home).unwrap();
    fs::remove_dir_all(playground.path("out")).unwrap();
    let key = step.file_name().unwrap();
    let lock = File::open(playground.path("cache/v1/locks").join(key)).unwrap();
    lock.lock_shared().unwrap();
    playground.run().check(0, &["nothing to do"]);
    for path in [&file, &home] {
        assert_eq!(fs::metadata(path).unwrap().nlink(), 1);
        assert!(fs::read_to_string(path).unwrap() == weights());
    }
}

#[test]
fn a_file_system_of_its_own_gets_a_copy() {
    let playground = playground();
    let other = Path::new("/dev/shm");
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    if device(other).is_none_or(|other| Some(other) == device(&playground.path(""))) {
        println!("skipped: `/dev/shm` is no file system of its own");
        return;
    }
    let folder = tempfile::tempdir_in(other).unwrap();
    run_into(&playground, folder.path()).check(0, &["pack (ToyPack): done"]);
    assert!(fs::read_to_string(folder.path().join("weights")).unwrap() == weights());
    fs::write(folder.path().join("weights"), "mine").unwrap();
    run_into(&playground, folder.path()).check(0, &["nothing to do"]);
    assert!(fs::read_to_string(folder.path().join("weights")).unwrap() == weights());
}

#[test]
fn cleaning_the_cache_leaves_what_lies_in_output_folders() {
    let playground = lent();
    playground.olive(&["cache", "clean", "-c", "@/olive.json"]).check(0, &["removed 1 step,"]);
    assert!(playground.read("out/weights") == weights());
    playground.run().check(0, &["pack (ToyPack): done"]);
    assert!(playground.read("out/weights") == weights());
}
