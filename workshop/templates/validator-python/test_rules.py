"""The rules on small documents: `python3 -m unittest`."""

import unittest

from rules import check


def told(r, config=None):
    """What is said of an adapter of rank `r`, with `config` of the validator."""
    step = {
        "name": "lora",
        "pointer": "/passes/lora",
        "type": "LoRA",
        "config": {"r": r},
        "adapter": "adds",
    }
    return check({"workflow": {}, "steps": [step], "config": config or {}})


class Rules(unittest.TestCase):
    def test_a_rank_above_the_limit_is_told_where_it_stands(self):
        self.assertEqual(told(16), [])
        (finding,) = told(64)
        self.assertEqual(finding["pointer"], "/passes/lora/r")
        self.assertEqual(
            finding["message"], "the adapter has rank 64, and the server takes 16 at most"
        )

    def test_the_fix_writes_the_limit(self):
        patch = [{"op": "add", "path": "/passes/lora/r", "value": 16}]
        self.assertEqual(told(64)[0]["patch"], patch)

    def test_the_limit_is_a_setting(self):
        self.assertEqual(len(told(64, {"max_rank": 64})), 0)
        self.assertEqual(len(told(65, {"max_rank": 64})), 1)


if __name__ == "__main__":
    unittest.main()
