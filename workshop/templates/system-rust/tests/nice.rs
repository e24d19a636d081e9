//! The system with small programs in the worker's place.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use acme_nice::{AcmeNice, AcmeNiceConfig};
use olive_plugin_api::testing::{Recorder, TestStep};
use olive_plugin_api::{Job, JobState, StepContext, System};
use serde_json::json;

/// Does something with a system, its config and a job that runs `script`.
fn with_job(script: &str, test: impl FnOnce(&AcmeNiceConfig, &Job, &StepContext<'_>)) {
    let step = TestStep::system::<AcmeNice>(json!({}));
    let folder = step.output_dir().to_owned();
    let job = Job {
        title: "a test".into(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: [("WORD".to_owned(), "hello".to_owned())].into(),
        input: "from the host\n".into(),
        folder,
        inputs: Vec::new(),
        outputs: Vec::new(),
        threads: 1,
    };
    let recorder = Recorder::default();
    test(
        &AcmeNiceConfig::default(),
        &job,
        &StepContext::new(&step.request, &recorder),
    );
}

/// The state of a job once it does not run any more.
fn ended(id: &str, config: &AcmeNiceConfig, ctx: &StepContext<'_>) -> JobState {
    let start = Instant::now();
    loop {
        match AcmeNice.poll(id, config, ctx).unwrap() {
            JobState::Running => assert!(start.elapsed() < Duration::from_secs(60)),
            state => return state,
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_job_gets_its_input_and_gives_its_lines() {
    with_job("cat; echo $WORD; nice; exit 3", |config, job, ctx| {
        let id = AcmeNice.submit(job, config, ctx).unwrap();
        assert_eq!(
            ended(&id, config, ctx),
            JobState::Ended { exit_code: Some(3) }
        );
        let part = AcmeNice.logs(&id, 0, config, ctx).unwrap();
        assert!(part.text.starts_with("from the host\nhello\n"), "{part:?}");
        let rest = AcmeNice.logs(&id, 14, config, ctx).unwrap();
        assert_eq!(rest.text, part.text[14..]);
        assert_eq!(AcmeNice.logs(&id, rest.next, config, ctx).unwrap().text, "");
        AcmeNice.collect(&id, config, ctx).unwrap();
    });
}

#[test]
fn half_a_line_waits_for_its_end() {
    with_job("", |config, job, ctx| {
        fs::write(job.folder.join("stdout"), "whole\nha").unwrap();
        let part = AcmeNice
            .logs(job.folder.to_str().unwrap(), 0, config, ctx)
            .unwrap();
        assert_eq!((part.text.as_str(), part.next), ("whole\n", 6));
    });
}

#[test]
fn a_job_that_is_cancelled_ends_with_all_its_processes() {
    with_job("sleep 1000 & echo $!; wait", |config, job, ctx| {
        let id = AcmeNice.submit(job, config, ctx).unwrap();
        let start = Instant::now();
        let mut sleeper = String::new();
        while sleeper.is_empty() {
            assert!(start.elapsed() < Duration::from_secs(60));
            sleeper = AcmeNice.logs(&id, 0, config, ctx).unwrap().text;
        }
        assert_eq!(AcmeNice.poll(&id, config, ctx).unwrap(), JobState::Running);
        AcmeNice.cancel(&id, config, ctx).unwrap();
        assert!(matches!(ended(&id, config, ctx), JobState::Lost { .. }));
        while is_running(sleeper.trim()) {
            assert!(start.elapsed() < Duration::from_secs(60));
        }
        assert!(!Path::new(&id).join("code").exists());
    });
}

/// Whether a process does anything; one that has ended may still have an entry.
fn is_running(process: &str) -> bool {
    let ps = Command::new("ps")
        .args(["-o", "stat=", "-p", process])
        .output()
        .unwrap();
    let state = String::from_utf8(ps.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[test]
fn a_command_that_is_not_there_is_told_before_any_step() {
    with_job("", |config, _, ctx| {
        assert_eq!(AcmeNice.probe(config, ctx).unwrap(), []);
        let config = AcmeNiceConfig {
            command: vec!["no-such-program".into()],
        };
        let told = AcmeNice.probe(&config, ctx).unwrap();
        assert_eq!((told.len(), &*told[0].pointer), (1, "/command/0"));
    });
}
