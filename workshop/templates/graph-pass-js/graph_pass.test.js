// The pass, asked as the host asks it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { graphPass } from "./graph_pass.js";

// The graph of `model/model.onnx` as the pass is shown it.
const view = readFileSync(new URL("view.json", import.meta.url), "utf8");

function edits(config) {
  return JSON.parse(graphPass.transform("AcmeNames", view, JSON.stringify(config), {}));
}

test("inputs and outputs are renamed", () => {
  assert.deepEqual(edits({}), []);
  assert.deepEqual(edits({ inputs: { x: "features" }, outputs: { y: "scores" } }), [
    { edit: "rename_value", from: "x", to: "features" },
    { edit: "rename_value", from: "y", to: "scores" },
  ]);
});

test("a name that is not there is refused", () => {
  const refused = { tag: "invalid-input", val: "the graph has no output `x`" };
  assert.throws(() => edits({ outputs: { x: "scores" } }), refused);
});
