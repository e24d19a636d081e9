// What an editor makes of our schema: the JSON language server of VS Code, which Neovim, Helix and
// Zed use too, is given the output of `olive schema` and asked what it completes, explains and
// finds wrong.
//
//   OLIVE_PROGRAM=$PWD/target/debug/olive node tests/editor/check_schema.mjs FOLDER
//
// FOLDER is where npm has installed vscode-langservers-extracted. What it finds wrong must be on
// the lines where `olive check` finds the same configs wrong.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "./client.mjs";

const CASES = new URL("../cases/check/", import.meta.url).pathname;

/** Families of cases that are about one value, which a schema can judge. */
const FAMILIES = ["key", "range", "right", "type", "value"];

/** Cases of those families that a schema cannot judge as the program does, each with the reason. */
const BEYOND = {
  "key-data": "a required key that is misspelled is missing, too",
  "key-metric": "a required key that is misspelled is missing, too",
  "type-data-not-in-list": "the editor marks the value, on the line after its key",
};

/** Completions: a config in which `|` is the cursor, and labels that must be offered there. */
const COMPLETIONS = [
  [`{|}`, ["input_model", "data_configs", "systems", "evaluators", "passes", "engine", "output_dir"]],
  [`{"input_model": {"type": |}}`, [`"HfModel"`, `"ONNXModel"`, `"GgufModel"`]],
  [`{"input_model": {"type": "HfModel", |}}`, ["model_path", "adapter_path", "load_kwargs"]],
  [`{"input_model": {"type": "HfModel", "config": {|}}}`, ["model_path", "adapter_path"]],
  [`{"passes": {"a": {"type": |}}}`, [`"LoRA"`, `"MergeAdapterWeights"`, `"ModelBuilder"`, `"ImportGguf"`]],
  [`{"passes": {"a": {"type": "LoRA", |}}}`, ["r", "alpha", "target_modules", "train_data_config"]],
  [`{"passes": {"a": {"type": "LoRA", "config": {|}}}}`, ["r", "alpha", "train_data_config"]],
  [`{"passes": {"a": {"type": "LoRA", "training_args": {|}}}}`, ["learning_rate", "max_steps"]],
  [`{"passes": {"a": {"type": "ModelBuilder", |}}}`, ["precision", "int4_block_size"]],
  [`{"passes": {"a": {"type": "ModelBuilder", "precision": |}}}`, [`"int4"`, `"fp32"`]],
  [`{"passes": {"a": {"type": "ModelBuilder", "config": {"precision": |}}}}`, [`"int4"`, `"fp32"`]],
  [`{"passes": {"a": {"type": "ModelBuilder", "int4_block_size": |}}}`, ["32", "128"]],
  [`{"systems": {"here": {"type": |}}}`, [`"LocalSystem"`]],
  [`{"systems": {"here": {"type": "LocalSystem", |}}}`, ["accelerators"]],
  [`{"systems": {"here": {"type": "LocalSystem", "accelerators": [{"device": |}]}}}`, [`"cpu"`, `"gpu"`, `"npu"`]],
  [
    `{"systems": {"here": {"type": "LocalSystem", "accelerators": [{"execution_providers": [|]}]}}}`,
    [`"CPUExecutionProvider"`, `"CUDAExecutionProvider"`],
  ],
  [`{"evaluators": {"a": {"metrics": [{"type": |}]}}}`, [`"accuracy"`, `"latency"`]],
  [`{"data_configs": [{"load_dataset_config": {"data_name": |}}]}`, [`"json"`, `"csv"`]],
  [`{"data_configs": [{"pre_process_data_config": {|}}]}`, ["text_template", "max_seq_len"]],
  [`{"data_configs": [{"pre_process_data_config": {"strategy": |}}]}`, [`"join"`, `"line-by-line"`]],
  [`{"engine": {|}}`, ["output_dir", "cache_dir", "evaluator", "log_severity_level"]],
];

/** Completions of another pass that must not be offered. */
const NOT_OFFERED = [
  [`{"passes": {"a": {"type": "LoRA", |}}}`, ["precision"]],
  [`{"passes": {"a": {"type": "ModelBuilder", |}}}`, ["r", "training_args"]],
];

/** Hovers: a config in which `|` is the pointer, and a part of what is said there. */
const HOVERS = [
  [`{"|passes": {}}`, "Passes by name"],
  [`{"|output_dir": "out"}`, "Folder for the result"],
  [`{"passes": {"a": {"type": "|LoRA"}}}`, "adapters"],
  [`{"passes": {"a": {"type": "LoRA", "|r": 8}}}`, "Rank of the adapters"],
  [`{"passes": {"a": {"type": "LoRA", "config": {"|r": 8}}}}`, "Rank of the adapters"],
  [`{"passes": {"a": {"type": "LoRA", "training_args": {"|max_steps": 8}}}}`, "Steps of the training"],
  [`{"passes": {"a": {"type": "ModelBuilder", "precision": "|int4"}}}`, "4-bit integers"],
  [`{"systems": {"here": {"type": "LocalSystem", "|accelerators": []}}}`, "execution provider"],
  [`{"input_model": {"type": "HfModel", "|model_path": "m"}}`, "Folder of the model"],
];

let passed = 0;
let failed = 0;

await main(process.argv[2], process.env.OLIVE_PROGRAM ?? "olive");

async function main(folder, olive) {
  const bin = "node_modules/vscode-langservers-extracted/bin/vscode-json-language-server";
  const client = new Client(process.execPath, [join(folder, bin), "--stdio"]);
  await client.initialize();
  const schema = JSON.parse(execFileSync(olive, ["schema"], { encoding: "utf8", maxBuffer: 1 << 26 }));
  const schemas = [{ fileMatch: ["olive-config.json"], url: "olive://schema.json", schema }];
  const json = { validate: { enable: true }, schemas };
  client.notify("workspace/didChangeConfiguration", { settings: { json } });
  await completions(client);
  await hovers(client);
  await oldNames(client);
  await findings(client, olive);
  await client.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

async function completions(client) {
  const offered = async (marked) => {
    const answer = await client.request("textDocument/completion", at(client, marked));
    return answer.items.map((item) => item.label);
  };
  for (const [marked, expected] of COMPLETIONS) {
    const labels = await offered(marked);
    const missing = expected.filter((label) => !labels.includes(label));
    check(missing.length === 0, `completes ${marked}`, `${missing} not among ${labels}`);
  }
  for (const [marked, unwanted] of NOT_OFFERED) {
    const labels = await offered(marked);
    const wrong = unwanted.filter((label) => labels.includes(label));
    check(wrong.length === 0, `completes nothing foreign in ${marked}`, `offers ${wrong}`);
  }
}

async function hovers(client) {
  for (const [marked, part] of HOVERS) {
    const hover = await client.request("textDocument/hover", at(client, marked));
    const said = JSON.stringify(hover?.contents ?? null);
    check(said.includes(part), `explains ${marked}`, `${said} without "${part}"`);
  }
}

/** An old spelling is no error, and is marked as one to replace. */
async function oldNames(client) {
  const text = `{"input_model": {"type": "HfModel", "model_path": "m"},
"passes": {"a": {"type": "LoRA", "train_data_config": "a",
"lora_r": 8}}}`;
  const found = await diagnose(client, text);
  const isOnly = found.length === 1 && isDeprecation(found[0]) && found[0].range.start.line === 2;
  check(isOnly, "marks an old spelling", JSON.stringify(found));
}

/** The lines on which the editor finds something are those of `olive check`. */
async function findings(client, olive) {
  const configs = cases();
  const said = spawnSync(olive, ["check", "--format", "json", ...configs], {
    cwd: CASES, encoding: "utf8", maxBuffer: 1 << 26,
  });
  const files = JSON.parse(said.stdout).files;
  for (const [index, config] of configs.entries()) {
    // What a validator finds is beyond any schema; its codes begin with its name.
    const told = files[index].diagnostics.filter((found) => !found.code.includes("/"));
    const expected = lines(told.filter((found) => found.severity !== "note"));
    const text = readFileSync(join(CASES, config), "utf8");
    const language = config.endsWith(".jsonc") ? "jsonc" : "json";
    const found = await diagnose(client, text, language);
    const wrong = found.filter((found) => !isDeprecation(found));
    const actual = lines(wrong.map((found) => ({ line: found.range.start.line + 1 })));
    const name = config.split("/")[0];
    const messages = wrong.map((found) => found.message);
    const isBeyond = name in BEYOND;
    const agrees = String(actual) === String(expected);
    check(agrees !== isBeyond, isBeyond ? `${name} is beyond a schema` : `finds ${name}`,
      `editor ${actual}, olive ${expected}: ${messages.join("; ")}`);
  }
}

function cases() {
  const ofFamily = (name) => FAMILIES.includes(name.split("-")[0]);
  const configs = readdirSync(CASES).filter(ofFamily).sort().flatMap((name) =>
    ["config.json", "config.jsonc"].map((config) => `${name}/${config}`));
  return configs.filter((config) => existsSync(join(CASES, config)));
}

async function diagnose(client, text, language) {
  const textDocument = { uri: client.open(text, language) };
  const answer = await client.request("textDocument/diagnostic", { textDocument });
  return answer.items;
}

/** Opens `marked` without its mark; gives the place of the mark. */
function at(client, marked) {
  const character = marked.indexOf("|");
  const uri = client.open(marked.replace("|", ""));
  return { textDocument: { uri }, position: { line: 0, character } };
}

function isDeprecation(found) {
  return /deprecated|old spelling/i.test(found.message) || (found.tags ?? []).includes(2);
}

function lines(diagnostics) {
  return [...new Set(diagnostics.map((found) => found.line))].sort((a, b) => a - b);
}

function check(holds, what, why) {
  if (holds) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`failed: ${what}: ${why}`);
  }
}
