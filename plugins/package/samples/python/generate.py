"""Continues a prompt greedily with a model folder, through ONNX Runtime GenAI.

    python generate.py MODEL_DIR PROMPT [MAX_NEW_TOKENS]
"""

import sys

import onnxruntime_genai as og


class Continuation:
    """A loaded model that continues prompts."""

    def __init__(self, folder):
        self.model = og.Model(str(folder))
        self.tokenizer = og.Tokenizer(self.model)

    def pieces(self, prompt, max_new_tokens):
        """Pieces of text as the model chooses them, each token the likeliest."""
        tokens = self.tokenizer.encode(prompt)
        params = og.GeneratorParams(self.model)
        params.set_search_options(do_sample=False, max_length=len(tokens) + max_new_tokens)
        generator = og.Generator(self.model, params)
        generator.append_tokens(tokens)
        stream = self.tokenizer.create_stream()
        while not generator.is_done():
            generator.generate_next_token()
            token = generator.get_next_tokens()[0]
            if token not in self.tokenizer.eos_token_ids:
                yield stream.decode(token)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: python generate.py MODEL_DIR PROMPT [MAX_NEW_TOKENS]")
    folder, prompt = sys.argv[1:3]
    max_new_tokens = int(sys.argv[3]) if len(sys.argv) == 4 else 64
    for piece in Continuation(folder).pieces(prompt, max_new_tokens):
        print(piece, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
