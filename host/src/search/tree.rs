//! The models of all trials, each once.

use olive_schemas::footprint::{ModelRecord, StepStatus};

use super::standing::Trial;

/// The models of `trials`: the input model, then others in order of making, and last those that
/// `best` has made; the input model itself, when that is the best.
pub(super) fn models(trials: &[Trial], best: Option<&Trial>) -> Vec<ModelRecord> {
    let mut models: Vec<ModelRecord> = Vec::new();
    for record in trials.iter().flat_map(|trial| &trial.models) {
        match models.iter_mut().find(|known| known.model_id == record.model_id) {
            Some(known) => merge(known, record),
            None => models.push(record.clone()),
        }
    }
    let Some(best) = best else { return models };
    let is_input_alone = best.record.models.len() == 1;
    let is_best = |model: &ModelRecord| {
        (model.parent_model_id.is_some() || is_input_alone)
            && best.record.models.contains(&model.model_id)
    };
    let (last, others): (Vec<ModelRecord>, Vec<ModelRecord>) =
        models.into_iter().partition(is_best);
    others.into_iter().chain(last).collect()
}

/// Adds to `known` what another trial found out about the same model.
fn merge(known: &mut ModelRecord, found: &ModelRecord) {
    let is_done = known.pass_step.as_ref().is_none_or(|step| step.status.is_done());
    if !is_done {
        // What failed in one trial may have been done in another.
        *known = found.clone();
        return;
    }
    if let (Some(step), Some(other)) = (&known.pass_step, &found.pass_step)
        && step.status == StepStatus::Reused
        && other.status == StepStatus::Ran
    {
        known.pass_step = Some(other.clone());
    }
    for step in &found.evaluation_steps {
        match known.evaluation_steps.iter_mut().find(|old| old.key == step.key) {
            Some(old) if step.status == StepStatus::Ran => *old = step.clone(),
            Some(_) => {}
            None => known.evaluation_steps.push(step.clone()),
        }
    }
    for value in &found.metrics {
        if known.metrics.iter().all(|old| old.key() != value.key()) {
            known.metrics.push(value.clone());
        }
    }
}
