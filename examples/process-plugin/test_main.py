"""Tests of the pass, and of the protocol from the host's side: `python3 -m unittest`."""

import json
import math
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from main import to_bfloat16, to_float16
from olive_plugin import PluginError
from safetensors_file import SafetensorsFile, write_header

FOLDER = Path(__file__).parent


def checkpoint(folder, tensors, dtype="F32"):
    """Writes a checkpoint of float32 vectors."""
    folder.mkdir()
    entries = [(name, {"dtype": dtype, "shape": [len(values)]}) for name, values in tensors.items()]
    with open(folder / "model.safetensors", "wb") as out:
        write_header(out, entries, {"format": "pt"})
        for values in tensors.values():
            out.write(struct.pack(f"<{len(values)}f", *values))
    (folder / "config.json").write_text('{"torch_dtype": "float32"}')


def call(kind, request=None, more_input=""):
    """What the plugin answers to one call: its messages."""
    line = {"protocol": "1.0", "call": kind, "plugin": "cast-weights.plugin.json"}
    if request is not None:
        line["request"] = request
    process = subprocess.Popen(
        [sys.executable, "main.py"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdin.write((json.dumps(line) + "\n" + more_input).encode())
    process.stdin.flush()
    messages = [json.loads(line) for line in process.stdout]
    process.stdin.close()
    process.stdout.close()
    process.wait()
    return messages


class Protocol(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = Path(self.temporary.name)
        (self.folder / "out").mkdir()
        checkpoint(self.folder / "model", {"a.weight": [1.0, -2.5], "norm": [0.1] * 3})

    def request(self, **config):
        return {
            "kind": "pass",
            "name": "CastWeights",
            "config": config,
            "input": {"type": "HfModel", "model_path": str(self.folder / "model")},
            "output_dir": str(self.folder / "out"),
            "scratch_dir": str(self.folder / "scratch"),
            "threads": 1,
        }

    def test_it_describes_itself(self):
        (done,) = call("describe")
        self.assertEqual(done["answer"]["passes"][0]["name"], "CastWeights")
        self.assertGreater(done["usage"]["cpu_sec"], 0)

    def test_it_casts_all_but_what_is_kept(self):
        *events, done = call("run", self.request(dtype="float16", keep=["norm"]))
        self.assertEqual(done["answer"]["value"]["model_path"], str(self.folder / "out"))
        self.assertEqual([each["event"] for each in events], ["progress", "progress", "log"])
        file = SafetensorsFile(self.folder / "out/model.safetensors")
        self.assertEqual([entry["dtype"] for _, entry in file.tensors], ["F16", "F32"])
        self.assertEqual(file.metadata, {"format": "pt"})
        (values,) = file.chunks(file.tensors[0][1], 100)
        self.assertEqual(struct.unpack("<2e", values), (1.0, -2.5))
        config = json.loads((self.folder / "out/config.json").read_text())
        self.assertEqual(config["torch_dtype"], "float16")

    def test_it_finds_problems_first(self):
        (done,) = call("prepare", self.request(keep=["norm", "head*"]))
        (found,) = done["answer"]
        self.assertEqual(found["pointer"], "/keep/1")
        checkpoint(self.folder / "other", {"a": [1.0]}, dtype="I32")
        request = self.request()
        request["input"]["model_path"] = str(self.folder / "other")
        (done,) = call("prepare", request)
        self.assertEqual(done["answer"][0]["code"], "no-effect")

    def test_errors_are_told(self):
        checkpoint(self.folder / "large", {"a.weight": [1e6]})
        request = self.request(dtype="float16")
        request["input"]["model_path"] = str(self.folder / "large")
        self.assertEqual(call("run", request)[-1]["error"]["code"], "overflow")
        (self.folder / "large/model.safetensors").write_bytes(b"nothing")
        self.assertEqual(call("run", request)[-1]["error"]["code"], "safetensors")
        request["output_dir"] = 1
        self.assertEqual(call("run", request)[-1]["error"]["code"], "exception")
        self.assertEqual(call("run", self.request(kep=[]))[-1]["error"]["code"], "config")
        request["name"] = "Unknown"
        self.assertEqual(call("run", request)[-1]["error"]["code"], "request")

    def test_it_can_be_cancelled(self):
        checkpoint(self.folder / "long", {"a.weight": [1.0] * (1 << 21)})
        request = self.request()
        request["input"]["model_path"] = str(self.folder / "long")
        messages = call("run", request, more_input="cancel\n")
        self.assertEqual(messages[-1]["error"]["code"], "cancelled")


class Rounding(unittest.TestCase):
    def bfloat16(self, value):
        (half,) = struct.unpack("<H", to_bfloat16(struct.pack("<f", value), "t"))
        return struct.unpack("<f", struct.pack("<I", half << 16))[0]

    def test_bfloat16_is_nearest_and_even_on_ties(self):
        step = 2.0**-7
        for value, nearest in [
            (1.0, 1.0),
            (1.0 + 0.4 * step, 1.0),
            (1.0 + 0.6 * step, 1.0 + step),
            (1.0 + 0.5 * step, 1.0),
            (1.0 + 1.5 * step, 1.0 + 2 * step),
            (-0.0, -0.0),
            (math.inf, math.inf),
            (-3.4e38, -math.inf),
        ]:
            rounded = self.bfloat16(value)
            self.assertEqual((rounded, math.copysign(1, rounded)), (nearest, math.copysign(1, nearest)))
        self.assertTrue(math.isnan(self.bfloat16(math.nan)))

    def test_float16_says_what_it_cannot_hold(self):
        self.assertEqual(to_float16(struct.pack("<f", 65504.0), "t"), struct.pack("<e", 65504.0))
        with self.assertRaises(PluginError):
            to_float16(struct.pack("<f", 70000.0), "t")


if __name__ == "__main__":
    unittest.main()
