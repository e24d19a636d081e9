//! What this machine can do.

use std::thread;

use crate::plugin::Catalog;
use crate::plugin::process::memory;
use crate::units::bytes;

/// Provider that every build of ONNX Runtime has.
const ALWAYS: &str = "CPUExecutionProvider";

/// What this machine can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Processors this program may use.
    pub processors: usize,
    /// Sets of instructions that matter to products of matrices.
    pub instructions: Vec<&'static str>,
    /// Bytes of memory, of the container where there is one; none where the system does not tell.
    pub memory: Option<u64>,
    /// Bytes that the process of a plugin may fill.
    pub budget: Option<u64>,
    /// Execution providers of ONNX Runtime that are installed.
    pub providers: Vec<String>,
    /// Plugins and packs, by name and version.
    pub plugins: Vec<String>,
}

impl Machine {
    /// This machine, with what `catalog` has.
    pub fn of(catalog: &Catalog) -> Self {
        let installed = catalog.providers();
        let mut providers: Vec<String> = std::iter::once(ALWAYS.to_owned())
            .chain(installed.into_iter().map(|provider| provider.name.clone()))
            .collect();
        providers.dedup();
        let packs = catalog.packs().iter().map(|pack| crate::plugin::packs::label(&pack.active));
        let plugins = catalog.plugins().iter().map(crate::plugin::InstalledPlugin::label);
        Self {
            processors: thread::available_parallelism().map_or(1, usize::from),
            instructions: instructions(),
            memory: memory::total(),
            budget: memory::budget(),
            providers,
            plugins: packs.chain(plugins).collect(),
        }
    }

    /// The machine in four lines.
    pub fn told(&self) -> String {
        let Self { processors, instructions, memory, budget, providers, plugins } = self;
        let shown = |count: u64| bytes(count as f64);
        let memory = match (memory, budget) {
            (Some(memory), Some(budget)) => {
                format!("{}, of which a step may fill {}", shown(*memory), shown(*budget))
            }
            (None, Some(budget)) => format!("a step may fill {}", shown(*budget)),
            (_, None) => "the system does not tell".to_owned(),
        };
        let plural = if *processors == 1 { "" } else { "s" };
        let with = if instructions.is_empty() { "" } else { " with " };
        format!(
            "  processors  {processors} core{plural} of {}{with}{}\n  memory      {memory}\n  \
             providers   {}\n  plugins     {}\n",
            std::env::consts::ARCH,
            instructions.join(", "),
            providers.join(", "),
            wrapped(plugins),
        )
    }
}

/// Names with commas between, on lines of a screen.
fn wrapped(names: &[String]) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(',');
            if width + name.len() > 70 {
                text.push_str("\n             ");
                width = 0;
            }
            text.push(' ');
        }
        text.push_str(name);
        width += name.len() + 2;
    }
    text
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    let known = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("AVX-VNNI", is_x86_feature_detected!("avxvnni")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
        ("AVX-512 BF16", is_x86_feature_detected!("avx512bf16")),
    ];
    known.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect()
}

#[cfg(target_arch = "aarch64")]
fn instructions() -> Vec<&'static str> {
    let known = [
        ("NEON", std::arch::is_aarch64_feature_detected!("neon")),
        ("FP16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("dot products", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("I8MM", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("BF16", std::arch::is_aarch64_feature_detected!("bf16")),
    ];
    known.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::Machine;
    use crate::plugin::Catalog;

    #[test]
    fn a_machine_is_told_in_four_lines() {
        let machine = Machine::of(&Catalog::default());
        assert!(machine.processors > 0);
        let told = machine.told();
        assert!(told.contains("CPUExecutionProvider") && told.lines().count() == 4, "{told}");
    }
}
