"""Each kind of bad input gets one clear error that names file and place, a non-zero exit code, and nothing is overwritten."""

import json
import shutil
import struct
import unittest

from harness import *


class BadInput(TrainTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="swamla-test-")
        cls.step = compile_model(cls.shared.name)
        cls.data = write_shards(Path(cls.shared.name) / "data", [2600, 1200])
        cls.saved = Path(cls.shared.name) / "saved"
        run(*train_command(cls.step, cls.data, cls.saved, 4))

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def refused(self, *command, says=()):
        """Runs a command that must fail with one error, in a sensible way, and mention each of `says`."""
        done = run(*command, check=False, timeout=60)
        self.assertGreater(done.returncode, 0, f"crashed or passed: {done.returncode}\n{done.stdout}{done.stderr}")
        self.assertLess(done.returncode, 126, done.stderr)
        # LLVM's command line says "TOOL: Unknown command line argument" where ours says "error:".
        errors = [line for line in done.stderr.splitlines() if "error:" in line or "Unknown command line argument" in line]
        self.assertEqual(len(errors), 1, f"expected one error line, found {len(errors)}:\n{done.stderr}")
        for words in says:
            self.assertIn(str(words), done.stderr)
        return done.stderr

    def train(self, step=None, data=None, *options, says=()):
        folder = self.path / "checkpoints"
        self.refused(*train_command(step or self.step, data or self.data, folder, 6, *options), says=says)
        self.assertFalse(folder.exists() and list(folder.glob("step-*")), "a refused run left checkpoints")

    def damaged(self, source, change):
        target = self.path / Path(source).name
        data = bytearray(Path(source).read_bytes())
        changed = change(data)
        data = data if changed is None else changed  # an empty file is a change too
        target.write_bytes(data)
        return target

    def test_step_truncated(self):
        size = self.step.stat().st_size
        for keep in (0, 10, 63, 64, 100, size // 2, size - 1):
            with self.subTest(keep=keep):
                self.train(self.damaged(self.step, lambda d: d[:keep]), says=["step.bin"])

    def test_step_bit_flips(self):
        size, rng = self.step.stat().st_size, random.Random(5)
        for place in [0, 8, 12, 16, 24, 40, 64, size - 1] + [rng.randrange(size) for _ in range(12)]:
            with self.subTest(place=place):
                def flip(data):
                    data[place] ^= 1 << rng.randrange(8)
                self.train(self.damaged(self.step, flip), says=["step.bin"])

    def test_not_a_step_file(self):
        self.train(self.damaged(self.data / "toy_train_000000.bin", lambda d: d), says=["toy_train_000000.bin", "not a step.bin"])
        self.train(self.path / "missing.bin", says=["missing.bin"])
        self.train(self.path, says=[self.path])

    def shard(self, change=None, **header):
        folder = self.path / "shards"
        folder.mkdir(exist_ok=True)
        tokens = [i % 256 for i in range(3000)]
        write_shard(folder / "bad_train_000000.bin", tokens, **header)
        write_shard(folder / "good_val_000001.bin", tokens)
        if change:
            path = folder / "bad_train_000000.bin"
            path.write_bytes(change(path.read_bytes()))
        return folder

    def test_shards(self):
        cases = {
            "wrong magic": (self.shard, dict(magic=1), ["bad_train_000000.bin", "magic"]),
            "wrong version": (self.shard, dict(version=9), ["bad_train_000000.bin", "version"]),
            "shorter than its header says": (self.shard, dict(count=3001), ["bad_train_000000.bin", "3001", "3000"]),
            "negative count": (self.shard, dict(count=-5), ["bad_train_000000.bin"]),
            "cut in the header": (lambda: self.shard(change=lambda b: b[:500]), {}, ["bad_train_000000.bin"]),
            "cut in a token": (lambda: self.shard(change=lambda b: b[:-1]), {}, ["bad_train_000000.bin"]),
            "token beyond the vocabulary": (lambda: self.shard(change=lambda b: b[:1024 + 200] + struct.pack("<H", 256) + b[1024 + 202:]), {},
                                            ["bad_train_000000.bin", "256", "100"]),
        }
        for name, (make, header, says) in cases.items():
            with self.subTest(name):
                self.train(None, make(**header), says=says)

    def test_data_paths(self):
        empty = self.path / "empty"
        empty.mkdir()
        self.train(None, empty, says=[empty])
        self.train(None, self.path / "nowhere", says=["nowhere"])
        (empty / "short.txt").write_text("too short")
        self.train(None, empty / "short.txt", says=["short.txt"])

    def test_options(self):
        for option, says in ((["--no-such-option"], "--no-such-option"), (["--lr", "fast"], "--lr"), (["--accum", "0"], "--accum"),
                             (["--steps", "-3"], "--steps"), (["--top-p", "2", "--sample", "x"], "--top-p")):
            with self.subTest(option):
                self.train(None, None, *option, says=[says])

    def test_checkpoints(self):
        """Truncated and bit-flipped files of a checkpoint, and one of another model."""
        rng = random.Random(6)
        for name in ("model.safetensors", "optimizer.safetensors", "state.json"):
            for kind in ("cut", "flip", "missing"):
                with self.subTest(name=name, kind=kind):
                    folder = self.path / f"{name}-{kind}"
                    shutil.copytree(self.saved, folder)
                    path = checkpoint(folder, 4) / name
                    data = bytearray(path.read_bytes())
                    if kind == "cut":
                        path.write_bytes(data[: len(data) // 2])
                    elif kind == "flip":
                        data[rng.randrange(len(data))] ^= 4
                        path.write_bytes(data)
                    else:
                        path.unlink()
                    before = sorted((p.relative_to(folder), p.stat().st_size) for p in folder.rglob("*"))
                    self.refused(*train_command(self.step, self.data, folder, 6, "--resume", checkpoint(folder, 4)), says=[folder])
                    self.assertEqual(before, sorted((p.relative_to(folder), p.stat().st_size) for p in folder.rglob("*")))

    def test_checkpoint_of_another_model(self):
        shallower = [*SMALL]
        shallower[shallower.index("--n-layer") + 1] = "2"
        other = compile_model(self.path, model=shallower, name="other.bin")
        self.train(other, None, "--resume", checkpoint(self.saved, 4), says=["step-"])

    def safetensors(self, change):
        source = checkpoint(self.saved, 4) / "model.safetensors"
        data = source.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header, body = json.loads(data[8: 8 + size]), data[8 + size:]
        header = change(header) or header
        text = json.dumps(header).encode()
        target = self.path / "init.safetensors"
        target.write_bytes(struct.pack("<Q", len(text)) + text + body)
        return target

    def test_init_files(self):
        name = "h.0.attn.q_proj.weight"

        def reshape(h):
            h[name]["shape"] = [16, 64]

        def outside(h):
            h[name]["data_offsets"][1] += 1 << 40

        cases = {
            "cut": (lambda: self.damaged(checkpoint(self.saved, 4) / "model.safetensors", lambda d: d[:-100]), ["model.safetensors"]),
            "cut in the header": (lambda: self.damaged(checkpoint(self.saved, 4) / "model.safetensors", lambda d: d[:50]), ["model.safetensors"]),
            "huge header": (lambda: self.damaged(checkpoint(self.saved, 4) / "model.safetensors", lambda d: b"\xff" * 8 + d[8:]), ["model.safetensors"]),
            "missing tensor": (lambda: self.safetensors(lambda h: {k if k != name else "other": v for k, v in h.items()}), [name, "other"]),
            "wrong shape": (lambda: self.safetensors(reshape), [name, "16"]),
            "outside the file": (lambda: self.safetensors(outside), [name]),
        }
        for case, (make, says) in cases.items():
            with self.subTest(case):
                self.train(None, None, "--init", make(), says=["safetensors", *says])

    def compile_refused(self, text, *options, says=()):
        model, target = self.path / "bad.mlir", self.path / "kept.bin"
        model.write_text(text)
        target.write_bytes(b"precious")
        self.refused("swamlac", model, "-o", target, *options, says=says)
        self.assertEqual(target.read_bytes(), b"precious")

    def test_models(self):
        good = (Path(self.shared.name) / "model.mlir").read_text()
        self.compile_refused(good.replace("tensor<?x32x32xf32>", "tensor<?x32x31xf32>", 1), "--batch=2", says=["bad.mlir"])
        self.compile_refused(good.replace("heads 2", "heads 3", 1), "--batch=2", says=["bad.mlir", "heads"])
        self.compile_refused("swamla.model @broken {", says=["bad.mlir"])
        self.compile_refused("", says=["bad.mlir"])
        self.compile_refused(good, "--batch=0", says=["batch"])
        self.compile_refused(good, "--checkpoint=sometimes", says=["checkpoint"])
        self.compile_refused(good, "--no-such-option", says=["no-such-option"])
        self.refused("swamlac", self.path / "nowhere.mlir", "-o", self.path / "kept.bin", says=["nowhere.mlir"])


if __name__ == "__main__":
    unittest.main()
