//! A plugin of API 0.1.0 as its author would have built it then: no crate of Olive, the JSON forms
//! written by hand.
//!
//! Every later host of the major version lists and runs it. A change that breaks it breaks the
//! plugins of strangers, and is not mended here.

pub mod abi;

use std::ffi::c_char;
use std::fs;
use std::path::Path;

use abi::{EventSinkObject, PluginModule, PluginModuleRef};
use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RResult, RStr, RString};
use serde_json::{Value, json};

type Answer = RResult<RString, RString>;

extern "C" fn describe() -> Answer {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "RelicConfig",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "note": {"type": "string", "default": "", "description": "Text written beside the model."}
        }
    });
    let descriptor = json!({
        "name": "olive-previous-minor-plugin",
        "version": "1.4.2",
        "api_version": "0.1.0",
        "passes": [{
            "name": "Relic",
            "summary": "Copy a model and leave a note.",
            "accepts": ["HfModel"],
            "produces": "HfModel",
            "schema": schema,
            "threads_change_result": false
        }],
        "evaluators": [],
        "generators": []
    });
    RResult::ROk(descriptor.to_string().into())
}

extern "C" fn prepare(request: RStr<'_>, _sink: EventSinkObject<'_>) -> Answer {
    let found = parse(request).map(|request| match request["config"]["note"].as_str() {
        Some("") => json!([{
            "severity": "warning",
            "code": "empty-note",
            "pointer": "/note",
            "message": "the note is empty",
            "help": "leave it out"
        }]),
        _ => json!([]),
    });
    answer(found)
}

extern "C" fn run(request: RStr<'_>, sink: EventSinkObject<'_>) -> Answer {
    answer(parse(request).and_then(|request| copy(&request, &sink)))
}

fn parse(request: RStr<'_>) -> Result<Value, Value> {
    serde_json::from_str(request.as_str()).map_err(|error| failure("request", &error.to_string()))
}

fn answer(result: Result<Value, Value>) -> Answer {
    match result {
        Ok(value) => RResult::ROk(value.to_string().into()),
        Err(error) => RResult::RErr(error.to_string().into()),
    }
}

fn failure(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message})
}

fn copy(request: &Value, sink: &EventSinkObject<'_>) -> Result<Value, Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if (text(&request["kind"]), text(&request["name"])) != ("pass".into(), "Relic".into()) {
        return Err(failure("unknown-entry", "there is only the pass `Relic`"));
    }
    let (input, output) = (text(&request["input"]["model_path"]), text(&request["output_dir"]));
    let (input, output) = (Path::new(&input), Path::new(&output));
    let io = |error: std::io::Error| failure("io", &error.to_string());
    let mut names: Vec<_> = fs::read_dir(input)
        .map_err(io)?
        .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
        .collect();
    names.sort();
    for (index, name) in names.iter().enumerate() {
        if sink.is_cancelled() {
            return Err(failure("cancelled", "the step was cancelled"));
        }
        fs::copy(input.join(name), output.join(name)).map_err(io)?;
        emit(
            sink,
            &json!({
                "event": "progress", "unit": "file", "done": index + 1, "total": names.len(),
                "figures": {"files": index + 1}
            }),
        );
    }
    let note = text(&request["config"]["note"]);
    fs::write(output.join("note"), &note).map_err(io)?;
    emit(sink, &json!({"event": "log", "level": "info", "message": format!("noted `{note}`")}));
    let model = json!({
        "type": "HfModel",
        "model_path": output,
        "model_attributes": {"noted": true}
    });
    Ok(json!({"kind": "model", "value": model}))
}

fn emit(sink: &EventSinkObject<'_>, event: &Value) {
    sink.emit(RStr::from_str(&event.to_string()));
}

fn module() -> PluginModuleRef {
    PluginModule { describe, prepare, run }.leak_into_prefix()
}

extern "C" fn erased_module() -> RootModuleResult {
    __call_root_module_loader(module)
}

/// The header that the loader looks for.
#[expect(unsafe_code, reason = "a library is found by its exported symbols")]
// SAFETY: the name is abi_stable's own and the type the one it expects behind that name.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
pub static HEADER: LibHeader =
    // SAFETY: `erased_module` returns the module type named in the type argument.
    unsafe {
        LibHeader::from_constructor::<PluginModuleRef>(erased_module, CheckTypeLayout::Yes)
    };

/// The API version, read before anything else.
#[expect(unsafe_code, reason = "a library is found by its exported symbols")]
// SAFETY: no other symbol of the process has this name; plugins load one a process.
#[unsafe(no_mangle)]
pub extern "C" fn olive_plugin_api_version() -> *const c_char {
    c"0.1.0".as_ptr()
}
