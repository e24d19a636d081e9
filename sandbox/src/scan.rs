//! Looking a component over before it is compiled.
//!
//! Nothing interrupts the compiler, so whatever would keep it busy is refused here, in time that
//! grows with the size of the file. A component that passes is valid WebAssembly, so that the
//! compiler, which trusts more than this parser does, never sees anything else.

use wasmparser::component_types::ComponentEntityType;
use wasmparser::{
    BinaryReaderError, ComponentImport, Encoding, FuncValidatorAllocations, FunctionBody, Instance,
    Operator, Parser, Payload, ValidPayload, Validator,
};

use crate::contract;
use crate::failure::Failure;
use crate::features::FEATURES;
use crate::limits::Limits;

/// Size of a page of linear memory in bytes.
const PAGE_BYTES: u64 = 64 << 10;
/// Components inside each other; each level may multiply what the one inside holds.
const DEPTH: u64 = 4;

/// Refuses the component `wasm` when it is malformed, too large for `limits`, of another version of
/// the contract, or wants more than is granted.
pub(crate) fn scan(wasm: &[u8], limits: &Limits) -> Result<(), Failure> {
    at_most("bytes", wasm.len() as u64, limits.module_bytes as u64)?;
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let mut size = Size::default();
    let mut exports = Vec::new();
    let mut depth = 0_u64;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Payload::Version { encoding: Encoding::Module, .. } = &payload
            && depth == 0
        {
            return Err(Failure::Malformed(
                "it is a core module; `olive plugin build` makes components of them".into(),
            ));
        }
        size.add(&payload, limits)?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(allocations);
                function.validate(&body)?;
                allocations = function.into_allocations();
            }
            ValidPayload::Parser(_) => {
                depth += 1;
                at_most("components inside each other", depth, DEPTH)?;
            }
            ValidPayload::End(_) => depth = depth.saturating_sub(1),
            ValidPayload::Ok => {}
        }
        match payload {
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    is_granted(&import?, &validator)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name);
                }
            }
            _ => {}
        }
    }
    contract::version(exports.into_iter()).map(|_| ())
}

/// What has been seen of a component so far.
#[derive(Default)]
struct Size {
    functions: u64,
    locals: u64,
    nested: u64,
    instances: u64,
    memory_bytes: u64,
    table_elements: u64,
}

impl Size {
    fn add(&mut self, payload: &Payload<'_>, limits: &Limits) -> Result<(), Failure> {
        match payload {
            Payload::FunctionSection(section) => self.add_functions(section.count(), limits)?,
            Payload::ComponentCanonicalSection(section) => {
                self.add_functions(section.count(), limits)?;
            }
            Payload::CodeSectionEntry(body) => self.add_body(body, limits)?,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.nested += 1;
                at_most("modules and components inside", self.nested, limits.nested.into())?;
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    let is_new = matches!(instance?, Instance::Instantiate { .. });
                    self.instances += u64::from(is_new);
                }
                at_most("core instances", self.instances, limits.instances as u64)?;
            }
            Payload::CustomSection(section) => {
                let what = format!("bytes in the custom section `{}`", section.name());
                at_most(&what, section.data().len() as u64, limits.custom_bytes as u64)?;
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    self.memory_bytes = self.memory_bytes.saturating_add(bytes);
                }
                fits("bytes of memory", self.memory_bytes, limits.call.memory_bytes as u64)?;
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    self.table_elements = self.table_elements.saturating_add(table?.ty.initial);
                }
                fits("elements of tables", self.table_elements, limits.table_elements as u64)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn add_functions(&mut self, count: u32, limits: &Limits) -> Result<(), Failure> {
        self.functions += u64::from(count);
        at_most("functions", self.functions, limits.functions.into())
    }

    fn add_body(&mut self, body: &FunctionBody<'_>, limits: &Limits) -> Result<(), Failure> {
        at_most("bytes in a function", body.range().len() as u64, limits.body_bytes as u64)?;
        for local in body.get_locals_reader()? {
            self.locals += u64::from(local?.0);
        }
        at_most("local variables", self.locals, limits.locals)?;
        let mut depth = 0_u64;
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    depth += 1;
                    at_most("blocks inside each other", depth, limits.nesting.into())?;
                }
                Operator::End => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(())
    }
}

fn at_most(what: &str, found: u64, limit: u64) -> Result<(), Failure> {
    if found <= limit {
        return Ok(());
    }
    Err(Failure::TooLarge { what: format!("{found} {what}"), limit: limit.to_string() })
}

fn fits(what: &str, found: u64, limit: u64) -> Result<(), Failure> {
    if found <= limit {
        return Ok(());
    }
    Err(Failure::Memory(format!("{found} {what} at the start; {limit} are allowed")))
}

/// Refuses an import that is neither `host` of the contract nor a mere collection of types.
fn is_granted(import: &ComponentImport<'_>, validator: &Validator) -> Result<(), Failure> {
    let name = import.name.name;
    if let Some((interface, version)) = contract::interface(name) {
        if !contract::speaks(&version) {
            return Err(contract::wrong_version(&version));
        }
        if interface == "host" {
            return Ok(());
        }
    }
    if has_types_only(name, validator) { Ok(()) } else { Err(Failure::ImportDenied(name.into())) }
}

fn has_types_only(name: &str, validator: &Validator) -> bool {
    let Some(types) = validator.types(0) else { return false };
    let Some(import) = types.component_item_for_import(name) else { return false };
    let ComponentEntityType::Instance(instance) = import.ty else { return false };
    let mut exports = types[instance].exports.values();
    exports.all(|export| matches!(export.ty, ComponentEntityType::Type { .. }))
}

impl From<BinaryReaderError> for Failure {
    fn from(error: BinaryReaderError) -> Self {
        // Some of these messages have many lines.
        let words = error.to_string();
        Self::Malformed(words.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
