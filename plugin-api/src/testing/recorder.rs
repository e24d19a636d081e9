//! A listener for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use olive_schemas::step::StepEvent;

use crate::context::Listener;

/// A listener that remembers events, and cancels when it was told to.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<StepEvent>>,
    limit: Option<usize>,
}

impl Recorder {
    /// One that asks to stop from the start.
    pub fn cancelled() -> Self {
        Self::stopping_after(0)
    }

    /// One that asks to stop once it has heard `count` events.
    pub fn stopping_after(count: usize) -> Self {
        Self { limit: Some(count), ..Self::default() }
    }

    /// Every event so far.
    pub fn events(&self) -> Vec<StepEvent> {
        self.lock().clone()
    }

    /// Figures of every progress event so far.
    pub fn figures(&self) -> Vec<BTreeMap<String, f64>> {
        let figures = |event| match event {
            StepEvent::Progress { figures, .. } => Some(figures),
            StepEvent::Log { .. } | StepEvent::Text { .. } => None,
        };
        self.events().into_iter().filter_map(figures).collect()
    }

    /// Messages of every log line so far.
    pub fn logs(&self) -> Vec<String> {
        let message = |event| match event {
            StepEvent::Log { message, .. } => Some(message),
            StepEvent::Progress { .. } | StepEvent::Text { .. } => None,
        };
        self.events().into_iter().filter_map(message).collect()
    }

    /// Generated text so far.
    pub fn text(&self) -> String {
        let piece = |event| match event {
            StepEvent::Text { text } => Some(text),
            StepEvent::Progress { .. } | StepEvent::Log { .. } => None,
        };
        self.events().into_iter().filter_map(piece).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StepEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Recorder {
    fn event(&self, event: StepEvent) {
        self.lock().push(event);
    }

    fn is_cancelled(&self) -> bool {
        self.limit.is_some_and(|limit| self.lock().len() >= limit)
    }
}
