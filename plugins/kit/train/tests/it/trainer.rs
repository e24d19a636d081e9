//! When the loop logs, evaluates, saves and ends, against transformers' `Trainer` with the same
//! evaluation losses.

use olive_kit_adapters::{Adapters, Gradients};
use olive_kit_decoder::{Batch, DecoderError, Engine, Objective};
use olive_kit_train::{
    Checkpoints, LogEntry, Outputs, Resume, Sequence, TrainingData, TrainingSettings, checkpoint,
    train,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::toy::{self, Heard};

#[derive(Deserialize)]
struct Case {
    settings: Map<String, Value>,
    losses: Vec<f64>,
    steps: usize,
    epoch: f64,
    logged: Vec<(usize, f64)>,
    evaluated: Vec<(usize, f64)>,
    kept: Vec<usize>,
    best_step: Option<usize>,
    best: Option<f64>,
}

/// An engine whose evaluations give losses from a list.
struct Scripted(std::vec::IntoIter<f64>);

impl Engine for Scripted {
    fn loss_and_gradients(
        &mut self,
        _: &Batch,
        _: &Adapters,
        _: &Objective,
        _: &mut Gradients,
    ) -> Result<f64, DecoderError> {
        Ok(1.0)
    }

    fn loss(&mut self, batch: &Batch, _: &Adapters) -> Result<f64, DecoderError> {
        assert_eq!(batch.num_labels(), 1);
        Ok(self.0.next().unwrap())
    }
}

/// Our settings with those of a case.
fn settings(case: &Case) -> TrainingSettings {
    let plain = TrainingSettings {
        logging_first_step: false,
        saving: olive_kit_train::Saving::Every(olive_kit_train::Interval::Never),
        ..toy::settings()
    };
    let mut all = serde_json::to_value(plain).unwrap();
    all.as_object_mut().unwrap().extend(case.settings.clone());
    serde_json::from_value(all).unwrap()
}

fn check(case: &Case) {
    let settings = settings(case);
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints {
        dir: dir.path(),
        write_adapter: &toy::write,
        resume: Resume::No,
        accepts_changes: false,
        model: "toy",
    };
    let outputs = Outputs { checkpoints: Some(checkpoints), events: None };
    let (sequences, eval) = (toy::sequences(20, 1), [Sequence::causal(vec![1, 2])]);
    let data = TrainingData { train: &sequences, eval: &eval };
    let (mut adapters, mut heard) = (toy::adapters(), Heard::default());
    let mut engine = Scripted(case.losses.clone().into_iter());
    let trained = train(&mut engine, &mut adapters, data, &settings, &outputs, &mut heard).unwrap();
    let logged = heard.entries.iter().filter_map(|entry| match *entry {
        LogEntry::Train { step, epoch, .. } => Some((step, epoch)),
        LogEntry::Eval { .. } => None,
    });
    let evaluated = heard.evaluations.iter().map(|one| (one.step, one.epoch));
    let kept = checkpoint::list(dir.path()).into_iter().map(|(step, _)| step);
    let name = &case.settings;
    assert_eq!((trained.steps, trained.epochs), (case.steps, case.epoch), "{name:?}");
    assert_eq!(logged.collect::<Vec<_>>(), case.logged, "{name:?}");
    assert_eq!(evaluated.collect::<Vec<_>>(), case.evaluated, "{name:?}");
    assert_eq!(kept.collect::<Vec<_>>(), case.kept, "{name:?}");
    // transformers names no step for the best when it saves nothing.
    let best = trained.best.unwrap();
    assert!(case.best_step.is_none_or(|step| step == best.step), "{name:?}");
    assert_eq!(Some(best.loss), case.best, "{name:?}");
    assert_eq!(best.is_loaded, settings.load_best_at_end, "{name:?}");
}

#[test]
fn the_flow_is_that_of_transformers() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../fixtures/flow.json")).unwrap();
    assert_eq!(cases.len(), 7);
    cases.iter().for_each(check);
}
