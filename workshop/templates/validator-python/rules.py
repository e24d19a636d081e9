"""Settings and rules, as plain functions of a document."""

VERSION = "0.1.0"
SUMMARY = "Limits of the server that our adapters run on."
RULES = [
    {"code": "rank-too-large", "summary": "An adapter has a larger rank than the server takes."},
]

# JSON schema (draft-07) of what a workflow sets under `validators.config.acme-rules`.
SETTINGS = {
    "title": "AcmeRulesConfig",
    "description": "Settings of the validator.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "max_rank": {
            "description": "Largest rank of an adapter that the server takes.",
            "type": "integer",
            "minimum": 1,
            "default": 16,
        },
    },
}


def check(document):
    """What is wrong with the document: a list of findings."""
    limit = document["config"].get("max_rank", SETTINGS["properties"]["max_rank"]["default"])
    adapters = [step for step in document["steps"] if step.get("adapter") == "adds"]
    return [too_large(step, limit) for step in adapters if step["config"].get("r", 0) > limit]


def too_large(step, limit):
    rank, pointer = step["config"]["r"], step["pointer"] + "/r"
    return {
        "pointer": pointer,
        "code": "rank-too-large",
        "message": f"the adapter has rank {rank}, and the server takes {limit} at most",
        "help": f"lower `r` to {limit}, or serve the adapter elsewhere",
        "title": f"Lower `r` to {limit}",
        "patch": [{"op": "add", "path": pointer, "value": limit}],
    }
