//! `olive generate`.

use olive_schemas::error::PluginError;
use olive_schemas::model::Model;
use olive_schemas::protocol::Call;
use olive_schemas::step::{
    GenerateConfig, LogLevel, StepEvent, StepKind, StepOutcome, StepRequest,
};
use serde_json::json;

use super::{host, say, threads};
use crate::cli::GenerateArgs;
use crate::error::Error;
use crate::model::{ModelError, recognize};
use crate::plugin::CatalogError;
use crate::plugin::process::{self, Supervision};
use crate::prepare::StepFolder;
use crate::view::{Mode, View};

pub(super) fn run(args: &GenerateArgs) -> Result<(), Error> {
    let model = model(args)?;
    let host = host(&args.common)?;
    let Some((plugin, generator)) = host.catalog.generator(model.kind) else {
        let what = format!("no installed plugin generates with a model of type {}", model.kind);
        let help = host.catalog.absence_help_of("generator");
        return Err(CatalogError::Absent { what, help }.into());
    };
    let folder =
        StepFolder::new().map_err(|error| failed(PluginError::from_error("io", &error)))?;
    let config =
        GenerateConfig { prompt: args.prompt.clone(), max_new_tokens: args.max_new_tokens };
    let request = StepRequest {
        threads: threads(&args.threads),
        ..folder.request(StepKind::Generate, &generator.name, json!(config), model)
    };
    let call = Call::Run { plugin: plugin.callee(), request: Box::new(request) };
    let view = View::new(
        if host.is_json { Mode::Json } else { Mode::Lines },
        host.log_level.unwrap_or(LogLevel::Warning),
    );
    let on_event = |event: StepEvent| match event {
        StepEvent::Progress { .. } => {}
        StepEvent::Log { .. } | StepEvent::Text { .. } => view.event(&event),
    };
    let is_cancelled = || host.cancel.is_cancelled();
    let supervision = Supervision { on_event: &on_event, is_cancelled: &is_cancelled };
    let done = process::run(&call, threads(&args.threads), &supervision);
    let answer = done.result.map_err(|failure| failed(failure.into_error()))?;
    if host.is_json {
        if let Ok(StepOutcome::Text(text)) = serde_json::from_value(answer) {
            say(&format!("{}\n", json!({"event": "generated", "text": text})));
        }
    } else {
        say("\n");
    }
    Ok(())
}

fn model(args: &GenerateArgs) -> Result<Model, Error> {
    let mut model = recognize(&args.model)?;
    if let Some(adapter) = &args.adapter {
        let adapter =
            adapter.canonicalize().map_err(|_| ModelError::Missing { path: adapter.clone() })?;
        model.adapter_path = Some(adapter);
    }
    Ok(model)
}

fn failed(error: PluginError) -> Error {
    Error::Step { title: "generate".into(), error }
}
