//! Sources, systems and packagers of the installed plugins, by name.

use olive_schemas::descriptor::{PackagerDescriptor, SourceDescriptor, SystemDescriptor};

use super::{Catalog, InstalledPlugin};

impl Catalog {
    /// Every source, with the plugin that has it.
    pub fn sources(&self) -> impl Iterator<Item = (&InstalledPlugin, &SourceDescriptor)> {
        self.plugins()
            .iter()
            .flat_map(|plugin| plugin.descriptor.sources.iter().map(move |source| (plugin, source)))
    }

    /// The source called `name`, without regard to case.
    pub fn source(&self, name: &str) -> Option<(&InstalledPlugin, &SourceDescriptor)> {
        self.sources().find(|(_, source)| source.name.eq_ignore_ascii_case(name))
    }

    /// Every system, with the plugin that has it.
    pub fn systems(&self) -> impl Iterator<Item = (&InstalledPlugin, &SystemDescriptor)> {
        self.plugins()
            .iter()
            .flat_map(|plugin| plugin.descriptor.systems.iter().map(move |system| (plugin, system)))
    }

    /// The system called `name`, without regard to case.
    pub fn system(&self, name: &str) -> Option<(&InstalledPlugin, &SystemDescriptor)> {
        self.systems().find(|(_, system)| system.name.eq_ignore_ascii_case(name))
    }

    /// Every packager, with the plugin that has it.
    pub fn packagers(&self) -> impl Iterator<Item = (&InstalledPlugin, &PackagerDescriptor)> {
        self.plugins().iter().flat_map(|plugin| {
            plugin.descriptor.packagers.iter().map(move |packager| (plugin, packager))
        })
    }

    /// The packager called `name`, without regard to case.
    pub fn packager(&self, name: &str) -> Option<(&InstalledPlugin, &PackagerDescriptor)> {
        self.packagers().find(|(_, packager)| packager.name.eq_ignore_ascii_case(name))
    }
}
