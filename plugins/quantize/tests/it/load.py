"""Logits of a packed checkpoint and of the same weights in floats, by transformers.

    python load.py PACKED FLOATS

Prints the largest difference relative to the largest logit.
"""

import sys

import torch
from transformers import AutoModelForCausalLM

packed, floats = [
    AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval() for folder in sys.argv[1:3]
]
tokens = torch.tensor([[1, 17, 250, 33, 90, 411, 5, 62]])
with torch.no_grad():
    ours, theirs = floats(tokens).logits.float(), packed(tokens).logits.float()
print(float((ours - theirs).abs().max() / ours.abs().max()))
