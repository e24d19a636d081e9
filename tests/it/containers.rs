//! Steps in containers of real engines: a Docker daemon, and Podman where it runs.

mod engines;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::elsewhere::{is_as_made_here, pausing};
use crate::playground::{Playground, Said, signal};
use crate::real;
use engines::Engines;

#[test]
fn the_recipe_in_containers_makes_what_it_makes_here() {
    let Some(engines) = Engines::docker() else { return };
    let playground = real::playground();
    let mut workflow = real::unmeasured();
    workflow["systems"] = json!({"box": engines.system(&json!({"memory": "2g", "cpus": 1.5}))});
    workflow["engine"]["host"] = "box".into();
    real::write(&playground, workflow);
    let parts = ["lora (LoRA): done", "merge (MergeAdapterWeights): done", "on `box`"];
    engines.run(&playground).check(0, &parts);
    assert_eq!(engines.containers(&playground), Vec::<String>::new());
    is_as_made_here(&playground);
}

#[test]
fn podman_makes_the_same() {
    let Some(engines) = Engines::podman() else { return };
    let playground = engines.playground(&json!({"memory": "1g"}), &pausing());
    playground.go();
    engines.run(&playground).check(0, &["first (Toy): done", "on `box`"]);
    assert_eq!(engines.containers(&playground), Vec::<String>::new());
    is_as_made_here(&playground);
}

#[test]
fn a_container_is_stopped_and_leaves_its_checkpoint() {
    for engines in [Engines::docker(), Engines::podman()].into_iter().flatten() {
        let playground = engines.playground(&json!({}), &pausing());
        let running = engines.start(&playground);
        assert_eq!(engines.containers(&playground).len(), 1);
        signal("INT", &running.host());
        running.end().check(30, &["first (Toy): cancelled"]);
        assert_eq!(engines.containers(&playground), Vec::<String>::new());
        playground.go();
        engines.run(&playground).check(0, &["resumed after step 3"]);
    }
}

#[test]
fn a_container_of_a_host_that_was_killed_is_followed_to_its_end() {
    let Some(engines) = Engines::docker() else { return };
    let playground = engines.playground(&json!({}), &pausing());
    let running = engines.start(&playground);
    signal("KILL", &running.host());
    running.end();
    let left = engines.containers(&playground);
    assert_eq!(left.len(), 1);
    playground.go();
    engines.run(&playground).check(0, &["of an earlier run", "first (Toy): done"]);
    assert_eq!(engines.containers(&playground), Vec::<String>::new());
    is_as_made_here(&playground);
}

#[test]
fn what_ends_a_container_from_outside_is_one_sentence() {
    for engines in [Engines::docker(), Engines::podman()].into_iter().flatten() {
        for (action, expected) in [
            (&["kill"][..], "it was killed (SIGKILL), by somebody"),
            (&["stop", "-t", "20"], "its container was stopped from outside"),
            (&["rm", "--force"], "somebody removed its container"),
        ] {
            let playground = engines.playground(&json!({}), &pausing());
            let running = engines.start(&playground);
            let containers = engines.containers(&playground);
            let container = containers.first().unwrap();
            engines.ask(&[action, &[container.as_str()]].concat());
            let said = running.end();
            said.check(20, &["`first (Toy)` failed", "the job on `box` was lost", expected]);
            assert_eq!(engines.containers(&playground), Vec::<String>::new());
        }
    }
}

#[test]
fn a_step_that_uses_too_much_memory_is_told_its_limit() {
    let Some(engines) = Engines::docker() else { return };
    let hog = json!({"type": "Hostile", "act": "allocate"});
    let playground = engines.playground(&json!({"memory": "300m"}), &hog);
    playground.install("olive_hostile_plugin", "olive_plugin_hostile");
    let expected = "it used more memory than it may (300m): raise `memory`";
    engines.run(&playground).check(20, &[expected]);
    assert_eq!(engines.containers(&playground), Vec::<String>::new());
}

#[test]
fn a_worker_that_crashes_is_told_with_its_exit_code() {
    let Some(engines) = Engines::docker() else { return };
    let playground = engines.playground(&json!({}), &json!({"type": "Toy", "behavior": "abort"}));
    engines.run(&playground).check(20, &["ended with exit code 134"]);
}

#[test]
fn images_without_what_olive_needs_are_one_sentence() {
    let Some(engines) = Engines::docker() else { return };
    for (image, expected) in [
        ("olive-test:musl", "it has no glibc, the C library that Olive needs"),
        ("olive-test:empty", "it has no `/bin/sh`"),
        ("olive-test:nowhere", "the image `olive-test:nowhere` is neither here nor in a registry"),
    ] {
        let playground = engines.playground(&json!({"image_name": image}), &json!({"type": "Toy"}));
        engines.run(&playground).check(20, &["`first (Toy)` failed", expected]);
        let probed = engines.olive(&playground, &["systems", "probe", "@/olive.json"]);
        probed.check(11, &[expected, "`box` (Docker): no step can run there", "^^^"]);
        assert_eq!(engines.containers(&playground), Vec::<String>::new());
    }
}

#[test]
fn an_image_is_built_of_its_context_with_its_packages() {
    for (engines, base) in
        [(Engines::docker(), "olive-test:glibc"), (Engines::podman(), "localhost/olive-test:glibc")]
    {
        let Some(engines) = engines else { continue };
        let playground = engines.playground(
            &json!({
                "image_name": "olive-test-built:1",
                "build_context_path": "context",
                "dockerfile": "Image",
                "build_args": {"WORD": "said"},
                "requirements_file": "requirements.txt",
                "environment_variables": {"NUMBER": "7"}
            }),
            &json!({"type": "Toy"}),
        );
        // What stands for Python keeps what it is asked for.
        let image = format!(
            "FROM {base}\nARG WORD\nCOPY python3 /bin/python3\n\
             RUN echo \"$WORD\" >/word\n"
        );
        playground.write("context/Image", &image);
        playground.write("context/python3", "#!/bin/sh\necho \"$*\" >/asked\n");
        let python = playground.path("context/python3");
        fs::set_permissions(python, fs::Permissions::from_mode(0o755)).unwrap();
        playground.write("requirements.txt", "numpy==2.0\n");
        let probed = engines.olive(&playground, &["systems", "probe", "@/olive.json"]);
        probed.check(0, &["is built before each step", "nothing is in the way"]);
        engines.run(&playground).check(0, &["first (Toy): done"]);
        assert_eq!(engines.ask(&["run", "--rm", "olive-test-built:1", "cat", "/word"]), "said");
        let tags = engines.ask(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let with_packages =
            tags.lines().find(|tag| tag.contains("olive-with-packages")).unwrap().to_owned();
        let asked = engines.ask(&["run", "--rm", &with_packages, "cat", "/asked"]);
        assert_eq!(asked, "-m pip install --no-cache-dir -r /olive-requirements.txt");
        engines.ask(&["rmi", "--force", &with_packages, "olive-test-built:1"]);
        playground.write("context/Image", "FROM nothing:of-this-name\nRUN false\n");
        fs::remove_dir_all(playground.path("cache")).unwrap();
        let failed = "the image `olive-test-built:1` cannot be built";
        engines.run(&playground).check(20, &[failed]);
    }
}

#[test]
fn a_probe_says_what_it_found() {
    for (engines, name) in [(Engines::docker(), "docker"), (Engines::podman(), "podman")] {
        let Some(engines) = engines else { continue };
        let playground = engines.playground(&json!({}), &json!({"type": "Toy"}));
        let probed = engines.olive(&playground, &["systems", "probe", "@/olive.json"]);
        let answers = format!("{name} ");
        probed.check(0, &[&answers, " answers", "runs in the image", "nothing is in the way"]);
    }
}

#[test]
fn the_system_keeps_the_contract_with_jobs() {
    for engines in [Engines::docker(), Engines::podman()].into_iter().flatten() {
        let playground = engines.playground(&json!({}), &json!({"type": "Toy"}));
        let mut config = engines.system(&json!({}));
        config.as_object_mut().unwrap().remove("type");
        let case = json!({"name": "box", "system": "Docker", "config": config});
        playground.write("cases.json", &json!({"cases": [case]}).to_string());
        let library = playground.library("olive_plugin_environments");
        let args = ["plugin", "test", &library, "--cases", "@/cases.json"];
        let checks = ["probed", "runs", "logs", "files", "cancels"];
        let checks = checks.map(|check| format!("ok       Docker/box/{check}"));
        engines.olive(&playground, &args).check(0, &checks.each_ref().map(String::as_str));
    }
}

/// A playground with a program that stands for `docker`; each line of the file is what it does for a
/// command.
fn stand_in(lines: &str) -> Playground {
    let playground = Playground::new();
    playground.install("olive_plugin_environments", "olive_plugin_environments");
    let script = format!("#!/bin/sh\ncase $1 in\n{lines}\n*) exit 0;; esac\n");
    playground.write("path/docker", &script);
    let program = playground.path("path/docker");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    system(&playground, &json!({"image_name": "image"}));
    playground
}

fn system(playground: &Playground, settings: &Value) {
    let mut system = json!({"type": "Docker"});
    system.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    playground.workflow(json!({
        "systems": {"box": system},
        "engine": {"host": "box"},
        "passes": {"first": {"type": "Toy"}}
    }));
}

fn olive(playground: &Playground, args: &[&str]) -> Said {
    let path = std::env::join_paths([playground.path("path"), "/usr/bin".into(), "/bin".into()]);
    let mut command = playground.command(args);
    Said::from(command.env("PATH", path.unwrap()).output().unwrap())
}

#[test]
fn what_an_engine_refuses_is_one_sentence() {
    let rows = [
        (
            "*) echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon \
             running?' >&2; exit 1;;",
            "`docker` gets no answer: Cannot connect to the Docker daemon",
        ),
        (
            "*) echo 'permission denied while trying to connect to the Docker daemon socket' >&2; \
             exit 1;;",
            "`docker` may not be used by this user: permission denied",
        ),
        (
            "run) echo 'docker: write /var/lib/x: no space left on device.' >&2; exit 125;;",
            "the disk of `docker` is full: write /var/lib/x: no space left on device",
        ),
        (
            "run) echo 'bind source path does not exist: /bin/olive' >&2; exit 125;;",
            "the daemon of `docker` does not see the files of this machine",
        ),
        (
            "run) echo 'exec /bin/sh: exec format error' >&2; exit 1;;",
            "it is for another processor or system",
        ),
        (
            "image|pull|manifest) echo 'manifest for image:latest not found' >&2; exit 1;;",
            "the image `image` is neither here nor in a registry: manifest for",
        ),
        (
            "run) echo 'could not select device driver with capabilities: [[gpu]]' >&2; exit 125;;",
            "`docker run` says: could not select device driver",
        ),
    ];
    for (lines, expected) in rows {
        let playground = stand_in(lines);
        olive(&playground, &["run", "@/olive.json"]).check(20, &["failed", expected]);
        olive(&playground, &["systems", "probe", "@/olive.json"]).check(11, &[expected]);
        assert_eq!(playground.names("cache/v1/steps"), Vec::<String>::new());
    }
}

#[test]
fn settings_that_cannot_be_handed_on_are_told_with_their_place() {
    let playground = stand_in("");
    for (settings, expected) in [
        (json!({"run_params": {"detach": true}}), "`detach` of `run_params` is Olive's own"),
        (json!({"run_params": ["--rm"]}), "`--rm` of `run_params` is Olive's own"),
        (json!({"build_context_path": "nowhere"}), "nowhere` is not there"),
        (json!({"build_context_path": "base", "dockerfile": "File"}), "base/File` is not there"),
        (json!({"requirements_file": "none.txt"}), "none.txt` is not there"),
    ] {
        system(&playground, &settings);
        let probed = olive(&playground, &["systems", "probe", "@/olive.json"]);
        probed.check(11, &["error[setting]", expected, "^^^"]);
    }
    system(&playground, &json!({"image": "x", "memory": "much", "clean_image": true}));
    let parts = ["`image`", "a size such as `16g`"];
    olive(&playground, &["check", "@/olive.json"]).check(11, &parts);
}

#[test]
fn an_engine_that_is_missing_is_one_error() {
    let playground = stand_in("");
    fs::remove_file(playground.path("path/docker")).unwrap();
    let mut command = playground.command(&["systems", "probe", "@/olive.json"]);
    let said = Said::from(command.env("PATH", playground.path("path")).output().unwrap());
    said.check(11, &["no `docker`, no `podman` in `PATH`", "install Docker or Podman"]);
}
