//! The exports of a component: records of the WIT package to the types of this crate and back.
//!
//! One set of bindings for each world, so that a component exports only the interfaces that
//! [`export_validator!`](crate::export_validator) was given a type for. The host's copy of each
//! instance serves one call, so nothing is kept between calls.

use std::marker::PhantomData;
use std::panic;
use std::sync::Once;

use olive_schemas::diagnostic as ours;
use olive_schemas::validation as answers;
use serde_json::Value;

use crate::call::{self, Refusal};
use crate::context::Context;
use crate::validator::{Completer, Migrator, Planner, Validator};

use self::bindings::exports::olive::plugin::plugin::Manifest;
use self::bindings::olive::plugin::host::{Level, log};
use self::bindings::olive::plugin::types;

/// The interfaces of every component.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "validator-plugin",
        pub_export_macro: true,
        export_macro_name: "export_plugin",
    });
}

/// The optional interface `migrator`.
#[expect(missing_docs, clippy::same_length_and_capacity, reason = "generated from the WIT")]
pub mod migrator {
    wit_bindgen::generate!({
        path: "../plugin-api/wit/0.1.1",
        world: "with-migrator",
        with: { "olive:plugin/types@0.1.1": crate::guest::bindings::olive::plugin::types },
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
        with: { "olive:plugin/types@0.1.1": crate::guest::bindings::olive::plugin::types },
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
        with: { "olive:plugin/types@0.1.1": crate::guest::bindings::olive::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_planner",
    });
}

pub use self::bindings::export_plugin;
pub use self::completer::export_completer;
pub use self::migrator::export_migrator;
pub use self::planner::export_planner;

/// What the export macro knows of a validator.
pub trait Exported: Validator {
    /// Version of the author's package.
    const VERSION: &'static str;
    /// Names of the optional interfaces that are exported beside it.
    const PROVIDES: &'static [&'static str];
}

/// The exports that a type of the author stands behind.
#[derive(Debug)]
pub struct Component<T>(PhantomData<T>);

impl<V: Exported> bindings::exports::olive::plugin::plugin::Guest for Component<V> {
    fn describe() -> Manifest {
        tell_panics();
        Manifest {
            id: V::ID.to_owned(),
            version: V::VERSION.to_owned(),
            description: V::SUMMARY.to_owned(),
            accepts: vec![(call::DOCUMENT_KIND.to_owned(), call::document_range())],
            provides: V::PROVIDES.iter().copied().map(str::to_owned).collect(),
            extra: call::extra::<V>(),
        }
    }
}

impl<V: Exported> bindings::exports::olive::plugin::validator::Guest for Component<V> {
    fn config_schema() -> Result<String, types::PluginError> {
        tell_panics();
        Ok(call::config_schema::<V>())
    }

    fn validate(
        document: String,
        ctx: types::Context,
    ) -> Result<Vec<types::Diagnostic>, types::PluginError> {
        tell_panics();
        let found = call::validate::<V>(&document, &context(ctx)?)?;
        Ok(found.into_iter().map(diagnostic).collect())
    }
}

impl<M: Migrator> migrator::exports::olive::plugin::migrator::Guest for Component<M> {
    fn migrate(
        document: String,
        ctx: types::Context,
    ) -> Result<Vec<types::Diagnostic>, types::PluginError> {
        tell_panics();
        let notes = call::migrate::<M>(&document, &context(ctx)?)?;
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
        let offered = call::complete::<C>(&document, &at, &context(ctx)?)?;
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
        let costs = call::estimate::<P>(&document, &context(ctx)?)?;
        Ok(costs.into_iter().map(|known| known.map(cost)).collect())
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

fn context(ctx: types::Context) -> Result<Context, Refusal> {
    call::context(&ctx.document_kind, ctx.locale, ctx.strict, &ctx.facts)
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
