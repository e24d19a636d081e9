//! The exports of a component: records of the WIT package to the types of this crate and back.
//!
//! One set of bindings for each world, so that a component exports only the interfaces that
//! [`export_validator!`](crate::export_validator) or
//! [`export_graph_passes!`](crate::export_graph_passes) was given a type for. The host's copy of
//! each instance serves one call, so nothing is kept between calls.

use std::marker::PhantomData;
use std::panic;
use std::sync::Once;

use olive_schemas::diagnostic as ours;
use olive_schemas::validation as answers;
use serde_json::Value;

use crate::call::{self, DocumentKind, Entry};
use crate::context::Context;
use crate::refusal::Refusal;
use crate::validator::{Completer, Migrator, Planner, Validator};

use self::graph_pass::exports::olive::plugin::graph_pass::PassInfo;
use self::plugin::exports::olive::plugin::plugin::Manifest;
use self::plugin::olive::plugin::host::{Level, log};
use self::validator::olive::plugin::types;

/// The interface of every component.
#[expect(missing_docs, reason = "generated from the WIT")]
pub mod plugin {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "any-plugin",
        pub_export_macro: true,
        export_macro_name: "export_plugin",
    });
}

/// The interface `validator`.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod validator {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "with-validator",
        pub_export_macro: true,
        export_macro_name: "export_validator",
    });
}

/// The optional interface `migrator`.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod migrator {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "with-migrator",
        with: { "olive:plugin/types@0.1.1": crate::guest::validator::olive::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_migrator",
    });
}

/// The optional interface `completer`.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod completer {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "with-completer",
        with: { "olive:plugin/types@0.1.1": crate::guest::validator::olive::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_completer",
    });
}

/// The optional interface `planner`.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod planner {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "with-planner",
        with: { "olive:plugin/types@0.1.1": crate::guest::validator::olive::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_planner",
    });
}

/// The optional interface `graph-pass`.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod graph_pass {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "with-graph-pass",
        with: { "olive:plugin/types@0.1.1": crate::guest::validator::olive::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_graph_pass",
    });
}

pub use self::completer::export_completer;
pub use self::graph_pass::export_graph_pass;
pub use self::migrator::export_migrator;
pub use self::planner::export_planner;
pub use self::plugin::export_plugin;
pub use self::validator::export_validator;

/// What the export macros know of a component.
pub trait Exported {
    /// Name of the component.
    const ID: &'static str;
    /// One sentence on what it does.
    const SUMMARY: &'static str;
    /// Version of the author's package.
    const VERSION: &'static str;
    /// Documents it is asked about.
    const ACCEPTS: &'static [DocumentKind];
    /// Names of the optional interfaces that it exports.
    const PROVIDES: &'static [&'static str];
    /// What it says of itself beside that, a JSON object.
    fn extra() -> String;
}

/// The graph passes of a component.
pub trait Passing {
    /// All of them.
    const PASSES: &'static [Entry];
}

/// The exports that a type of the author stands behind.
#[derive(Debug)]
pub struct Component<T>(PhantomData<T>);

impl<E: Exported> plugin::exports::olive::plugin::plugin::Guest for Component<E> {
    fn describe() -> Manifest {
        tell_panics();
        let accepted = E::ACCEPTS.iter().map(|kind| (kind.word().to_owned(), kind.range()));
        Manifest {
            id: E::ID.to_owned(),
            version: E::VERSION.to_owned(),
            description: E::SUMMARY.to_owned(),
            accepts: accepted.collect(),
            provides: E::PROVIDES.iter().copied().map(str::to_owned).collect(),
            extra: E::extra(),
        }
    }
}

impl<V: Validator> validator::exports::olive::plugin::validator::Guest for Component<V> {
    fn config_schema() -> Result<String, types::PluginError> {
        tell_panics();
        Ok(call::config_schema::<V>())
    }

    fn validate(
        document: String,
        ctx: types::Context,
    ) -> Result<Vec<types::Diagnostic>, types::PluginError> {
        tell_panics();
        let found = call::validate::<V>(&document, &context(DocumentKind::Workflow, ctx)?)?;
        Ok(found.into_iter().map(diagnostic).collect())
    }
}

impl<M: Migrator> migrator::exports::olive::plugin::migrator::Guest for Component<M> {
    fn migrate(
        document: String,
        ctx: types::Context,
    ) -> Result<Vec<types::Diagnostic>, types::PluginError> {
        tell_panics();
        let notes = call::migrate::<M>(&document, &context(DocumentKind::Workflow, ctx)?)?;
        Ok(notes.into_iter().map(diagnostic).collect())
    }
}

impl<C: Completer> completer::exports::olive::plugin::completer::Guest for Component<C> {
    fn complete(
        document: String,
        at: String,
        ctx: types::Context,
    ) -> Result<Vec<completer::exports::olive::plugin::completer::Completion>, types::PluginError>
    {
        tell_panics();
        let offered = call::complete::<C>(&document, &at, &context(DocumentKind::Workflow, ctx)?)?;
        Ok(offered.into_iter().map(completion).collect())
    }
}

impl<P: Planner> planner::exports::olive::plugin::planner::Guest for Component<P> {
    fn estimate(
        document: String,
        ctx: types::Context,
    ) -> Result<Vec<Option<planner::exports::olive::plugin::planner::Cost>>, types::PluginError>
    {
        tell_panics();
        let costs = call::estimate::<P>(&document, &context(DocumentKind::Workflow, ctx)?)?;
        Ok(costs.into_iter().map(|known| known.map(cost)).collect())
    }
}

impl<P: Passing> graph_pass::exports::olive::plugin::graph_pass::Guest for Component<P> {
    fn passes() -> Result<Vec<PassInfo>, types::PluginError> {
        tell_panics();
        let info = |pass: answers::GraphPassDescriptor| PassInfo {
            name: pass.name,
            summary: pass.summary,
            schema: pass.schema.to_string(),
        };
        Ok(call::passes(P::PASSES).into_iter().map(info).collect())
    }

    fn transform(
        name: String,
        graph: String,
        config: String,
        ctx: types::Context,
    ) -> Result<String, types::PluginError> {
        tell_panics();
        let ctx = context(DocumentKind::Graph, ctx)?;
        Ok(call::transform(P::PASSES, &name, &graph, &config, &ctx)?)
    }
}

/// Has a panic say its message through the host before it ends the instance.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
    });
}

impl From<Refusal> for types::PluginError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnsupportedDocument(why) => Self::UnsupportedDocument(why),
            Refusal::InvalidInput(why) => Self::InvalidInput(why),
        }
    }
}

fn context(kind: DocumentKind, ctx: types::Context) -> Result<Context, Refusal> {
    call::context(kind, &ctx.document_kind, ctx.locale, ctx.strict, &ctx.facts)
}

fn diagnostic(finding: ours::Diagnostic) -> types::Diagnostic {
    let ours::Diagnostic { severity, code, message, pointer, help, related, fixes } = finding;
    let severity = match severity {
        ours::Severity::Error => types::Severity::Error,
        ours::Severity::Warning => types::Severity::Warning,
        ours::Severity::Note => types::Severity::Note,
    };
    let related = related.into_iter();
    let related =
        related.map(|ours::Related { pointer, message }| types::Related { pointer, message });
    types::Diagnostic {
        pointer,
        severity,
        code,
        message,
        help,
        fixes: fixes.into_iter().map(fix).collect(),
        related: related.collect(),
        data: None,
    }
}

fn fix(fix: ours::Fix) -> types::Fix {
    let applicability = match fix.applicability {
        ours::Applicability::MachineApplicable => types::Applicability::MachineApplicable,
        ours::Applicability::MaybeIncorrect => types::Applicability::MaybeIncorrect,
        ours::Applicability::HasPlaceholders => types::Applicability::HasPlaceholders,
    };
    types::Fix { title: fix.title, patch: fix.patch.to_string(), applicability }
}

fn completion(
    offered: answers::Completion,
) -> completer::exports::olive::plugin::completer::Completion {
    let answers::Completion { label, insert, detail, documentation } = offered;
    completer::exports::olive::plugin::completer::Completion {
        label,
        insert: insert.to_string(),
        detail,
        documentation,
    }
}

fn cost(known: answers::Cost) -> planner::exports::olive::plugin::planner::Cost {
    planner::exports::olive::plugin::planner::Cost {
        peak_host_bytes: known.peak_host_bytes,
        peak_device_bytes: known.peak_device_bytes,
        disk_bytes: known.disk_bytes,
        flops: known.flops,
        confidence: known.confidence,
        breakdown: Value::Object(known.breakdown).to_string(),
    }
}
