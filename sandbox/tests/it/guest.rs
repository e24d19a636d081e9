//! Components written as text: a core module around data at fixed addresses, made a component by
//! the WIT package.
//!
//! The layouts are those of the canonical ABI; each function says the one it writes.

use std::fmt::Write;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where data starts in the memory of a guest.
const DATA: u32 = 1024;

/// Parameters of `document: string, ctx: context`.
pub(crate) const DOCUMENT_AND_CONTEXT: &str = "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32";
/// Parameters of `name: string, graph: string, config: string, ctx: context`.
const NAME_GRAPH_CONFIG_AND_CONTEXT: &str =
    "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32";

/// Data of a guest.
pub(crate) struct Image(Vec<u8>);

impl Image {
    /// The text, as address and length.
    pub(crate) fn text(&mut self, text: &str) -> [u32; 2] {
        self.bytes(text.as_bytes())
    }

    /// The bytes, as address and length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> [u32; 2] {
        let at = self.end();
        self.0.extend_from_slice(bytes);
        [at, u32::try_from(bytes.len()).unwrap()]
    }

    /// The words one after the other, as their address, which is a multiple of 8.
    pub(crate) fn words(&mut self, words: &[u32]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = self.end();
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        at
    }

    /// `result<list<T>, plugin-error>` or `result<string, plugin-error>` with an answer.
    pub(crate) fn ok(&mut self, [at, count]: [u32; 2]) -> u32 {
        self.words(&[0, at, count, 0])
    }

    /// `result<_, plugin-error>` with the error of the number `case`.
    pub(crate) fn refusal(&mut self, case: u32, text: &str) -> u32 {
        let [at, length] = self.text(text);
        self.words(&[1, case, at, length])
    }

    /// `manifest`.
    pub(crate) fn manifest(&mut self, manifest: &Manifest<'_>) -> u32 {
        let accepts: Vec<[u32; 2]> = (manifest.accepts.iter())
            .flat_map(|(kind, range)| [self.text(kind), self.text(range)])
            .collect();
        let accepts_at = self.words(&accepts.concat());
        let provides: Vec<[u32; 2]> =
            manifest.provides.iter().map(|name| self.text(name)).collect();
        let provides_at = self.words(&provides.concat());
        let texts =
            [manifest.id, manifest.version, manifest.description].map(|text| self.text(text));
        let extra = self.text(manifest.extra);
        let count = |length: usize| u32::try_from(length).unwrap();
        let lists = [[accepts_at, count(accepts.len() / 2)], [provides_at, count(provides.len())]];
        self.words(&[texts.concat(), lists.concat(), extra.to_vec()].concat())
    }

    /// `list<pass-info>`, as address and count; each is name, summary and schema.
    pub(crate) fn passes(&mut self, passes: &[[&str; 3]]) -> [u32; 2] {
        let texts: Vec<[u32; 2]> = passes.iter().flatten().map(|text| self.text(text)).collect();
        [self.words(&texts.concat()), u32::try_from(passes.len()).unwrap()]
    }

    /// `list<diagnostic>`, as address and count.
    pub(crate) fn findings(&mut self, findings: &[Finding<'_>]) -> [u32; 2] {
        let records: Vec<Vec<u32>> = findings.iter().map(|finding| self.finding(finding)).collect();
        [self.words(&records.concat()), u32::try_from(findings.len()).unwrap()]
    }

    fn finding(&mut self, finding: &Finding<'_>) -> Vec<u32> {
        let [pointer, code, message] =
            [finding.pointer, finding.code, finding.message].map(|text| self.text(text));
        let help = finding.help.map_or([0; 3], |text| {
            let [at, length] = self.text(text);
            [1, at, length]
        });
        let fixes = finding.patch.map_or([0, 0], |patch| {
            let [title, patch] = ["change it", patch].map(|text| self.text(text));
            [self.words(&[title.as_slice(), &patch, &[0]].concat()), 1]
        });
        let related = finding.related.map_or([0, 0], |pointer| {
            let [pointer, message] = [pointer, "set here"].map(|text| self.text(text));
            [self.words(&[pointer, message].concat()), 1]
        });
        let severity = [finding.severity];
        [&pointer[..], &severity, &code, &message, &help, &fixes, &related, &[0; 3]].concat()
    }

    fn end(&self) -> u32 {
        DATA + u32::try_from(self.0.len()).unwrap()
    }
}

/// What `describe` answers.
pub(crate) struct Manifest<'a> {
    pub(crate) id: &'a str,
    pub(crate) version: &'a str,
    pub(crate) description: &'a str,
    pub(crate) accepts: &'a [(&'a str, &'a str)],
    pub(crate) provides: &'a [&'a str],
    pub(crate) extra: &'a str,
}

impl Default for Manifest<'_> {
    fn default() -> Self {
        Self {
            id: "acme-rules",
            version: "1.2.3",
            description: "Rules of Acme.",
            accepts: &[("workflow", "^0.1"), ("graph", "^0.1")],
            provides: &[],
            extra: r#"{"rules": [{"code": "too-large", "summary": "a rank is too large"}]}"#,
        }
    }
}

/// A diagnostic.
#[derive(Clone)]
pub(crate) struct Finding<'a> {
    pub(crate) pointer: &'a str,
    pub(crate) severity: u32,
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    pub(crate) help: Option<&'a str>,
    pub(crate) patch: Option<&'a str>,
    pub(crate) related: Option<&'a str>,
}

impl Default for Finding<'_> {
    fn default() -> Self {
        Self {
            pointer: "/passes/lora/r",
            severity: 0,
            code: "too-large",
            message: "`r` is 9000; 256 is the most",
            help: None,
            patch: None,
            related: None,
        }
    }
}

/// A component in the making. Functions are bodies in WebAssembly text.
pub(crate) struct Guest {
    pub(crate) image: Image,
    /// `describe: func() -> manifest`; answers the address of one.
    pub(crate) describe: String,
    /// `config-schema: func() -> result<string, plugin-error>`.
    pub(crate) config_schema: String,
    /// `validate: func(document: string, ctx: context) -> result<list<diagnostic>, plugin-error>`.
    pub(crate) validate: String,
    /// `passes: func() -> result<list<pass-info>, plugin-error>`.
    pub(crate) passes: String,
    /// `transform: func(name: string, graph: string, config: string, ctx: context)
    /// -> result<string, plugin-error>`.
    pub(crate) transform: String,
    /// `cabi_realloc`, when it is not the honest one.
    pub(crate) realloc: Option<String>,
    /// What it imports, beside `log` when `validate` or `transform` calls it.
    pub(crate) imports: String,
    /// What else the module holds.
    pub(crate) fields: String,
    /// Pages of memory at the start.
    pub(crate) pages: u32,
    /// The WIT package that the component is made for.
    pub(crate) wit: String,
    pub(crate) world: &'static str,
}

impl Default for Guest {
    /// An honest validator that finds nothing.
    fn default() -> Self {
        let mut guest = Self {
            image: Image(Vec::new()),
            describe: String::new(),
            config_schema: String::new(),
            validate: String::new(),
            passes: String::new(),
            transform: String::new(),
            realloc: None,
            imports: String::new(),
            fields: String::new(),
            pages: 2,
            wit: wit(),
            world: "validator-plugin",
        };
        guest.manifest(&Manifest::default());
        guest.schema(r#"{"type": "object", "properties": {"max_rank": {"type": "integer"}}}"#);
        guest.findings(&[]);
        guest.has_passes(&[PASS]);
        guest.edits("[]");
        guest
    }
}

/// Name, summary and schema of a pass.
pub(crate) const PASS: [&str; 3] = [
    "RenameInputs",
    "Rename inputs of the graph.",
    r#"{"type": "object", "properties": {"prefix": {"type": "string"}}}"#,
];

/// The WIT package of the contract.
pub(crate) fn wit() -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-api/wit/0.1.1/olive-plugin.wit");
    std::fs::read_to_string(path).unwrap()
}

impl Guest {
    /// Answers `manifest`.
    pub(crate) fn manifest(&mut self, manifest: &Manifest<'_>) {
        self.describe = format!("i32.const {}", self.image.manifest(manifest));
    }

    /// Answers `schema`.
    pub(crate) fn schema(&mut self, schema: &str) {
        let schema = self.image.text(schema);
        self.config_schema = format!("i32.const {}", self.image.ok(schema));
    }

    /// Answers `findings`.
    pub(crate) fn findings(&mut self, findings: &[Finding<'_>]) {
        let findings = self.image.findings(findings);
        self.answers(findings);
    }

    /// An honest component with a pass that changes nothing, and no validator.
    pub(crate) fn of_passes() -> Self {
        Self { world: "graph-pass-plugin", ..Self::default() }
    }

    /// The same component with a pass beside its validator.
    pub(crate) fn with_passes(mut self) -> Self {
        self.wit.push_str("world both { include validator-plugin; include with-graph-pass; }");
        Self { world: "both", ..self }
    }

    /// Answers these passes: name, summary and schema each.
    pub(crate) fn has_passes(&mut self, passes: &[[&str; 3]]) {
        let passes = self.image.passes(passes);
        self.passes = format!("i32.const {}", self.image.ok(passes));
    }

    /// Answers `edits`.
    pub(crate) fn edits(&mut self, edits: &str) {
        let edits = self.image.text(edits);
        self.transform = format!("i32.const {}", self.image.ok(edits));
    }

    /// Answers the list of diagnostics at an address, whatever is there.
    pub(crate) fn answers(&mut self, list: [u32; 2]) {
        self.validate = format!("i32.const {}", self.image.ok(list));
    }

    /// The core module as text.
    fn text(&self) -> String {
        let version = self.wit.lines().find_map(|line| line.strip_prefix("package olive:plugin@"));
        let version = version.unwrap().trim_end_matches(';');
        let validates = self.world != "graph-pass-plugin";
        let has_passes = ["graph-pass-plugin", "full-plugin", "both"].contains(&self.world);
        let uses_host = (validates && self.validate.contains("$log"))
            || (has_passes && self.transform.contains("$log"));
        let validator = format!(
            r#"(func (export "olive:plugin/validator@{version}#config-schema") (result i32)
    {config_schema})
  (func (export "olive:plugin/validator@{version}#validate") (param {DOCUMENT_AND_CONTEXT}) (result i32)
    {validate})"#,
            config_schema = self.config_schema,
            validate = self.validate,
        );
        let passes = format!(
            r#"(func (export "olive:plugin/graph-pass@{version}#passes") (result i32)
    {passes})
  (func (export "olive:plugin/graph-pass@{version}#transform") (param {NAME_GRAPH_CONFIG_AND_CONTEXT}) (result i32)
    {transform})"#,
            passes = self.passes,
            transform = self.transform,
        );
        let host = format!(
            r#"(import "olive:plugin/host@{version}" "log" (func $log (param i32 i32 i32)))"#
        );
        let mut data = String::new();
        for byte in &self.image.0 {
            write!(data, "\\{byte:02x}").unwrap();
        }
        format!(
            r#"(module
  {host} {imports}
  (memory (export "memory") {pages})
  (global $next (mut i32) (i32.const {heap}))
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    {realloc})
  (func (export "olive:plugin/plugin@{version}#describe") (result i32)
    {describe})
  {validator}
  {passes}
  {fields}
  (data (i32.const {DATA}) "{data}"))"#,
            host = if uses_host { &host } else { "" },
            imports = self.imports,
            pages = self.pages,
            heap = self.image.end().next_multiple_of(16),
            realloc = self.realloc.as_deref().unwrap_or(REALLOC),
            describe = self.describe,
            validator = if validates { &validator } else { "" },
            passes = if has_passes { &passes } else { "" },
            fields = self.fields,
        )
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let text = self.text();
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut resolve = Resolve::default();
        let package = resolve.push_str("olive-plugin.wit", &self.wit).unwrap();
        let world = resolve.select_world(&[package], Some(self.world)).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}

/// Takes the next bytes, and more pages when there are too few.
const REALLOC: &str = "(local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $done
      (br_if $done (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536))))))
    (local.get $at)";
