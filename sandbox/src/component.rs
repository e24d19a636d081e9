//! A component, and what can be asked of it; every call runs in a fresh instance.

use std::fmt;
use std::sync::Arc;

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::graph::{GRAPH_VERSION, GraphEdit};
use olive_schemas::step::LogLevel;
use olive_schemas::validation::{Completion, Cost, DOCUMENT_VERSION, ValidatorDescriptor};
use semver::Version;
use serde_json::{Map, Value};
use wasmtime::component::{Component as Code, Instance, InstancePre};
use wasmtime::{Result as Lifted, Store};

use crate::answer;
use crate::bindings::exports::olive::plugin::{
    completer, graph_pass, migrator, planner, plugin, validator,
};
use crate::bindings::olive::plugin::types;
use crate::call::{self, Call, LogSink};
use crate::clock::Clock;
use crate::contract;
use crate::descriptor::{self, Said};
use crate::failure::Failure;
use crate::limits::{CallLimits, Limits};

/// What the host tells about a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    /// Language of messages (BCP 47), when the user asked for one.
    pub locale: Option<String>,
    /// Whether warnings end the command as errors do.
    pub strict: bool,
    /// Facts such as `olive_version`.
    pub facts: Map<String, Value>,
}

/// A loaded component.
pub struct Component {
    instances: InstancePre<Call>,
    version: Version,
    plugin: plugin::GuestIndices,
    validator: Option<validator::GuestIndices>,
    migrator: Option<migrator::GuestIndices>,
    completer: Option<completer::GuestIndices>,
    planner: Option<planner::GuestIndices>,
    graph_pass: Option<graph_pass::GuestIndices>,
    limits: Arc<Limits>,
    clock: Arc<Clock>,
    log: Option<LogSink>,
}

impl Component {
    /// The component with the machine code `code`, bound to what it exports.
    pub(crate) fn new(
        code: &Code,
        limits: &Arc<Limits>,
        clock: &Arc<Clock>,
    ) -> Result<Self, Failure> {
        let engine = code.engine();
        let kind = code.component_type();
        let version = contract::version(kind.exports(engine).map(|(name, _)| name))?;
        let instances = call::linker(engine)?.instantiate_pre(code);
        let instances = instances.map_err(|error| {
            let words = format!("{error:#}; it was built for `olive:plugin` {version}");
            Failure::Contract(words)
        })?;
        let exports = |interface: &str| {
            let mut names = kind.exports(engine).filter_map(|(name, _)| contract::interface(name));
            names.any(|(name, version)| name == interface && contract::speaks(&version))
        };
        if !exports("validator") && !exports("graph-pass") {
            let words = "it exports neither `olive:plugin/validator` nor `olive:plugin/graph-pass`";
            return Err(Failure::Contract(words.into()));
        }
        Ok(Self {
            version,
            plugin: bound(plugin::GuestIndices::new(&instances))?,
            validator: exports("validator")
                .then(|| bound(validator::GuestIndices::new(&instances)))
                .transpose()?,
            migrator: exports("migrator")
                .then(|| bound(migrator::GuestIndices::new(&instances)))
                .transpose()?,
            completer: exports("completer")
                .then(|| bound(completer::GuestIndices::new(&instances)))
                .transpose()?,
            planner: exports("planner")
                .then(|| bound(planner::GuestIndices::new(&instances)))
                .transpose()?,
            graph_pass: exports("graph-pass")
                .then(|| bound(graph_pass::GuestIndices::new(&instances)))
                .transpose()?,
            instances,
            limits: Arc::clone(limits),
            clock: Arc::clone(clock),
            log: None,
        })
    }

    /// The same component, whose log lines go to `sink`; without one they are dropped.
    #[must_use]
    pub fn with_log(mut self, sink: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(sink));
        self
    }

    /// What the component says about itself, its schemas included.
    ///
    /// # Errors
    /// When an export has not the type that the contract says, when the answer breaks it in another
    /// way, or when the component does not know documents of this version.
    pub fn describe(&self) -> Result<ValidatorDescriptor, Failure> {
        let said = self.call(|store, instance| {
            let plugin = bound(self.plugin.load(&mut *store, instance))?;
            self.check_optional(store, instance)?;
            let manifest = self.lifted(plugin.call_describe(&mut *store))?;
            let mut said = Said { manifest, schema: None, passes: None };
            if let Some(validator) = &self.validator {
                let validator = bound(validator.load(&mut *store, instance))?;
                said.schema = Some(self.answered(validator.call_config_schema(&mut *store))?);
            }
            if let Some(graph_pass) = &self.graph_pass {
                let graph_pass = bound(graph_pass.load(&mut *store, instance))?;
                said.passes = Some(self.answered(graph_pass.call_passes(&mut *store))?);
            }
            Ok(said)
        })?;
        descriptor::describe(&said, &self.version, self.interfaces(), &self.limits)
    }

    /// Findings about the [`Document`](olive_schemas::validation::Document) that `document` spells
    /// as JSON, at most [`Limits::findings`] and a note about the others; errors come first then.
    ///
    /// Texts hold no control characters; codes come without the component's id. Empty when the
    /// component is no validator.
    pub fn validate(&self, document: &str, ctx: &Context) -> Result<Vec<Diagnostic>, Failure> {
        let Some(validator) = &self.validator else { return Ok(Vec::new()) };
        let found = self.call(|store, instance| {
            let validator = bound(validator.load(&mut *store, instance))?;
            self.answered(validator.call_validate(store, document, &wire(ctx)))
        })?;
        answer::diagnostics(found, self.limits.findings)
    }

    /// Notes with fixes about a workflow in an old form; empty when the component is no migrator.
    pub fn migrate(&self, workflow: &str, ctx: &Context) -> Result<Vec<Diagnostic>, Failure> {
        let Some(migrator) = &self.migrator else { return Ok(Vec::new()) };
        let found = self.call(|store, instance| {
            let migrator = bound(migrator.load(&mut *store, instance))?;
            self.answered(migrator.call_migrate(store, workflow, &wire(ctx)))
        })?;
        answer::diagnostics(found, self.limits.findings)
    }

    /// Values for a place of a workflow, at most [`Limits::findings`]; empty when the component is
    /// no completer.
    pub fn complete(
        &self,
        workflow: &str,
        at: &str,
        ctx: &Context,
    ) -> Result<Vec<Completion>, Failure> {
        let Some(completer) = &self.completer else { return Ok(Vec::new()) };
        let found = self.call(|store, instance| {
            let completer = bound(completer.load(&mut *store, instance))?;
            self.answered(completer.call_complete(store, workflow, at, &wire(ctx)))
        })?;
        found.iter().take(self.limits.findings).map(answer::completion).collect()
    }

    /// What each step of the document will need; empty when the component is no planner.
    pub fn estimate(&self, document: &str, ctx: &Context) -> Result<Vec<Option<Cost>>, Failure> {
        let Some(planner) = &self.planner else { return Ok(Vec::new()) };
        let costs = self.call(|store, instance| {
            let planner = bound(planner.load(&mut *store, instance))?;
            self.answered(planner.call_estimate(store, document, &wire(ctx)))
        })?;
        costs.iter().map(|cost| cost.as_ref().map(answer::cost).transpose()).collect()
    }

    /// The edits that the pass `name` with the settings `config` makes on the
    /// [`GraphView`](olive_schemas::graph::GraphView) that `graph` spells as JSON, in its order.
    ///
    /// # Errors
    /// When the component has no passes, refuses, uses more than [`Limits::transform`], or answers
    /// with what are no edits. Whether these fit the graph is not looked at.
    pub fn transform(
        &self,
        name: &str,
        graph: &str,
        config: &str,
        ctx: &Context,
    ) -> Result<Vec<GraphEdit>, Failure> {
        let Some(graph_pass) = &self.graph_pass else {
            return Err(Failure::Contract(format!("it has no pass `{name}`")));
        };
        let limits = self.limits.transform;
        let ctx = types::Context {
            document_kind: descriptor::GRAPH_KIND.into(),
            document_version: GRAPH_VERSION.into(),
            ..wire(ctx)
        };
        let edits = self.call_within(limits, |store, instance| {
            let graph_pass = bound(graph_pass.load(&mut *store, instance))?;
            let answer = graph_pass.call_transform(store, name, graph, config, &ctx);
            lifted(answer, limits)?.map_err(|refusal| answer::refusal_of_graph(&refusal))
        })?;
        answer::edits(&edits)
    }

    fn call<T>(
        &self,
        ask: impl FnOnce(&mut Store<Call>, &Instance) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.call_within(self.limits.call, ask)
    }

    fn call_within<T>(
        &self,
        may_use: CallLimits,
        ask: impl FnOnce(&mut Store<Call>, &Instance) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        call::call(&self.instances, &self.limits, may_use, &self.clock, self.log.as_ref(), ask)
    }

    fn interfaces(&self) -> Vec<String> {
        let exported = [
            ("migrator", self.migrator.is_some()),
            ("completer", self.completer.is_some()),
            ("planner", self.planner.is_some()),
            ("graph-pass", self.graph_pass.is_some()),
        ];
        exported.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect()
    }

    /// Compares the types of the optional interfaces with the contract's.
    fn check_optional(&self, store: &mut Store<Call>, instance: &Instance) -> Result<(), Failure> {
        if let Some(migrator) = &self.migrator {
            bound(migrator.load(&mut *store, instance))?;
        }
        if let Some(completer) = &self.completer {
            bound(completer.load(&mut *store, instance))?;
        }
        if let Some(planner) = &self.planner {
            bound(planner.load(&mut *store, instance))?;
        }
        Ok(())
    }

    fn lifted<T>(&self, answer: Lifted<T>) -> Result<T, Failure> {
        lifted(answer, self.limits.call)
    }

    fn answered<T>(&self, answer: Lifted<Result<T, types::PluginError>>) -> Result<T, Failure> {
        self.lifted(answer)?.map_err(|refusal| answer::refusal(&refusal))
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Component")
            .field("version", &self.version)
            .field("interfaces", &self.interfaces())
            .finish_non_exhaustive()
    }
}

fn bound<T>(found: Lifted<T>) -> Result<T, Failure> {
    found.map_err(|error| call::no_fit(&error))
}

fn lifted<T>(answer: Lifted<T>, limits: CallLimits) -> Result<T, Failure> {
    answer.map_err(|error| call::ended(&error, limits))
}

fn wire(ctx: &Context) -> types::Context {
    types::Context {
        document_kind: descriptor::DOCUMENT_KIND.into(),
        document_version: DOCUMENT_VERSION.into(),
        locale: ctx.locale.clone(),
        strict: ctx.strict,
        facts: Value::Object(ctx.facts.clone()).to_string(),
    }
}
