"""The pass `CastWeights`: float32 weights of a checkpoint to half the size, in plain Python.

It reads and writes a chunk at a time, so its memory does not depend on the model. Plain Python casts
some ten million weights a second; a plugin for large models would use a package for that.
"""

import array
import fnmatch
import json
import shutil
import struct
import sys

from olive_plugin import Pass, PluginError, model, problem, serve
from safetensors_file import SafetensorsFile, write_header

CHUNK_WEIGHTS = 1 << 18


class CastWeights(Pass):
    name = "CastWeights"
    summary = "Cast the float32 weights of a checkpoint to bfloat16 or float16."
    schema = {
        "title": "CastWeights",
        "description": "Settings of the `CastWeights` pass.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "dtype": {
                "description": "What float32 weights become, rounded to the nearest value.",
                "enum": ["bfloat16", "float16"],
                "default": "bfloat16",
                "errorMessage": "write `bfloat16` for the range of float32, `float16` for more digits",
            },
            "keep": {
                "description": "Tensors that stay as they are, as patterns such as `*norm*`.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "default": [],
            },
        },
        "examples": [{"dtype": "float16", "keep": ["*norm*"]}],
        "x-olive-adapter": "refuses",
        "x-olive-quality-help": "keep the tensors that suffer: `keep` of `CastWeights`",
    }

    def prepare(self, step):
        files = weights_files(step)
        if not step.is_input_final:
            return []
        names = [name for file in files for name, _ in float_tensors(file, [])]
        if not names:
            return [problem("warning", "no-effect", "no tensor of the model is float32")]
        return [
            problem("warning", "no-effect", f"no float32 tensor is called `{pattern}`", f"/keep/{index}")
            for index, pattern in enumerate(step.config["keep"])
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names)
        ]

    def run(self, step):
        files = weights_files(step)
        tensors = [len(file.tensors) for file in files]
        done, saved_bytes = 0, 0
        for file in files:
            for saved in cast_file(file, step):
                done, saved_bytes = done + 1, saved_bytes + saved
                step.progress("tensor", done, sum(tensors))
        copy_others(step, saved_bytes)
        step.log(f"{saved_bytes:,} bytes smaller")
        return model("HfModel", step.output_dir, **step.input.get("model_attributes", {}))


def weights_files(step):
    """The model's safetensors files, by name."""
    paths = sorted(step.model_path.glob("*.safetensors"))
    if not paths:
        raise PluginError("no-weights", f"there is no safetensors file in `{step.model_path}`")
    return [SafetensorsFile(path) for path in paths]


def float_tensors(file, keep):
    """Names and entries of the tensors that are cast."""
    return [
        (name, entry)
        for name, entry in file.tensors
        if entry["dtype"] == "F32" and not any(fnmatch.fnmatchcase(name, each) for each in keep)
    ]


def cast_file(file, step):
    """Writes a file again; gives the bytes that each tensor needs less."""
    dtype = step.config["dtype"]
    cast, written_as = {"bfloat16": (to_bfloat16, "BF16"), "float16": (to_float16, "F16")}[dtype]
    casted = {name for name, _ in float_tensors(file, step.config["keep"])}
    tensors = [
        (name, {**entry, "dtype": written_as} if name in casted else entry)
        for name, entry in file.tensors
    ]
    with open(step.output_dir / file.path.name, "wb") as out:
        write_header(out, tensors, file.metadata)
        for name, entry in file.tensors:
            saved = 0
            for chunk in file.chunks(entry, 4 * CHUNK_WEIGHTS):
                step.check_cancelled()
                new = cast(chunk, name) if name in casted else chunk
                saved += len(chunk) - len(new)
                out.write(new)
            yield saved


def to_bfloat16(chunk, name):
    """The upper halves of float32 values, rounded to nearest, ties to even."""
    words = array.array("I", chunk)
    if sys.byteorder == "big":
        words.byteswap()
    halves = array.array(
        "H",
        [
            (word + 0x7FFF + (word >> 16 & 1)) >> 16
            if word & 0x7FFFFFFF <= 0x7F800000
            else (word >> 16) | 0x40  # not a number, and it must stay one
            for word in words
        ],
    )
    if sys.byteorder == "big":
        halves.byteswap()
    return halves.tobytes()


def to_float16(chunk, name):
    """The nearest float16 values."""
    count = len(chunk) // 4
    try:
        return struct.pack(f"<{count}e", *struct.unpack(f"<{count}f", chunk))
    except OverflowError:
        raise PluginError(
            "overflow",
            f"tensor `{name}` has a weight beyond 65504, the largest of float16",
            help="cast to `bfloat16`, or name the tensor in `keep`",
        ) from None


def copy_others(step, saved_bytes):
    """Copies what is no weights; the dtype and the size that are written down change."""
    for path in sorted(step.model_path.iterdir()):
        target = step.output_dir / path.name
        if path.name.startswith(".") or path.suffix == ".safetensors":
            continue
        if path.name == "config.json":
            config = json.loads(path.read_text("utf-8"))
            config["torch_dtype"] = step.config["dtype"]
            target.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        elif path.name == "model.safetensors.index.json":
            index = json.loads(path.read_text("utf-8"))
            if "total_size" in index.get("metadata", {}):
                index["metadata"]["total_size"] -= saved_bytes
            target.write_text(json.dumps(index, indent=2) + "\n", "utf-8")
        elif path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copyfile(path, target)


if __name__ == "__main__":
    serve("cast-weights", "0.1.0", [CastWeights()])
