"""Runs an ONNX graph once, through ONNX Runtime, and prints what comes out.

    python infer.py GRAPH [INPUTS.npz]

`INPUTS.npz` is an archive of numpy with an array for each input; without it inputs are zeros, and
dimensions that the graph leaves open are 1.
"""

import sys

import numpy as np
import onnxruntime as ort

TYPES = {
    "tensor(bool)": np.bool_,
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


def zeros(node):
    """An array that fits the input `node`."""
    if node.type not in TYPES:
        sys.exit(f"input `{node.name}` is of type {node.type}: give it in INPUTS.npz")
    shape = [size if isinstance(size, int) else 1 for size in node.shape]
    return np.zeros(shape, TYPES[node.type])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python infer.py GRAPH [INPUTS.npz]")
    session = ort.InferenceSession(sys.argv[1], providers=ort.get_available_providers())
    given = np.load(sys.argv[2]) if len(sys.argv) == 3 else {}
    inputs = {node.name: given[node.name] if node.name in given else zeros(node) for node in session.get_inputs()}
    outputs = session.run(None, inputs)
    for node, value in zip(session.get_outputs(), outputs):
        print(f"{node.name}: {value.dtype}{list(value.shape)}, first values {value.ravel()[:4].tolist()}")


if __name__ == "__main__":
    main()
