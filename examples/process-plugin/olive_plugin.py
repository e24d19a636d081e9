"""Olive plugins in Python: the protocol of process plugins, version 1.0, as a function and a class.

Copy this file beside your plugin; it needs Python 3.8 and no package. `main.py` shows its use, and
`docs/process-plugins.md` of Olive tells the protocol itself.

Import heavy packages inside `run`: every call is a process of its own, also those that only ask
what the plugin provides.
"""

import json
import math
import os
import sys
import threading
import traceback
from pathlib import Path


class PluginError(Exception):
    """Why a step cannot be done, told to the user in these words.

    `code` is a stable name such as `shape-mismatch`; `message` names the thing and the place,
    without a final period; `help` says what to try; `causes` say what lies beneath, nearest first.
    """

    def __init__(self, code, message, help=None, causes=()):
        super().__init__(message)
        self.told = {"code": code, "message": message}
        if causes:
            self.told["causes"] = list(causes)
        if help is not None:
            self.told["help"] = help


class Step:
    """What a step may know and use: everything the host has sent, and the way to tell it something.

    A step is a pure function of this. It writes into `output_dir` and `scratch_dir` only.
    """

    def __init__(self, request, schema, connection):
        settings = schema.get("properties", {})
        defaults = {
            name: setting["default"] for name, setting in settings.items() if "default" in setting
        }
        unknown = [name for name in request["config"] if name not in settings]
        if unknown and schema.get("additionalProperties") is False:
            raise PluginError("config", f"there is no setting `{unknown[0]}`")
        self.request = request
        self.config = {**defaults, **request["config"]}
        self.input = request["input"]
        self.model_path = Path(self.input["model_path"])
        self.is_input_final = request.get("is_input_final", True)
        self.data_configs = request.get("data_configs", {})
        self.output_dir = Path(request["output_dir"])
        self.scratch_dir = Path(request["scratch_dir"])
        # What an attempt at this step that was stopped left there, the next one finds.
        checkpoint_dir = request.get("checkpoint_dir")
        self.checkpoint_dir = Path(checkpoint_dir) if checkpoint_dir else None
        self.threads = request["threads"]
        self.accelerator = request.get("accelerator", {})
        self._connection = connection

    def log(self, message, level="info"):
        """Tells a sentence; `level` is `error`, `warning`, `info` or `debug`."""
        self._connection.send({"event": "log", "level": level, "message": str(message)})

    def progress(self, unit, done, total, **figures):
        """Tells how far the step is, with figures of the moment such as `loss`."""
        figures = {name: value for name, value in figures.items() if math.isfinite(value)}
        self._connection.send(
            {"event": "progress", "unit": unit, "done": done, "total": total, "figures": figures}
        )

    def check_cancelled(self):
        """Ends the step when the user wants to stop. Call it at least every few 100 ms."""
        if self._connection.cancelled.is_set():
            raise PluginError("cancelled", "the step was cancelled")


class Pass:
    """A pass: model in, model out. Derive from it, and hand instances to `serve`."""

    name = ""  # as a config selects it
    summary = ""  # one sentence on what it does, with a final period
    accepts = ["HfModel"]  # kinds of model: HfModel, ONNXModel, GgufModel
    produces = "HfModel"
    schema = {"type": "object", "additionalProperties": False}  # of its settings, draft-07
    threads_change_result = False  # whether another thread count may change a byte of the result

    def prepare(self, step):
        """Finds problems before any work is done: a list of `problem`s.

        Called early with an ancestor of the model (`step.is_input_final` is false), and again with
        the very model right before `run`.
        """
        return []

    def run(self, step):
        """Makes the model, in `step.output_dir`; gives it as `model` does."""
        raise NotImplementedError


def problem(severity, code, message, pointer="", help=None):
    """A finding of `prepare`; `pointer` is a JSON pointer into the pass's settings."""
    found = {"severity": severity, "code": code, "message": message, "pointer": pointer}
    return found if help is None else {**found, "help": help}


def model(kind, path, **attributes):
    """The result of a pass: a model of `kind` at `path`, which is absolute."""
    return {"type": kind, "model_path": str(path), "model_attributes": attributes}


def serve(name, version, passes):
    """Answers the one call that this process was started for. Does not return."""
    connection = _Connection()
    try:
        answer = _answer(name, version, {each.name: each for each in passes}, connection)
        end = {"event": "done", "answer": answer}
    except PluginError as error:
        end = {"event": "failed", "error": error.told}
    except BaseException as error:  # whatever happens is told, as far as there is time
        traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{type(error).__name__}: {error}"
        causes = [f"line {place.lineno} of {place.filename}, in {place.name}"]
        end = {"event": "failed", "error": PluginError("exception", message, None, causes).told}
    connection.send({**end, "usage": _usage()})
    os._exit(0)


def _answer(name, version, passes, connection):
    call = connection.call
    if call["call"] == "describe":
        fields = ("name", "summary", "accepts", "produces", "schema", "threads_change_result")
        described = [{field: getattr(each, field) for field in fields} for each in passes.values()]
        return {"name": name, "version": version, "passes": described}
    request = call["request"]
    known = passes.get(request["name"])
    if known is None or request["kind"] != "pass":
        raise PluginError("request", f"there is no {request['kind']} `{request['name']}` here")
    step = Step(request, known.schema, connection)
    if call["call"] == "prepare":
        return known.prepare(step)
    if call["call"] == "run":
        return {"kind": "model", "value": known.run(step)}
    raise PluginError("request", f"there is no answer to `{call['call']}` here")


class _Connection:
    """The way to the host, kept apart from what Python code and libraries print."""

    def __init__(self):
        self._output = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self.cancelled = threading.Event()
        lines = _lines(0)
        try:
            self.call = json.loads(next(lines))
        except StopIteration:
            sys.exit("this is an Olive plugin: it is started by `olive --plugin-dir`")
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()

    def _listen(self, lines):
        for line in lines:
            if line == b"cancel":
                self.cancelled.set()
        os._exit(3)  # the host is gone: nobody is left to hear of the work

    def send(self, message):
        line = memoryview(json.dumps(message, allow_nan=False).encode() + b"\n")
        with self._lock:
            while line:
                line = line[self._output.write(line) :]


def _lines(descriptor):
    """Lines as they come; a buffered reader would hold a lock that the end of Python waits for."""
    rest = b""
    while True:
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _usage():
    try:
        import resource
    except ImportError:  # there is none on Windows
        return {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"cpu_sec": used.ru_utime + used.ru_stime, "peak_memory_bytes": used.ru_maxrss * unit}
