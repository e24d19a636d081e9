"""Checks that ONNX Runtime GenAI loads a built folder and generates from it; prints one JSON line a folder.

    python check_genai.py MODEL_DIR [--prompt TEXT] [--expect TEXT] [--max-new-tokens N]

continues the prompt greedily; with `--expect` the continuation must hold that text. Without MODEL_DIR the tiny
fixtures are built with the program that the environment variable OLIVE_PROGRAM names, and the first token GenAI
chooses must be the one of the reference logits. Needs onnxruntime-genai 0.18. Exit status 1 when a check fails.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime_genai as og

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
MODELS = ("tiny-phi3", "tiny-phi3-longrope", "tiny-llama")
PRECISIONS = ("fp32", "int4")


def generate(folder, prompt, max_new_tokens):
    """Token ids of `prompt`, which is text or ids, and of its greedy continuation, with its text."""
    model = og.Model(str(folder))
    tokenizer = og.Tokenizer(model)
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
    params = og.GeneratorParams(model)
    params.set_search_options(do_sample=False, max_length=len(ids) + max_new_tokens)
    generator = og.Generator(model, params)
    generator.append_tokens(ids)
    while not generator.is_done():
        generator.generate_next_token()
    tokens = [int(token) for token in generator.get_sequence(0)][len(ids) :]
    return tokens, tokenizer.decode(np.array(tokens, dtype=np.int32))


def report(folder, tokens, text, is_right):
    line = {"model": str(folder), "genai": og.__version__, "new_tokens": len(tokens), "text": text, "ok": is_right}
    print(json.dumps(line), flush=True)
    return is_right


def check_folder(folder, prompt, expect, max_new_tokens):
    tokens, text = generate(folder, prompt, max_new_tokens)
    return report(folder, tokens, text, bool(tokens) and expect in text)


def safetensors(path):
    """The tensors of a safetensors file of i64 and f32."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    types = {"I64": np.int64, "F32": np.float32}
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            values = np.frombuffer(data[first:last], dtype=types[entry["dtype"]])
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def build(program, model, precision, folder):
    """The folder into which `program` builds a fixture."""
    output = folder / f"{model}-{precision}"
    config = {
        "input_model": {"type": "HfModel", "model_path": str(FIXTURES / model)},
        "passes": {"builder": {"type": "ModelBuilder", "precision": precision}},
        "cache_dir": str(folder / "cache"),
        "output_dir": str(output),
    }
    path = folder / f"{model}-{precision}.json"
    path.write_text(json.dumps(config))
    subprocess.run([program, "run", "--config", str(path)], check=True, stdout=subprocess.DEVNULL)
    return next(output.rglob("genai_config.json")).parent


def check_fixtures(program):
    are_right = []
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            for precision in PRECISIONS:
                built = build(program, model, precision, Path(folder))
                reference = safetensors(FIXTURES / "builder" / f"{model}-{precision}" / "ort_ref.safetensors")
                for length in ("short", "long"):
                    ids = reference[f"{length}.input_ids"][0].astype(np.int32)
                    expected = int(reference[f"{length}.logits"][0, -1].argmax())
                    tokens, text = generate(built, ids, 8)
                    are_right.append(report(built.name, tokens, text, tokens[:1] == [expected]))
    return all(are_right)


def main():
    parser = argparse.ArgumentParser(description="Check that ONNX Runtime GenAI runs what was built.")
    parser.add_argument("model_dir", nargs="?", type=Path)
    parser.add_argument("--prompt", default="The capital of France is")
    parser.add_argument("--expect", default="")
    parser.add_argument("--max-new-tokens", type=int, default=24)
    args = parser.parse_args()
    if args.model_dir:
        return check_folder(args.model_dir, args.prompt, args.expect, args.max_new_tokens)
    program = os.environ.get("OLIVE_PROGRAM")
    if not program:
        parser.error("give MODEL_DIR, or set OLIVE_PROGRAM")
    return check_fixtures(program)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
