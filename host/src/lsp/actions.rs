//! Changes that mend a document.

use lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, Range, TextEdit, Uri, WorkspaceEdit,
};

use super::diagnose::diagnostic;
use super::document::Document;
use super::language::Language;
use crate::config::upgrade::modernize;
use crate::config::{Finding, Fix, parse};
use crate::edit::rewrite::rewrite;
use crate::validate::{self, has_migrators};

/// Kind of the action that upgrades a whole document.
pub(super) const UPGRADE: &str = "source.upgrade.olive";

/// Code of findings that an upgrade mends.
const OLD_SPELLING: &str = "old-spelling";

/// Changes of `document` that mend what is found at `range`, and of the whole.
pub(super) fn actions(
    document: &Document,
    range: Range,
    context: &CodeActionContext,
    language: &Language,
) -> Vec<CodeAction> {
    let mut found = Vec::new();
    if is_wanted(context, "quickfix") {
        let (start, end) = (document.offset(range.start), document.offset(range.end));
        let is_here = |f: &&Finding| f.range.start <= end && start <= f.range.end;
        let here = document.findings.iter().filter(is_here);
        found.extend(here.flat_map(|finding| quick_fixes(document, finding)));
    }
    if is_wanted(context, UPGRADE) {
        found.extend(upgrade(document, language));
    }
    found
}

/// Whether the client asks for actions of `kind`, or does not say.
fn is_wanted(context: &CodeActionContext, kind: &str) -> bool {
    let Some(only) = &context.only else { return true };
    only.iter().any(|wanted| {
        let wanted: String = wanted.clone().into();
        kind.strip_prefix(&wanted)
            .is_some_and(|rest| wanted.is_empty() || rest.is_empty() || rest.starts_with('.'))
    })
}

/// The change that mends `finding`, then those to choose from.
fn quick_fixes(document: &Document, finding: &Finding) -> Vec<CodeAction> {
    let sure = finding.fix.iter().map(|fix| (fix, true));
    let all = sure.chain(finding.choices.iter().map(|fix| (fix, false)));
    all.map(|(fix, is_sure)| quick_fix(document, finding, fix, is_sure)).collect()
}

fn quick_fix(document: &Document, finding: &Finding, fix: &Fix, is_sure: bool) -> CodeAction {
    let edits = fix
        .edits
        .iter()
        .map(|edit| TextEdit { range: document.range(&edit.range), new_text: edit.text.clone() });
    CodeAction {
        title: capitalized(&fix.title),
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: Some(vec![diagnostic(document, finding)]),
        is_preferred: Some(is_sure),
        edit: Some(workspace_edit(&document.uri, edits.collect())),
        ..CodeAction::default()
    }
}

/// Writes the whole document as of today, when some of it is of former times.
fn upgrade(document: &Document, language: &Language) -> Option<CodeAction> {
    let is_old = |finding: &Finding| finding.diagnostic.code == OLD_SPELLING;
    if !document.findings.iter().any(is_old) && !has_migrators(&language.catalog) {
        return None;
    }
    let source = &document.source;
    let mut tree = parse(source).documents.into_iter().next()?;
    modernize(&mut tree, &language.catalog);
    let (text, _) = validate::upgrade(source, rewrite(source, &tree).ok()?, &language.catalog);
    if text == source.text {
        return None;
    }
    let edit = TextEdit { range: document.range(&(0..source.text.len())), new_text: text };
    Some(CodeAction {
        title: "Upgrade this file to the current form".to_owned(),
        kind: Some(UPGRADE.to_owned().into()),
        edit: Some(workspace_edit(&document.uri, vec![edit])),
        ..CodeAction::default()
    })
}

fn workspace_edit(uri: &Uri, edits: Vec<TextEdit>) -> WorkspaceEdit {
    WorkspaceEdit { changes: Some([(uri.clone(), edits)].into()), ..WorkspaceEdit::default() }
}

fn capitalized(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
