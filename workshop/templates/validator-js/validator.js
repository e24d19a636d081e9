// An Olive validator: limits of the server that our adapters run on.

const VERSION = "0.1.0";
const SUMMARY = "Limits of the server that our adapters run on.";
const RULES = [
  { code: "rank-too-large", summary: "An adapter has a larger rank than the server takes." },
];

// JSON schema (draft-07) of what a workflow sets under `validators.config.acme-rules`.
const SETTINGS = {
  title: "AcmeRulesConfig",
  description: "Settings of the validator.",
  type: "object",
  additionalProperties: false,
  properties: {
    max_rank: {
      description: "Largest rank of an adapter that the server takes.",
      type: "integer",
      minimum: 1,
      default: 16,
    },
  },
};

export const plugin = {
  describe() {
    return {
      id: "acme-rules",
      version: VERSION,
      description: SUMMARY,
      accepts: [["workflow", "^0.1"]],
      provides: [],
      extra: JSON.stringify({ rules: RULES }),
    };
  },
};

export const validator = {
  configSchema() {
    return JSON.stringify(SETTINGS);
  },

  validate(text, _context) {
    const document = JSON.parse(text);
    const limit = document.config.max_rank ?? SETTINGS.properties.max_rank.default;
    const adapters = document.steps.filter((step) => step.adapter === "adds");
    return adapters.filter((step) => step.config.r > limit).map((step) => tooLarge(step, limit));
  },
};

function tooLarge(step, limit) {
  const pointer = `${step.pointer}/r`;
  return {
    pointer,
    severity: "error",
    code: "rank-too-large",
    message: `the adapter has rank ${step.config.r}, and the server takes ${limit} at most`,
    help: `lower \`r\` to ${limit}, or serve the adapter elsewhere`,
    fixes: [
      {
        title: `Lower \`r\` to ${limit}`,
        patch: JSON.stringify([{ op: "add", path: pointer, value: limit }]),
        applicability: "maybe-incorrect",
      },
    ],
    related: [],
    data: undefined,
  };
}
