#!/usr/bin/env python3
"""Makes tinybpe/: a byte-level BPE of 200 merges in both formats, and what the references make of some texts.

    tests/data/make_tiny_bpe.py TEXT_FILE     # needs `pip install tokenizers tiktoken`

Hugging Face's library trains on the text and writes tokenizer.json; vocab.bpe and encoder.json are the same merges with ids in
GPT-2's order. pairs.json: texts with the ids by tokenizer.json (Hugging Face's library) and by vocab.bpe (tiktoken).
"""
import json
import pathlib
import sys

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

MERGES = 200
END = "<|endoftext|>"
OTHER = "naïve café über Ångström 東京都 東京 Привет мир 🙂🙂 don't we'll I've they're 1234 3.14 -- ... \n\n\t"
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
TEXTS = [
    "The king's son said: I'll come, they've gone; we're here.",
    "  two spaces, \t tab\n\n\nnew lines  \n at the end  ",
    " ", "\n", "  ", " \n x", "a", "'", "'s", "''s 'S 'll'll",
    "naïve café 東京都に住む Привет, мир! 🙂👍🏽 \u00a0\u3000x\u2028y\u0085z",
    "12345 x1y2 ½ ² ٣ Ⅷ 3.14159",
    "<|endoftext|> is text here",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "the" * 40, "\u1c8a\U00010d4a\u088f e\u0301 \u200b\u200d\ufeff\x1c\x00\x7f",
]


def train(text):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + MERGES + 1, special_tokens=[END], initial_alphabet=alphabet,
                                  show_progress=False)
    tokenizer.train_from_iterator([text, OTHER * 30], trainer)
    return tokenizer


def gpt2_files(folder, merges):
    """GPT-2's order: bytes that are printable, the others, merges, end of text."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 256 - len(printable)
    tokens = [chr(b) for b in printable] + [chr(256 + i) for i in range(others)] + ["".join(m) for m in merges] + [END]
    (folder / "encoder.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}) + "\n")
    (folder / "vocab.bpe").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))


def main():
    folder = pathlib.Path(__file__).parent / "tinybpe"
    folder.mkdir(exist_ok=True)
    hub = train(pathlib.Path(sys.argv[1]).read_text()[:300000])
    described = json.loads(hub.to_str())
    (folder / "tokenizer.json").write_text(json.dumps(described, ensure_ascii=False) + "\n")
    gpt2_files(folder, described["model"]["merges"])
    ranks = data_gym_to_mergeable_bpe_ranks(str(folder / "vocab.bpe"), str(folder / "encoder.json"))
    openai = tiktoken.Encoding("tiny", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    hub.encode_special_tokens = True
    pairs = [{"text": text, "tokenizer.json": hub.encode(text).ids, "vocab.bpe": openai.encode_ordinary(text)} for text in TEXTS]
    lines = ",\n".join(json.dumps(pair) for pair in pairs)
    (folder / "pairs.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
