//! The macro that makes a library a plugin.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use abi_stable::std_types::{RResult, RStr, RString};
use olive_schemas::error::PluginError;
use olive_schemas::step::{StepEvent, StepRequest};
use serde::Serialize;

use crate::abi::EventSinkObject;
use crate::context::Listener;
use crate::plugin::Plugin;

/// Makes the library a plugin with these passes, evaluators, generators, sources,
/// systems, previewers, graph editors and packagers.
///
/// A panic inside any of them becomes a [`PluginError`] with code `panic`. Each list may be left
/// out, but not reordered. The library is one of `crate-type = ["cdylib"]`, and has one such macro.
///
/// ```standalone_crate
/// # use olive_plugin_api::{
/// #     Evaluator, EvaluatorConfig, MetricKind, MetricValue, Model, ModelKind, Pass, PluginError,
/// #     StepContext, export_plugin,
/// # };
/// # #[derive(Default)]
/// # struct Prune;
/// # impl Pass for Prune {
/// #     type Config = std::collections::BTreeMap<String, f64>;
/// #     const NAME: &'static str = "Prune";
/// #     const SUMMARY: &'static str = "Prune.";
/// #     fn accepts() -> &'static [ModelKind] { &[ModelKind::Hf] }
/// #     fn produces() -> ModelKind { ModelKind::Hf }
/// #     fn run(
/// #         &self, input: &Model, _: &Self::Config, _: &StepContext<'_>,
/// #     ) -> Result<Model, PluginError> { Ok(input.clone()) }
/// # }
/// # #[derive(Default)]
/// # struct Sparsity;
/// # impl Evaluator for Sparsity {
/// #     const NAME: &'static str = "Sparsity";
/// #     const SUMMARY: &'static str = "Measure.";
/// #     fn accepts() -> &'static [ModelKind] { &[ModelKind::Hf] }
/// #     fn metrics() -> &'static [MetricKind] { &[MetricKind::SizeOnDisk] }
/// #     fn evaluate(
/// #         &self, _: &Model, _: &EvaluatorConfig, _: &StepContext<'_>,
/// #     ) -> Result<Vec<MetricValue>, PluginError> { Ok(Vec::new()) }
/// # }
/// export_plugin! {
///     passes: [Prune],
///     evaluators: [Sparsity],
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_plugin {
    (
        $(passes: [$($pass:ty),* $(,)?] $(,)?)?
        $(evaluators: [$($evaluator:ty),* $(,)?] $(,)?)?
        $(generators: [$($generator:ty),* $(,)?] $(,)?)?
        $(sources: [$($source:ty),* $(,)?] $(,)?)?
        $(systems: [$($system:ty),* $(,)?] $(,)?)?
        $(previewers: [$($previewer:ty),* $(,)?] $(,)?)?
        $(graph_editors: [$($graph_editor:ty),* $(,)?] $(,)?)?
        $(packagers: [$($packager:ty),* $(,)?] $(,)?)?
    ) => {
        #[allow(unsafe_code, reason = "a library is found by its exported symbols")]
        const _: () = {
            use $crate::abi::{EventSinkObject, PluginModule, PluginModuleRef};
            use $crate::private::abi_stable::library::{
                __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
            };
            use $crate::private::abi_stable::prefix_type::PrefixTypeTrait;
            use $crate::private::abi_stable::std_types::{RResult, RStr, RString};

            fn plugin() -> $crate::Plugin {
                $crate::Plugin::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
                    $($(.with_pass::<$pass>())*)?
                    $($(.with_evaluator::<$evaluator>())*)?
                    $($(.with_generator::<$generator>())*)?
                    $($(.with_source::<$source>())*)?
                    $($(.with_system::<$system>())*)?
                    $($(.with_previewer::<$previewer>())*)?
                    $($(.with_graph_editor::<$graph_editor>())*)?
                    $($(.with_packager::<$packager>())*)?
            }

            extern "C" fn describe() -> RResult<RString, RString> {
                $crate::call::describe(plugin)
            }

            extern "C" fn prepare(
                request: RStr<'_>,
                sink: EventSinkObject<'_>,
            ) -> RResult<RString, RString> {
                $crate::call::prepare(plugin, request, &sink)
            }

            extern "C" fn run(
                request: RStr<'_>,
                sink: EventSinkObject<'_>,
            ) -> RResult<RString, RString> {
                $crate::call::run(plugin, request, &sink)
            }

            fn module() -> PluginModuleRef {
                PluginModule { describe, prepare, run }.leak_into_prefix()
            }

            extern "C" fn erased_module() -> RootModuleResult {
                __call_root_module_loader(module)
            }

            /// The header abi_stable looks for.
            // SAFETY: the name is abi_stable's own (a test compares them) and the type the one it
            // expects behind that name.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static HEADER: LibHeader =
                // SAFETY: `erased_module` returns the module type named in the type argument.
                unsafe {
                    LibHeader::from_constructor::<PluginModuleRef>(
                        erased_module,
                        CheckTypeLayout::Yes,
                    )
                };

            /// The API version, read before anything else.
            // SAFETY: no other symbol of the process has this name; plugins load one a process.
            #[unsafe(no_mangle)]
            pub extern "C" fn olive_plugin_api_version() -> *const std::ffi::c_char {
                $crate::call::API_VERSION_C.as_ptr()
            }
        };
    };
}

/// What the exported functions do; plain data in, plain data out.
#[doc(hidden)]
pub mod call {
    use super::{
        EventSinkObject, Plugin, RResult, RStr, RString, SinkListener, parse_request, protect,
    };
    pub use crate::version::API_VERSION_C;

    /// Answers `describe`.
    pub fn describe(plugin: fn() -> Plugin) -> RResult<RString, RString> {
        protect(|| Ok(plugin().descriptor().clone()))
    }

    /// Answers `prepare`.
    pub fn prepare(
        plugin: fn() -> Plugin,
        request: RStr<'_>,
        sink: &EventSinkObject<'_>,
    ) -> RResult<RString, RString> {
        protect(|| plugin().prepare(&parse_request(request)?, &SinkListener(sink)))
    }

    /// Answers `run`.
    pub fn run(
        plugin: fn() -> Plugin,
        request: RStr<'_>,
        sink: &EventSinkObject<'_>,
    ) -> RResult<RString, RString> {
        protect(|| plugin().run(&parse_request(request)?, &SinkListener(sink)))
    }
}

struct SinkListener<'a>(&'a EventSinkObject<'a>);

impl Listener for SinkListener<'_> {
    fn event(&self, event: StepEvent) {
        if let Ok(line) = serde_json::to_string(&event) {
            self.0.emit(RStr::from_str(&line));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

fn parse_request(request: RStr<'_>) -> Result<StepRequest, PluginError> {
    serde_json::from_str(request.as_str())
        .map_err(|error| PluginError::new("request", format!("step request: {error}")))
}

/// Runs `work`, turns its result into JSON and its panic into a [`PluginError`].
fn protect<T: Serialize>(
    work: impl FnOnce() -> Result<T, PluginError>,
) -> RResult<RString, RString> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(PluginError::new(PluginError::PANIC, format!("the plugin panicked: {}", text(&*panic))))
    });
    match result {
        Ok(value) => match serde_json::to_string(&value) {
            Ok(json) => RResult::ROk(json.into()),
            Err(error) => refuse(&PluginError::new("answer", format!("plugin answer: {error}"))),
        },
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &PluginError) -> RResult<RString, RString> {
    let json = serde_json::to_string(error).unwrap_or_else(|_| error.message.clone());
    RResult::RErr(json.into())
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_header_has_the_name_the_loader_asks_for() {
        let source = include_str!("export.rs");
        let name = abi_stable::library::ROOT_MODULE_LOADER_NAME;
        assert!(source.contains(&format!("export_name = \"{name}\"")), "{name}");
    }
}
