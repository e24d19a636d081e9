//! A step of a component's pass: a graph editor shows the graph, the sandbox says what to change, the
//! graph editor does it.
//!
//! The component sees JSON and answers JSON; the files of the model are the graph editor's alone.

use std::sync::atomic::Ordering;

use olive_plugin_api::abi::PluginModuleRef;
use olive_sandbox::{Component, Context, Failure};
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::error::PluginError;
use olive_schemas::graph::{GraphEdit, GraphEdits, GraphView};
use olive_schemas::protocol::{Call, Callee, End, Message};
use olive_schemas::step::{LogLevel, StepEvent, StepKind, StepOutcome, StepRequest};
use olive_schemas::validation::{GraphPassDescriptor, ValidatorDescriptor};
use serde_json::{Map, Value, json};

use super::{Sink, describe, relay, run};
use crate::config::defaults::fill;
use crate::config::schema::violations;
use crate::home::cache_home;
use crate::plugin::component::{self, Runtime, way_out};
use crate::plugin::manifest::Manifest;
use crate::plugin::native;

/// The component that `plugin` is, with machine code from the user's cache.
///
/// # Errors
/// When it cannot be compiled or loaded.
pub(super) fn load(plugin: &Callee) -> Result<Component, PluginError> {
    Runtime::new(&cache_home()).load_callee(plugin).map_err(|failure| {
        let name = plugin.path.file_name().unwrap_or_default().to_string_lossy();
        fault(&format!("component `{name}`"), &failure)
    })
}

/// What `component`, which `call` is for, answers.
///
/// # Errors
/// When the settings do not fit, the component fails or refuses, or the graph editor does.
pub(super) fn answer(call: &Call, component: Component, sink: &Sink) -> Result<Value, PluginError> {
    let output = sink.output.clone();
    let component = component.with_log(move |level, line| {
        let event = StepEvent::Log { level, message: line.to_owned() };
        let _ = output.send(&Message::Event(event));
    });
    let said = component.describe().map_err(|failure| fault("the component", &failure))?;
    match call {
        Call::Describe { .. } => written(&component::as_plugin(&said)),
        // The schema has been asked, and a component sees a graph only when it is there.
        Call::Prepare { .. } => Ok(json!([])),
        Call::Run { plugin, request } => {
            let editor = plugin.graph_editor.as_deref().ok_or_else(no_editor)?;
            let editor = Editor::load(editor, request, sink)?;
            Pass::find(&component, &said, &request.name)?.transform(request, &editor, sink)
        }
    }
}

/// A pass of a component.
struct Pass<'a> {
    component: &'a Component,
    descriptor: &'a GraphPassDescriptor,
    /// What people call it.
    label: String,
}

impl<'a> Pass<'a> {
    fn find(
        component: &'a Component,
        said: &'a ValidatorDescriptor,
        name: &str,
    ) -> Result<Self, PluginError> {
        let ValidatorDescriptor { id, version, passes, .. } = said;
        let descriptor = passes.iter().find(|pass| pass.name.eq_ignore_ascii_case(name));
        let descriptor = descriptor.ok_or_else(|| {
            PluginError::new("request", format!("component `{id}` {version} has no pass `{name}`"))
        })?;
        let label = format!("pass `{}` of component `{id}` {version}", descriptor.name);
        Ok(Self { component, descriptor, label })
    }

    fn transform(
        &self,
        request: &StepRequest,
        editor: &Editor<'_>,
        sink: &Sink,
    ) -> Result<Value, PluginError> {
        let config = self.settings(&request.config)?;
        let graph = editor.view()?;
        if sink.is_cancelled.load(Ordering::Relaxed) {
            return Err(PluginError::cancelled());
        }
        let edits = self.edits(&graph, &config)?;
        let message = format!("{} makes {} edits", self.label, edits.len());
        let event = StepEvent::Log { level: LogLevel::Debug, message };
        let _ = sink.output.send(&Message::Event(event));
        editor.edit(edits).map_err(|error| self.misfit(error))
    }

    /// The settings with defaults; the host has checked them, and other callers may not have.
    fn settings(&self, config: &Value) -> Result<Value, PluginError> {
        let Self { descriptor, label, .. } = self;
        let mut config = config.clone();
        if config.is_null() {
            config = json!({});
        }
        if let Some(problem) = violations(&config, &descriptor.schema).into_iter().next() {
            let message = format!("settings of {label}: {}", problem.diagnostic.message);
            return Err(PluginError::new("config", message));
        }
        fill(&mut config, &descriptor.schema);
        Ok(config)
    }

    fn edits(&self, graph: &GraphView, config: &Value) -> Result<Vec<GraphEdit>, PluginError> {
        let graph = serde_json::to_string(graph)
            .map_err(|error| PluginError::from_error("request", &error))?;
        let version = ("olive_version".to_owned(), Value::from(env!("CARGO_PKG_VERSION")));
        let ctx = Context { facts: Map::from_iter([version]), ..Context::default() };
        let name = &self.descriptor.name;
        let edits = self.component.transform(name, &graph, &config.to_string(), &ctx);
        edits.map_err(|failure| fault(&self.label, &failure))
    }

    /// That the graph editor could not do what the pass wants.
    fn misfit(&self, error: PluginError) -> PluginError {
        if error.code == PluginError::CANCELLED {
            return error;
        }
        // Names in it may be those that the component has made up.
        let why = error.message.chars().filter(|letter| !letter.is_control());
        let why: String = why.collect();
        let message = format!("edits of {} cannot be made: {why}", self.label);
        PluginError { message, ..error }
    }
}

/// A plugin that shows and edits graphs, for one step.
struct Editor<'a> {
    plugin: &'a Callee,
    /// The library; none when the plugin is a process.
    module: Option<PluginModuleRef>,
    /// The step; what it asks is changed.
    request: &'a StepRequest,
    /// Name of the graph editor inside the plugin.
    name: String,
    sink: &'a Sink,
}

impl<'a> Editor<'a> {
    fn load(
        plugin: &'a Callee,
        request: &'a StepRequest,
        sink: &'a Sink,
    ) -> Result<Self, PluginError> {
        let is_process = Manifest::is_at(&plugin.path);
        let module = (!is_process).then(|| native::load(plugin)).transpose()?;
        let mut editor = Self { plugin, module, request, name: String::new(), sink };
        let descriptor = match module {
            Some(module) => describe(module)?,
            None => editor.relayed(Call::Describe { plugin: plugin.clone() })?,
        };
        let descriptor: PluginDescriptor = parsed(descriptor)?;
        let found = descriptor.graph_editors.into_iter().next();
        editor.name = found.ok_or_else(no_editor)?.name;
        Ok(editor)
    }

    fn view(&self) -> Result<GraphView, PluginError> {
        match parsed(self.ask(StepKind::GraphView, json!({}))?)? {
            StepOutcome::Graph(view) => Ok(*view),
            _ => Err(PluginError::new("answer", "the graph editor shows no graph")),
        }
    }

    fn edit(&self, edits: Vec<GraphEdit>) -> Result<Value, PluginError> {
        self.ask(StepKind::GraphEdit, written(&GraphEdits { edits })?)
    }

    fn ask(&self, kind: StepKind, config: Value) -> Result<Value, PluginError> {
        let name = self.name.clone();
        let request = StepRequest { kind, name, config, ..self.request.clone() };
        match self.module {
            Some(module) => run(module, &request, self.sink.clone()),
            None => {
                self.relayed(Call::Run { plugin: self.plugin.clone(), request: Box::new(request) })
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a call is made to be sent")]
    fn relayed(&self, call: Call) -> Result<Value, PluginError> {
        match relay(&call, self.sink) {
            End::Done { answer, .. } => Ok(answer),
            End::Failed { error, .. } => Err(error),
        }
    }
}

/// That `whose` is at fault, or refuses.
fn fault(whose: &str, failure: &Failure) -> PluginError {
    let code = failure.code().replacen("validator", "component", 1);
    if let Failure::Refused(why) = failure {
        return PluginError::new(code, format!("{whose} refuses the model: {why}"));
    }
    PluginError::new(code, format!("{whose}: {failure}")).with_help(way_out(failure))
}

fn no_editor() -> PluginError {
    let message = "a component changes graphs through a plugin with a graph editor; none is there";
    PluginError::new("no-graph-editor", message)
        .with_help("install one: the plugin for ONNX graphs that comes with Olive has it")
}

fn written(value: &impl serde::Serialize) -> Result<Value, PluginError> {
    serde_json::to_value(value).map_err(|error| PluginError::from_error("request", &error))
}

fn parsed<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, PluginError> {
    serde_json::from_value(answer).map_err(|error| {
        PluginError::new("answer", format!("the answer of the graph editor: {error}"))
    })
}
