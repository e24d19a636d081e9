"""A plain PEFT training loop, measured; `cargo xtask bench train` runs it in turns with ours.

Usage: train.py SETTINGS, a JSON object: model, precision (f32, bf16, nf4 or nf4-f32), seq, batch, rank, targets,
checkpointing, steps. Prints a JSON object for each step, then one of what all took.
"""

import json
import resource
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def load(settings):
    precision = settings["precision"]
    if precision.startswith("nf4"):
        from transformers import BitsAndBytesConfig

        compute = torch.float32 if precision == "nf4-f32" else torch.bfloat16
        codes = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute)
        return AutoModelForCausalLM.from_pretrained(settings["model"], dtype=compute, quantization_config=codes, device_map="cpu")
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    return AutoModelForCausalLM.from_pretrained(settings["model"], dtype=dtype)


def blocks(settings, vocab_size):
    count, seq = settings["batch"] * settings["steps"], settings["seq"]
    return [[(block * 31 + place) * 9973 % vocab_size for place in range(seq)] for block in range(count)]


def main():
    start = time.perf_counter()
    settings = json.loads(sys.argv[1])
    torch.manual_seed(42)
    base = load(settings)
    if settings["checkpointing"]:
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        base.enable_input_require_grads()
    rank = settings["rank"]
    config = LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules=settings["targets"], task_type="CAUSAL_LM")
    tuned = get_peft_model(base, config)
    for name, weight in tuned.named_parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    tuned.train()
    trainable = [weight for weight in tuned.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.0)
    print(json.dumps({"load_sec": time.perf_counter() - start, "load_peak_bytes": peak()}), flush=True)
    tokens = blocks(settings, base.config.vocab_size)
    for step in range(settings["steps"]):
        batch = torch.tensor(tokens[step * settings["batch"] : (step + 1) * settings["batch"]])
        began, processor = time.perf_counter(), time.process_time()
        loss = tuned(input_ids=batch, labels=batch).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trainable, 0.3)
        optimizer.step()
        optimizer.zero_grad()
        figures = {
            "step": step + 1,
            "loss": loss.item(),
            "grad_norm": norm.item(),
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - processor,
            "tokens": batch.numel(),
        }
        print(json.dumps(figures), flush=True)
    print(json.dumps({"peak_bytes": peak(), "wall_sec": time.perf_counter() - start}), flush=True)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


main()
