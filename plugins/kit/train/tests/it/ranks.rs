//! Two processes that train together, here as threads with a connection each.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration as Time;

use olive_kit_collective::{Alone, Backend, Collective, Meeting, Place, join};
use olive_kit_train::{
    Checkpoints, Observer, Outputs, Resume, StepReport, TrainError, Trained, TrainingData,
    TrainingSettings, train_in,
};

use crate::toy::{self, Heard, Toy};

/// How one rank's training ended, and the values that it ended with.
type Ended = (Result<Trained, TrainError>, Vec<Vec<f32>>);

fn group(rank: usize, dir: &Path) -> Box<dyn Collective> {
    let meeting = Meeting { dir: dir.to_owned(), hosts: Vec::new(), wait: Time::from_secs(20) };
    let place = Place { rank, ranks: 2 };
    join(Backend::Tcp, place, &meeting, Time::from_secs(20)).unwrap()
}

fn run(
    group: &mut dyn Collective,
    engine: &mut Toy,
    settings: &TrainingSettings,
    checkpoints: Option<&Path>,
    observer: &mut dyn Observer,
) -> Ended {
    let (train_data, eval) = (toy::sequences(20, 1), toy::sequences(6, 2));
    let data = TrainingData { train: &train_data, eval: &eval };
    let checkpoints = checkpoints.map(|dir| Checkpoints {
        dir,
        write_adapter: &toy::write,
        resume: Resume::Newest,
        accepts_changes: false,
        model: "toy",
    });
    let outputs = Outputs { checkpoints, events: None };
    let mut adapters = toy::adapters();
    let result = train_in(group, engine, &mut adapters, data, settings, &outputs, observer);
    (result, adapters.parameters.into_iter().map(|parameter| parameter.values).collect())
}

/// What two ranks make of `work`; a rank that panics is gone.
fn two<T: Send>(work: impl Fn(&mut dyn Collective) -> T + Sync) -> [Option<T>; 2] {
    let dir = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        let (work, dir) = (&work, dir.path());
        let start = |rank| scope.spawn(move || work(&mut *group(rank, dir)));
        [start(0), start(1)].map(|thread| thread.join().ok())
    })
}

/// Twelve steps of `per_rank` sequences a rank, without dropout, which is drawn apart.
fn settings(per_rank: usize) -> TrainingSettings {
    TrainingSettings { train_batch_size: per_rank, ..toy::settings() }
}

#[test]
fn two_ranks_share_the_work_of_one_and_end_with_the_same_bytes() {
    let ranks = two(|group| {
        let (mut toy, mut heard) = (Toy::default(), Heard::default());
        let (result, values) = run(group, &mut toy, &settings(1), None, &mut heard);
        (result.unwrap(), values, toy.shapes, heard)
    });
    let [(trained, values, shapes, heard), (other, other_values, other_shapes, other_heard)] =
        ranks.map(Option::unwrap);
    assert_eq!((&trained, &values), (&other, &other_values));
    let figures = |heard: &Heard| {
        let figure = |it: &StepReport| (it.loss, it.grad_norm, it.tokens, it.eval_loss);
        heard.steps.iter().map(figure).collect::<Vec<_>>()
    };
    assert_eq!(figures(&heard), figures(&other_heard));
    let (mut toy, mut alone) = (Toy::default(), Heard::default());
    let (result, _) = run(&mut Alone, &mut toy, &settings(2), None, &mut alone);
    let tokens = |shapes: &[(usize, usize)]| shapes.iter().map(|it| it.0 * it.1).sum::<usize>();
    assert_eq!(tokens(&shapes) + tokens(&other_shapes), tokens(&toy.shapes));
    assert_eq!(result.unwrap().steps, trained.steps);
    let lengths = |heard: &Heard| heard.steps.iter().map(|it| it.tokens).collect::<Vec<_>>();
    assert_eq!(lengths(&heard), lengths(&alone));
    let first = |heard: &Heard| heard.evaluations[0].loss;
    assert!((first(&heard) / first(&alone) - 1.0).abs() < 0.1, "dropout is drawn anew");
}

/// Ends its process after a step.
struct Dies(usize);

impl Observer for Dies {
    fn step(&mut self, report: &StepReport) {
        if report.step == self.0 {
            std::panic::resume_unwind(Box::new(()));
        }
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_dead_rank_is_named_and_the_training_goes_on_from_what_was_kept() {
    let straight = tempfile::tempdir().unwrap();
    let train = |dir: &Path, dies_at: Option<usize>| {
        two(|group| {
            let (mut heard, mut dies) = (Heard::default(), Dies(dies_at.unwrap_or(usize::MAX)));
            let observer: &mut dyn Observer =
                if group.rank() == 1 { &mut dies } else { &mut heard };
            run(group, &mut Toy::default(), &settings(2), Some(dir), observer)
        })
    };
    let [expected, _] = train(straight.path(), None).map(Option::unwrap);
    let broken = tempfile::tempdir().unwrap();
    let [first, second] = train(broken.path(), Some(6));
    assert!(second.is_none());
    let error = first.unwrap().0.unwrap_err();
    let kept = broken.path().join("checkpoint-6");
    let told = format!("rank 1 of 2 is gone; kept in `{}`", kept.display());
    assert_eq!(error.to_string(), told);
    assert!(kept.is_dir());
    let [resumed, _] = train(broken.path(), None).map(Option::unwrap);
    assert_eq!(resumed.0.unwrap(), expected.0.unwrap());
    assert_eq!(resumed.1, expected.1);
    let last = |dir: &Path| fs::read(dir.join("checkpoint-12/adapter_model.safetensors")).unwrap();
    assert_eq!(last(broken.path()), last(straight.path()));
}

#[test]
fn one_rank_that_is_asked_to_stop_stops_all() {
    let dir = tempfile::tempdir().unwrap();
    let ranks = two(|group| {
        let cancels_at = (group.rank() == 1).then_some(9);
        let mut heard = Heard { cancels_at, ..Heard::default() };
        run(group, &mut Toy::default(), &settings(2), Some(dir.path()), &mut heard).0
    });
    let [first, second] = ranks.map(|it| it.unwrap().unwrap_err());
    assert!(matches!(&first, TrainError::Cancelled { saved: Some(path) } if path.is_dir()));
    assert!(matches!(&second, TrainError::Cancelled { .. }));
}

#[test]
fn a_number_that_is_none_on_one_rank_ends_all() {
    let ranks = two(|group| {
        let fails_at = (group.rank() == 1).then_some(3);
        let mut toy = Toy { fails_at, ..Toy::default() };
        run(group, &mut toy, &settings(2), None, &mut Heard::default()).0
    });
    for error in ranks.map(|it| it.unwrap().unwrap_err()) {
        assert!(matches!(error, TrainError::NotFinite { what: "loss", step: 2, .. }), "{error}");
    }
}

#[test]
fn ranks_that_train_different_things_are_told_what() {
    let ranks = two(|group| {
        let settings = TrainingSettings { data_seed: 5 + group.rank() as u64, ..settings(2) };
        run(group, &mut Toy::default(), &settings, None, &mut Heard::default()).0
    });
    let [first, second] = ranks.map(|it| it.unwrap().unwrap_err().to_string());
    assert_eq!(first, "rank 1 of 2 is gone");
    assert_eq!(
        second,
        "rank 1 of 2 trains something else than rank 0: its `data_seed` is 5, that of this \
         training 6"
    );
}

#[test]
fn the_best_values_are_those_of_rank_0() {
    let dir = tempfile::tempdir().unwrap();
    let best = TrainingSettings { load_best_at_end: true, ..settings(2) };
    let ranks = two(|group| {
        run(group, &mut Toy::default(), &best, Some(dir.path()), &mut Heard::default())
    });
    let [(first, _), (second, _)] = ranks.map(Option::unwrap);
    let (first, second) = (first.unwrap().best.unwrap(), second.unwrap().best.unwrap());
    assert_eq!((first.step, first.loss), (second.step, second.loss));
    assert!(first.is_loaded && !second.is_loaded);
}
