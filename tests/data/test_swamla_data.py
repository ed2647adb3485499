"""swamla-data from the outside: shards, signals, bad input, and the references where Python has them."""
import array
import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
import unittest

TOOL = os.path.join(os.environ["SWAMLA_BIN"], "swamla-data")
TINY = pathlib.Path(__file__).parent / "tinybpe"
END = 456  # <|endoftext|> in vocab.bpe's order
HEADER_BYTES = 1024
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


def shard_tokens(path):
    data = pathlib.Path(path).read_bytes()
    header = array.array("i", data[:HEADER_BYTES])
    tokens = array.array("H", data[HEADER_BYTES:])
    assert header[:3].tolist() == [20240520, 1, len(tokens)], header[:3]
    assert not any(header[3:])
    return tokens.tolist()


class DataTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        self.addCleanup(self.scratch.cleanup)

    def command(self, name, *extra):
        return [TOOL, "tokenize", str(self.folder / name), "--tokenizer", str(TINY / "vocab.bpe"), "-o", str(self.folder / "out/s"), *extra]

    def run_tool(self, *command):
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def tokenize(self, documents, vocabulary):
        """Tokens of each document, by the tool."""
        (self.folder / "in.jsonl").write_bytes(b"".join(b'{"text":%s}\n' % json.dumps(d).encode() for d in documents))
        done = self.run_tool(TOOL, "tokenize", str(self.folder / "in.jsonl"), "--tokenizer", str(vocabulary), "-o", str(self.folder / "out/s"), "--overwrite")
        self.assertEqual(done.returncode, 0, done.stderr)
        tokens, result = shard_tokens(self.folder / "out/s_train_000001.bin"), []
        end = tokens[0]
        for token in tokens:
            if token == end:
                result.append([])
            else:
                result[-1].append(token)
        return result

    def shards(self):
        """What is in the folder of the shards, hidden files too."""
        out = self.folder / "out"
        return sorted(p.name for p in out.iterdir()) if out.exists() else []

    def failed(self, command, code, *parts):
        done = self.run_tool(*command)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Aerror: [^\n]+\n(Run swamla-data --help for the options.\n)?\Z")
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertEqual(self.shards(), [])


class Tokenize(DataTest):
    def test_text_to_shards_to_text(self):
        (self.folder / "books").mkdir()
        (self.folder / "books/b.txt").write_text("the end\n==\nof it")
        (self.folder / "books/a.txt").write_text("don't \U0001F642")
        (self.folder / "books/.hidden").write_text("never")
        done = self.run_tool(*self.command("books", "--separator", "\\n==\\n", "--val-documents", "1"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertIn("3 documents (1 for validation)", done.stdout)
        self.assertEqual(self.shards(), ["s_train_000001.bin", "s_val_000000.bin"])
        shown = self.run_tool(TOOL, "inspect", str(self.folder / "out/s_val_000000.bin"), str(self.folder / "out/s_train_000001.bin"),
                              "--tokenizer", str(TINY / "vocab.bpe"))
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("<|endoftext|>don't \U0001F642\n", shown.stdout)
        self.assertIn("<|endoftext|>the end<|endoftext|>of it\n", shown.stdout)
        self.assertIn("2 documents start (token 456)", shown.stdout)
        numbers = self.run_tool(TOOL, "inspect", str(self.folder / "out/s_train_000001.bin"), "--count", "1")
        self.assertTrue(numbers.stdout.endswith("\n456\n"), numbers.stdout)
        again = self.command("books")
        self.assertIn("is there already", self.run_tool(*again).stderr)
        self.assertEqual(self.run_tool(*again, "--overwrite").returncode, 0)
        self.assertEqual(self.shards(), ["s_train_000001.bin"])

    def test_memory_stays_flat(self):
        pipe = self.folder / "pipe.txt"
        os.mkfifo(pipe)
        child = subprocess.Popen(self.command("pipe.txt", "--threads", "2"), stdout=subprocess.DEVNULL)
        line = b"some words of a text that goes on and on, to the end of it\n" * 1000
        with open(pipe, "wb") as to:
            for _ in range(2000):  # 118 MB
                to.write(line)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0)
        self.assertLess(usage.ru_maxrss, 110 << 10)  # kB; text and tokens would be 200 MB

    def interrupt(self, number):
        """Sends a signal in the middle; returns the exit code."""
        pipe = self.folder / "pipe.txt"
        os.mkfifo(pipe)
        child = subprocess.Popen(self.command("pipe.txt", "--shard-tokens", "100000"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        line = b"the words of it\n" * 65536
        try:
            with open(pipe, "wb") as to:
                for i in range(400):
                    to.write(line)
                    if i == 20:
                        child.send_signal(number)
                        time.sleep(0.2)
        except BrokenPipeError:
            pass
        child.communicate(timeout=60)
        pipe.unlink()
        return child.returncode

    def test_a_signal_leaves_nothing(self):
        self.assertEqual(self.interrupt(signal.SIGTERM), 130)
        self.assertEqual(self.shards(), [])

    def test_a_kill_leaves_no_shard_and_no_hindrance(self):
        self.assertEqual(self.interrupt(signal.SIGKILL), -signal.SIGKILL)
        self.assertTrue(self.shards())
        self.assertTrue(all(name.startswith(".") for name in self.shards()), self.shards())
        (self.folder / "a.txt").write_text("the end")
        self.assertEqual(self.run_tool(*self.command("a.txt")).returncode, 0)
        self.assertEqual(self.shards(), ["s_train_000001.bin"])


class BadInput(DataTest):
    def test_options(self):
        (self.folder / "a.txt").write_text("the end")
        self.failed([TOOL], 2, "subcommand is required")
        self.failed([TOOL, "tokenize", "x", "-o", "y"], 2, "--tokenizer is required")
        self.failed(self.command("a.txt", "--val-fraction", "1"), 2, "expected a number above 0 and below 1")
        self.failed(self.command("a.txt", "--shard-tokens", "0"), 2, "expected a whole number from 1 to 2147483647")
        self.failed(self.command("a.txt", "--val-fraction", "0.1", "--val-documents", "1"), 2, "excludes")
        self.failed(self.command("a.txt", "--separator", "\\x"), 2, "expected n, t, r, 0 or \\")
        self.failed(self.command("a.txt", "--format", "xml"), 2, "--format")
        self.failed(self.command("a.txt", "--end-of-text", "</s>"), 2, "has no '</s>'")
        self.failed(self.command("a.txt", "--tokenizer", "/nowhere"), 2, "cannot open '/nowhere'")
        self.failed(self.command("a.txt", "--val-fraction", "0.1"), 2, "of 1 documents is none; give a larger")
        self.failed(self.command("a.txt", "--val-documents", "1"), 2, "all 1 documents are for validation")

    def test_files(self):
        self.failed(self.command("missing.txt"), 2, "missing.txt': No such file")
        (self.folder / "empty.txt").write_text("")
        self.failed(self.command("empty.txt"), 2, "there is no text in the input")
        (self.folder / "none").mkdir()
        self.failed(self.command("none"), 2, "has no files")
        (self.folder / "a.bin").write_text("text")
        self.failed(self.command("a.bin"), 2, "is named as token shards are")
        (self.folder / "a.jsonl").write_text('{"text":"x"}\n{"text":1}\n')
        self.failed(self.command("a.jsonl"), 2, "a.jsonl:2: member 'text' is of the type number; expected an object with a string 'text'")
        (self.folder / "a.txt.gz").write_text("not gzip")
        self.failed(self.command("a.txt.gz"), 2, "a.txt.gz': damaged gzip data")
        (self.folder / "a.parquet").write_text("not parquet")
        done = self.run_tool(*self.command("a.parquet"))
        self.assertIn(done.returncode, (1, 2))
        self.assertRegex(done.stderr, "built without Parquet|cannot read it as Parquet")

    def test_skipped_lines_are_counted(self):
        (self.folder / "a.jsonl").write_text('{"text":"x"}\nbad\n{"text":"y"}\n')
        done = self.run_tool(*self.command("a.jsonl", "--skip-bad"))
        self.assertEqual(done.returncode, 0)
        self.assertIn("warning: 1 lines or rows were left out", done.stderr)
        self.assertIn("2 documents", done.stdout)

    def test_shards(self):
        for content, part in ((b"short", "5 bytes; a token shard has a header"), (bytes(HEADER_BYTES), "starts with 0; expected 20240520"),
                              (array.array("i", [20240520, 1, 9] + [0] * 253).tobytes(), "it is cut off")):
            (self.folder / "x.bin").write_bytes(content)
            self.failed([TOOL, "inspect", str(self.folder / "x.bin")], 2, part)
        (self.folder / "x.bin").write_bytes(array.array("i", [20240520, 1, 1] + [0] * 253).tobytes() + b"\xff\xff")
        done = self.run_tool(TOOL, "inspect", str(self.folder / "x.bin"), "--tokenizer", str(TINY))
        self.assertEqual(done.returncode, 2)
        self.assertIn("no token has the id 65535", done.stderr)


def random_texts(seed, code_points):
    """Texts that exercise every part of the pattern, about so many code points in all."""
    draw = random.Random(seed)
    any_point = lambda: chr(draw.choice([draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)]))
    kinds = [
        any_point,
        lambda: chr(draw.randrange(0x3000)),
        lambda: draw.choice(" \n\t\r'sdmtlverx09.,\u00a0\u3000\u0085\u00e9\u4e2d\x1c\u200b_-"),
        lambda: draw.choice(["the", " king", " and", "'s", "1", "\U0001F642", "\n", " "]),
        lambda: draw.choice("thenoudr"),
    ]
    texts = []
    while code_points > 0:
        kind = draw.choice(kinds)
        texts.append("".join(kind() for _ in range(draw.randrange(1, 200))))
        code_points -= len(texts[-1])
    return texts


class Reference(DataTest):
    CODE_POINTS = 1_000_000

    def compare(self, folder, encode):
        texts = random_texts(random.randrange(1 << 30), self.CODE_POINTS)
        for text, tokens in zip(texts, self.tokenize(texts, folder), strict=True):
            self.assertEqual(tokens, encode(text), repr(text))

    def test_tiktoken(self):
        try:
            import tiktoken
            from tiktoken.load import data_gym_to_mergeable_bpe_ranks
        except ImportError:
            self.skipTest("tiktoken is not installed")
        for folder in filter(None, [TINY, os.environ.get("SWAMLA_GPT2_VOCAB")]):
            ranks = data_gym_to_mergeable_bpe_ranks(f"{folder}/vocab.bpe", f"{folder}/encoder.json")
            reference = tiktoken.Encoding("reference", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
            self.compare(f"{folder}/vocab.bpe", reference.encode_ordinary)

    def test_tokenizers(self):
        try:
            import tokenizers
        except ImportError:
            self.skipTest("tokenizers is not installed")
        reference = tokenizers.Tokenizer.from_file(str(TINY / "tokenizer.json"))
        reference.encode_special_tokens = True
        self.compare(TINY / "tokenizer.json", lambda text: reference.encode(text).ids)

    def test_invalid_text(self):
        """Python's own reading of invalid UTF-8, tokenized, is what is made of the bytes."""
        draw = random.Random(3)
        data = bytes(draw.choice([draw.randrange(256), 0xE2, 0x80, 0xF0, 0x9F, 0xED, 0xA0, 0xC2, 32]) for _ in range(100000))
        (self.folder / "a.txt").write_bytes(data)
        self.assertEqual(self.run_tool(*self.command("a.txt")).returncode, 0)
        tokens = shard_tokens(self.folder / "out/s_train_000001.bin")
        self.assertEqual(tokens[1:], self.tokenize([data.decode("utf-8", "replace")], TINY / "vocab.bpe")[0])


if __name__ == "__main__":
    unittest.main()
