//! Where a session computes: execution providers and their devices.
//!
//! An execution provider is built into the ONNX Runtime library, or it is a library of its own that
//! is registered with the runtime and then offers the devices it has found. What a provider cannot
//! compute the processor computes; but a provider that is not there, or has no device of the wanted
//! kind, is an error.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use olive_plugin_api::{Device, InferenceSettings, StepContext};
use ort::environment::Environment;
use ort::ep::directml::DeviceFilter;
use ort::ep::{
    self, ArbitrarilyConfigurableExecutionProvider, ExecutionProvider, ExecutionProviderDispatch,
};
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use crate::assignment::RECORD;
use crate::error::OnnxError;

/// The provider that is always there.
pub const CPU: &str = "CPUExecutionProvider";

/// Providers that have no options, or none that can be set here.
const WITHOUT_OPTIONS: [&str; 2] = [CPU, "DmlExecutionProvider"];

/// An execution provider and the kind of device it shall use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    name: String,
    device: Device,
    /// Its library; without one it is looked for in the runtime itself.
    library: Option<PathBuf>,
    /// Its own options, as text.
    options: Options,
}

/// Options of a provider by their names.
type Options = Vec<(String, String)>;

impl Provider {
    /// The processor, through the runtime itself.
    pub fn cpu() -> Self {
        Self { name: CPU.to_owned(), device: Device::Cpu, library: None, options: Vec::new() }
    }

    /// What a step asks for.
    pub fn of(ctx: &StepContext<'_>) -> Self {
        let accelerator = ctx.accelerator();
        Self {
            name: accelerator.execution_provider.clone(),
            device: accelerator.device,
            library: ctx.execution_provider_library().map(Path::to_owned),
            options: Vec::new(),
        }
    }

    /// What `settings` ask for; this one where they name none.
    ///
    /// # Errors
    /// When they name several beside the processor's, or options that belong to none.
    pub(crate) fn chosen(&self, settings: &InferenceSettings) -> Result<Self, OnnxError> {
        let own = std::slice::from_ref(&self.name);
        let names = settings.execution_provider.as_ref().map_or(own, |chosen| chosen.names());
        let options = settings.provider_options.as_deref().unwrap_or_default();
        let others: Vec<&String> = names.iter().filter(|name| *name != CPU).collect();
        let refuse = |problem: String| Err(OnnxError::Settings { problem });
        if names.is_empty() || others.len() > 1 {
            let names = names.join(", ");
            return refuse(format!(
                "`execution_provider` names {names:?}; it takes one, and `{CPU}`"
            ));
        }
        if !options.is_empty() && options.len() != names.len() {
            let (options, names) = (options.len(), names.len());
            return refuse(format!(
                "`provider_options` has {options} entries for {names} providers"
            ));
        }
        let mut chosen = match others.first() {
            None => Self::cpu(),
            Some(&name) if *name == self.name => self.clone(),
            Some(&name) => Self { name: name.clone(), library: None, ..self.clone() },
        };
        for (name, options) in names.iter().zip(options) {
            if WITHOUT_OPTIONS.contains(&name.as_str()) && !options.is_empty() {
                return refuse(format!("`{name}` takes no `provider_options`"));
            }
            let options = options.iter().map(|(key, value)| (key.clone(), value.to_string()));
            chosen.options.extend(options);
        }
        Ok(chosen)
    }

    /// The same on a device of another kind.
    #[must_use]
    pub(crate) fn on(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// Its name, such as `OpenVINOExecutionProvider`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the runtime's own for the processor.
    pub(crate) fn is_cpu(&self) -> bool {
        self.name == CPU
    }

    /// Sees to it that the provider can be used on this machine.
    ///
    /// # Errors
    /// When its library cannot be loaded, it offers no device of the wanted kind, or it is neither
    /// in a library nor in the runtime.
    pub fn find(&self, environment: &Environment) -> Result<(), OnnxError> {
        if self.is_cpu() {
            return Ok(());
        }
        match &self.library {
            Some(library) => {
                register(&self.name, library, environment)?;
                self.device(environment).map(drop)
            }
            None => self.built_in().map(drop),
        }
    }

    /// Lets sessions of `builder` compute with the provider.
    ///
    /// # Errors
    /// Those of [`Provider::find`], and when the provider refuses.
    pub(crate) fn append(
        &self,
        builder: SessionBuilder,
        environment: &Environment,
    ) -> Result<SessionBuilder, OnnxError> {
        if self.is_cpu() {
            return Ok(builder);
        }
        self.find(environment)?;
        let builder = builder.with_config_entry(RECORD, "1").map_err(ort::Error::from)?;
        let appended = match &self.library {
            Some(_) => {
                let own = |(key, value): &(String, String)| {
                    (format!("{}.{key}", self.name), value.clone())
                };
                let options: Options = self.options.iter().map(own).collect();
                builder.with_devices([self.device(environment)?], Some(&options))
            }
            None => builder.with_execution_providers([self.built_in()?.error_on_failure()]),
        };
        appended.map_err(|error| self.unusable(error.into()))
    }

    /// What the runtime said against the provider.
    pub(crate) fn unusable(&self, source: ort::Error) -> OnnxError {
        OnnxError::Provider { name: self.name.clone(), source }
    }

    /// The first of the provider's devices of the wanted kind.
    fn device<'e>(
        &self,
        environment: &'e Environment,
    ) -> Result<ort::device::Device<'e>, OnnxError> {
        let is_wanted = |device: &ort::device::Device<'_>| {
            device.ep().is_ok_and(|name| name == self.name)
                && kind(device.hardware_device().ty()) == self.device
        };
        environment.devices().find(is_wanted).ok_or_else(|| OnnxError::NoDevice {
            name: self.name.clone(),
            device: self.device.name(),
            devices: environment.devices().map(|device| describe(&device)).collect(),
        })
    }

    /// The provider in the runtime itself.
    fn built_in(&self) -> Result<ExecutionProviderDispatch, OnnxError> {
        let known = built_in(self.device, &self.options);
        let is_there = |name: &str| known.iter().find(|known| known.name == name && known.is_there);
        if let Some(found) = is_there(&self.name) {
            return Ok(found.dispatch.clone());
        }
        let others = known.iter().filter(|known| known.is_there).map(|known| known.name);
        let available = [CPU].into_iter().chain(others).map(str::to_owned).collect();
        Err(OnnxError::NoProvider { name: self.name.clone(), available })
    }
}

/// Registers `library` once in this process.
fn register(name: &str, library: &Path, environment: &Environment) -> Result<(), OnnxError> {
    static REGISTERED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if registered.contains(library) {
        return Ok(());
    }
    // The runtime wants a name for each library; that of the file is as good as any.
    let label = format!("{name} {}", library.display());
    match environment.register_ep_library(label, library) {
        Ok(()) => {
            registered.insert(library.to_owned());
            Ok(())
        }
        Err(source) => Err(OnnxError::ProviderLibrary {
            name: name.to_owned(),
            path: library.to_owned(),
            source,
        }),
    }
}

/// A provider that builds of the runtime may have.
struct BuiltIn {
    name: &'static str,
    is_there: bool,
    dispatch: ExecutionProviderDispatch,
}

/// The providers that builds of the runtime may have, set to `device` where they run on several.
fn built_in(device: Device, options: &Options) -> [BuiltIn; 3] {
    let filter = if device == Device::Npu { DeviceFilter::Npu } else { DeviceFilter::Gpu };
    [
        of(configured(ep::CUDA::default(), options)),
        of(configured(ep::TensorRT::default(), options)),
        of(ep::DirectML::default().with_device_filter(filter)),
    ]
}

fn configured<E: ArbitrarilyConfigurableExecutionProvider>(provider: E, options: &Options) -> E {
    let set =
        |provider: E, (key, value): &(String, String)| provider.with_arbitrary_config(key, value);
    options.iter().fold(provider, set)
}

fn of<E: ExecutionProvider>(provider: E) -> BuiltIn
where
    ExecutionProviderDispatch: From<E>,
{
    let is_there = E::is_available().unwrap_or_default();
    BuiltIn { name: E::NAME, is_there, dispatch: provider.into() }
}

/// A device as people see it: `cpu of Intel (OpenVINOExecutionProvider)`.
fn describe(device: &ort::device::Device<'_>) -> String {
    let hardware = device.hardware_device();
    let kind = kind(hardware.ty()).name();
    let provider = device.ep().unwrap_or_default();
    match hardware.vendor() {
        Ok(vendor) if !vendor.is_empty() => format!("{kind} of {vendor} ({provider})"),
        _ => format!("{kind} ({provider})"),
    }
}

fn kind(ty: DeviceType) -> Device {
    match ty {
        DeviceType::CPU => Device::Cpu,
        DeviceType::GPU => Device::Gpu,
        DeviceType::NPU | DeviceType::FPGA => Device::Npu,
    }
}
