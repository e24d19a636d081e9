"""An Olive validator: the rules of `rules.py` as the exports of a component."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.plugin import Manifest
from wit_world.imports.types import (
    Applicability,
    Diagnostic,
    Fix,
    PluginError_InvalidInput,
    Severity,
)

import rules


class Plugin(exports.Plugin):
    def describe(self):
        return Manifest(
            id="acme-rules",
            version=rules.VERSION,
            description=rules.SUMMARY,
            accepts=[("workflow", "^0.1")],
            provides=[],
            extra=json.dumps({"rules": rules.RULES}),
        )


class Validator(exports.Validator):
    def config_schema(self):
        return json.dumps(rules.SETTINGS)

    def validate(self, document, ctx):
        try:
            found = rules.check(json.loads(document))
        except (KeyError, ValueError) as error:
            raise Err(PluginError_InvalidInput(f"the document: {error!r}"))
        return [diagnostic(finding) for finding in found]


def diagnostic(finding):
    patch = json.dumps(finding["patch"])
    return Diagnostic(
        pointer=finding["pointer"],
        severity=Severity.ERROR,
        code=finding["code"],
        message=finding["message"],
        help=finding["help"],
        fixes=[Fix(finding["title"], patch, Applicability.MAYBE_INCORRECT)],
        related=[],
        data=None,
    )
