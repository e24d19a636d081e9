//! Resources: what a system runs on, where commands make and remove it.

use olive_schemas::descriptor::ResourceDescriptor;
use olive_schemas::error::PluginError;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::StepContext;
use crate::settings::{parse, schema_of};

/// Something that a system runs on, such as a cluster of machines in a cloud.
///
/// [`Resource::NAME`] are the words of its command: `cloud machine` gives `olive cloud machine create`
/// and `olive cloud machine delete`, whose options are the fields of [`Resource::Create`] and
/// [`Resource::Delete`]. A system lists its resources in [`System::resources`].
///
/// [`System::resources`]: crate::System::resources
pub trait Resource: Default + 'static {
    /// Settings of one that is made. Every field is documented, unknown keys are refused.
    type Create: DeserializeOwned + JsonSchema;

    /// What names one that is removed. Every field is documented, unknown keys are refused.
    type Delete: DeserializeOwned + JsonSchema;

    /// Words of its command after `olive`: lower case, none of them a subcommand of the program.
    const NAME: &'static str;

    /// A command of one word that does the same, as its options `--create` and `--delete` say: how an
    /// earlier program had it.
    const ALIAS: Option<&'static str> = None;

    /// One sentence on what it is, with a final period.
    const SUMMARY: &'static str;

    /// Makes it, and waits until it is there; says what has become of it.
    ///
    /// # Errors
    /// When it cannot be made, is refused, or the user wants to stop.
    fn create(&self, settings: &Self::Create, ctx: &StepContext<'_>)
    -> Result<String, PluginError>;

    /// Removes it, and waits until it is gone; says what has become of it.
    ///
    /// # Errors
    /// When there is none, it cannot be removed, or the user wants to stop.
    fn delete(&self, settings: &Self::Delete, ctx: &StepContext<'_>)
    -> Result<String, PluginError>;
}

/// The resources of a system.
#[derive(Default)]
pub struct Resources(Vec<Entry>);

type Change = fn(Value, &StepContext<'_>) -> Result<String, PluginError>;

struct Entry {
    descriptor: ResourceDescriptor,
    create: Change,
    delete: Change,
}

impl Resources {
    /// The same resources and `R`.
    #[must_use]
    pub fn with<R: Resource>(mut self) -> Self {
        self.0.push(Entry {
            descriptor: ResourceDescriptor {
                name: R::NAME.into(),
                alias: R::ALIAS.map(str::to_owned),
                summary: R::SUMMARY.into(),
                create: schema_of::<R::Create>(),
                delete: schema_of::<R::Delete>(),
            },
            create: |settings, ctx| R::default().create(&parse(R::NAME, settings)?, ctx),
            delete: |settings, ctx| R::default().delete(&parse(R::NAME, settings)?, ctx),
        });
        self
    }

    /// What they say about themselves.
    pub(crate) fn descriptors(&self) -> Vec<ResourceDescriptor> {
        self.0.iter().map(|entry| entry.descriptor.clone()).collect()
    }

    /// Makes the one called `name`.
    pub(crate) fn create(
        &self,
        name: &str,
        settings: Value,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        (self.find(name)?.create)(settings, ctx)
    }

    /// Removes the one called `name`.
    pub(crate) fn delete(
        &self,
        name: &str,
        settings: Value,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError> {
        (self.find(name)?.delete)(settings, ctx)
    }

    fn find(&self, name: &str) -> Result<&Entry, PluginError> {
        self.0.iter().find(|entry| entry.descriptor.name == name).ok_or_else(|| {
            PluginError::new("unknown-entry", format!("the system has no resource `{name}`"))
        })
    }
}
