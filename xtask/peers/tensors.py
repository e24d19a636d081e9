"""Which tensors of two folders of a model differ; `cargo xtask bench build` calls it.

Usage: tensors.py OURS THEIRS MIXED. The one line printed is a JSON object: for each tensor of the graph in OURS with
other bytes than that in THEIRS, its name with how many of its numbers differ and how many it has; with words instead
when one folder lacks it, or it has another type or shape there. When some have numbers that differ, MIXED becomes a copy
of OURS with those tensors of THEIRS. Needs numpy and onnx.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

ours, theirs, mixed = map(Path, sys.argv[1:])
models = [onnx.load(folder / "model.onnx") for folder in (ours, theirs)]
own, other = ({tensor.name: tensor for tensor in model.graph.initializer} for model in models)
differing = {name: "is in ours alone" for name in own.keys() - other.keys()}
differing |= {name: "is in theirs alone" for name in other.keys() - own.keys()}
exchanged = False
for name in own.keys() & other.keys():
    pair = [numpy_helper.to_array(tensors[name]) for tensors in (own, other)]
    forms = [f"{array.dtype} of shape {list(array.shape)}" for array in pair]
    if forms[0] != forms[1]:
        differing[name] = f"is {forms[0]} in ours, {forms[1]} in theirs"
        continue
    one, two = (np.ascontiguousarray(array).reshape(-1, 1).view(np.uint8) for array in pair)
    if not np.array_equal(one, two):
        differing[name] = [int((one != two).any(axis=1).sum()), one.shape[0]]
        own[name].CopyFrom(other[name])
        exchanged = True
if exchanged:
    shutil.copytree(ours, mixed, dirs_exist_ok=True)
    for name in ("model.onnx", "model.onnx.data"):
        (mixed / name).unlink()
    onnx.save(models[0], mixed / "model.onnx", save_as_external_data=True, location="model.onnx.data")
print(json.dumps(dict(sorted(differing.items()))))
