"""Times a decoder graph in ONNX Runtime; `cargo xtask bench latency --python` calls it.

Usage: latency.py MODEL PROMPT_TOKENS TOKENS WARMUPS REPEATS THREADS, with the model's folder. A run is a prompt with an
empty cache and TOKENS tokens after it, through input and output bindings, with one buffer as past and
present, as attention kernels for the processor want it. Prints medians in milliseconds of the forward pass over the
prompt, and of a token after it. Needs onnxruntime and numpy.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

model = Path(sys.argv[1])
prompt_tokens, tokens, warmups, repeats, threads = map(int, sys.argv[2:])
config = json.loads((model / "genai_config.json").read_text())["model"]
decoder = config["decoder"]
inputs, outputs = decoder["inputs"], decoder["outputs"]

options = ort.SessionOptions()
options.intra_op_num_threads = threads
session = ort.InferenceSession(model / decoder["filename"], options, providers=["CPUExecutionProvider"])
types = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
dtypes = {value.name: types.get(value.type, np.int64) for value in session.get_inputs()}
positions = 256 if prompt_tokens + tokens <= 256 else prompt_tokens + tokens
binding = session.io_binding()
for layer in range(decoder["num_hidden_layers"]):
    for past, present in (("past_key_names", "present_key_names"), ("past_value_names", "present_value_names")):
        name = inputs[past] % layer
        shape = (1, decoder["num_key_value_heads"], positions, decoder["head_size"])
        cache = ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, dtypes[name]))
        binding.bind_ortvalue_input(name, cache)
        binding.bind_ortvalue_output(outputs[present] % layer, cache)


def forward(ids, past):
    """Seconds of a forward pass over `ids` after `past` positions."""
    total = past + len(ids)
    binding.bind_cpu_input(inputs["input_ids"], np.array([ids], np.int64))
    binding.bind_cpu_input(inputs["attention_mask"], np.ones((1, total), np.int64))
    if "position_ids" in inputs:
        binding.bind_cpu_input(inputs["position_ids"], np.arange(past, total, dtype=np.int64)[None])
    binding.bind_output(outputs["logits"], "cpu")
    start = time.perf_counter()
    session.run_with_iobinding(binding)
    return time.perf_counter() - start


def run():
    """Times of the prompt and of each token after it."""
    first = forward([index % config["vocab_size"] for index in range(prompt_tokens)], 0)
    rest = [forward([7], prompt_tokens + index) for index in range(tokens)]
    return first, rest


for _ in range(warmups):
    run()
runs = [run() for _ in range(repeats)]
prompt_ms = 1e3 * float(np.median([first for first, _ in runs]))
token_ms = 1e3 * float(np.median([time for _, rest in runs for time in rest]))
print(json.dumps({"prompt_ms": prompt_ms, "token_ms": token_ms}))
