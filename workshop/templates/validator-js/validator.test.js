// The rules, asked as the host asks them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { validator } from "./validator.js";

// What is said of an adapter of rank `r`, with `config` of the validator.
function told(r, config = {}) {
  const step = { name: "lora", pointer: "/passes/lora", type: "LoRA", config: { r }, adapter: "adds" };
  return validator.validate(JSON.stringify({ workflow: {}, steps: [step], config }), {});
}

test("a rank above the limit is told where it stands", () => {
  assert.deepEqual(told(16), []);
  const [finding] = told(64);
  assert.equal(finding.pointer, "/passes/lora/r");
  assert.equal(finding.message, "the adapter has rank 64, and the server takes 16 at most");
});

test("the fix writes the limit", () => {
  const patch = JSON.parse(told(64)[0].fixes[0].patch);
  assert.deepEqual(patch, [{ op: "add", path: "/passes/lora/r", value: 16 }]);
});

test("the limit is a setting", () => {
  assert.equal(told(64, { max_rank: 64 }).length, 0);
  assert.equal(told(65, { max_rank: 64 }).length, 1);
});
