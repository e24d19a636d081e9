"""Greedy texts of a folder in ONNX Runtime GenAI; `cargo xtask bench build` calls it.

Usage: generate.py FOLDER. The one line printed is a JSON object with the tokens of each text and tokens_per_sec, the
median of the texts.
"""

import json
import statistics
import sys
import time

import onnxruntime_genai as og

NEW_TOKENS = 64
PROMPTS = (
    "The capital of France is",
    "Once upon a time there was",
    "To bake bread you need",
    "The three laws of motion say that",
    "def fibonacci(n):",
    "Dear Sir or Madam,",
    "In the year 1969",
    "Water boils at",
)


def main():
    model = og.Model(sys.argv[1])
    tokenizer = og.Tokenizer(model)
    texts, speeds = [], []
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt)
        params = og.GeneratorParams(model)
        length = len(ids) + NEW_TOKENS
        params.set_search_options(do_sample=False, max_length=length, min_length=length)
        generator = og.Generator(model, params)
        generator.append_tokens(ids)
        generator.generate_next_token()
        start = time.perf_counter()
        while not generator.is_done():
            generator.generate_next_token()
        tokens = [int(token) for token in generator.get_sequence(0)]
        speeds.append((len(tokens) - len(ids) - 1) / (time.perf_counter() - start))
        texts.append(tokens)
    print(json.dumps({"tokens": texts, "tokens_per_sec": statistics.median(speeds)}))


main()
