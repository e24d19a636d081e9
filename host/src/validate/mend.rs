//! Fixes of validators: tried on a copy, and offered only when they mend what they should.

use std::path::PathBuf;

use olive_sandbox::Context;
use olive_schemas::diagnostic::{Applicability, Diagnostic, Fix as Suggestion, Severity};
use olive_schemas::validation::{Document, ModelDescription};
use serde_json::Value;

use super::answer;
use super::document::{document, settings, spell};
use super::patch::Patch;
use super::text::{by_hand, changes, patched};
use crate::config::check::check_normalized;
use crate::config::{Fix, Scope, Source};
use crate::plugin::{Catalog, InstalledValidator};

/// Fixes of one answer that are tried.
const TRIED: usize = 32;

/// The config that fixes are tried on a copy of.
pub(super) struct Trial<'a> {
    pub(super) source: &'a Source,
    pub(super) folder: PathBuf,
    pub(super) catalog: &'a Catalog,
    pub(super) scope: Scope,
    pub(super) document: &'a Document,
    pub(super) ctx: &'a Context,
}

/// Changes of the text that mend a finding.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// The one that is meant beyond doubt.
    pub(super) fix: Option<Fix>,
    /// Those that a person chooses from.
    pub(super) choices: Vec<Fix>,
}

impl Trial<'_> {
    /// What mends each of `found`, which is all that `validator` found.
    ///
    /// Of the fixes in `found` those stay that were tried and work; one that the text cannot have
    /// is told as help.
    pub(super) fn mend(
        &self,
        found: &mut [Diagnostic],
        validator: &InstalledValidator,
    ) -> Vec<Mended> {
        let all = found.to_vec();
        let mut num_tried = 0;
        let mut mended = Vec::new();
        for one in found {
            let mut changed = Mended::default();
            for suggestion in std::mem::take(&mut one.fixes) {
                let may_try = num_tried < TRIED;
                num_tried += 1;
                if suggestion.applicability == Applicability::HasPlaceholders {
                    by_hand(one, &suggestion.title);
                    continue;
                }
                let works =
                    may_try.then(|| self.works(&suggestion, one, &all, validator)).flatten();
                let Some((patch, expected)) = works else { continue };
                let new =
                    patched(self.source, &patch, &self.document.workflow, &expected, self.catalog);
                match new {
                    Some(new) => {
                        let edits = changes(&self.source.text, &new.text);
                        let title = suggestion.title.clone();
                        changed.add(Fix { title, edits }, suggestion.applicability);
                    }
                    None => by_hand(one, &suggestion.title),
                }
                one.fixes.push(suggestion);
            }
            mended.push(changed);
        }
        mended
    }

    /// The patch of `suggestion` and what it makes of the workflow, when that is a config without
    /// errors in which `found` is gone and nothing worse has come.
    fn works(
        &self,
        suggestion: &Suggestion,
        found: &Diagnostic,
        all: &[Diagnostic],
        validator: &InstalledValidator,
    ) -> Option<(Patch, Value)> {
        let patch = Patch::read(&suggestion.patch)?;
        let expected = patch.apply(&self.document.workflow)?;
        let checked = check_normalized(&expected, &self.folder, self.catalog, self.scope)?;
        let document = document(&checked, self.model(&expected), self.catalog);
        let text = spell(&document, settings(checked.workflow(), validator)).ok()?;
        let after = validator.component().ok()?.validate(&text, self.ctx).ok()?;
        let after = answer::accept(after, &expected).ok()?;
        // Places may have moved, and what is said of them too, but not both.
        let is_known = |new: &Diagnostic| {
            all.iter().any(|old| {
                let is_same = old.pointer == new.pointer || old.message == new.message;
                old.code == new.code && is_same
            })
        };
        let is_gone =
            !after.iter().any(|new| (&new.code, &new.pointer) == (&found.code, &found.pointer));
        let is_no_worse = after.iter().all(|new| new.severity != Severity::Error || is_known(new));
        (is_gone && is_no_worse).then_some((patch, expected))
    }

    /// The model's description, while the patched `workflow` starts from the same model.
    fn model(&self, workflow: &Value) -> Option<ModelDescription> {
        let is_same = workflow.get("input_model") == self.document.workflow.get("input_model");
        self.document.model.clone().filter(|_| is_same)
    }
}

impl Mended {
    fn add(&mut self, fix: Fix, applicability: Applicability) {
        if applicability == Applicability::MachineApplicable && self.fix.is_none() {
            self.fix = Some(fix);
        } else {
            self.choices.push(fix);
        }
    }
}
