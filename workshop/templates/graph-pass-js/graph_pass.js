// An Olive graph pass: gives inputs and outputs the names that our server knows.

const VERSION = "0.1.0";
const DESCRIPTION = "Gives inputs and outputs of ONNX graphs the names that our server knows.";
const SUMMARY = "Rename inputs and outputs.";

const names = (description) => ({
  description,
  type: "object",
  additionalProperties: { type: "string", minLength: 1 },
  default: {},
});

// JSON schema (draft-07) of what a workflow sets beside `"type": "AcmeNames"`.
const SETTINGS = {
  title: "AcmeNamesConfig",
  description: "Settings of the pass.",
  type: "object",
  additionalProperties: false,
  properties: {
    inputs: names("New names of inputs, by the names they have."),
    outputs: names("New names of outputs, by the names they have."),
  },
};

export const plugin = {
  describe() {
    return {
      id: "acme-names",
      version: VERSION,
      description: DESCRIPTION,
      accepts: [["graph", "^0.1"]],
      provides: ["graph-pass"],
      extra: "{}",
    };
  },
};

export const graphPass = {
  passes() {
    return [{ name: "AcmeNames", summary: SUMMARY, schema: JSON.stringify(SETTINGS) }];
  },

  // There is one pass, so its name needs no look.
  transform(_name, graph, config, _context) {
    const { graph: main } = JSON.parse(graph);
    const { inputs = {}, outputs = {} } = JSON.parse(config);
    const edits = [...renames("input", inputs, main.inputs), ...renames("output", outputs, main.outputs)];
    return JSON.stringify(edits);
  },
};

function renames(what, names, values) {
  return Object.entries(names).map(([from, to]) => {
    if (!values.some((value) => value.name === from)) {
      throw { tag: "invalid-input", val: `the graph has no ${what} \`${from}\`` };
    }
    return { edit: "rename_value", from, to };
  });
}
