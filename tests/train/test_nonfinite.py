"""Steps whose loss or gradient norm is not finite: what --on-nonfinite does, what is named, and that nothing is lost."""

import json
import math
import unittest

from harness import *


class NonFinite(TrainTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="swamla-test-")
        cls.step = compile_model(cls.shared.name)
        cls.data = write_shards(Path(cls.shared.name) / "data", [2600, 1200])
        saved = Path(cls.shared.name) / "saved"
        run(*train_command(cls.step, cls.data, saved, 2))
        cls.weights = checkpoint(saved, 2) / "model.safetensors"

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def changed(self, name, change):
        """The trained weights with the numbers of one tensor changed in place."""
        data = self.weights.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        begin, end = json.loads(data[8: 8 + size])[name]["data_offsets"]
        begin, end = begin + 8 + size, end + 8 + size
        numbers = list(struct.unpack(f"<{(end - begin) // 4}f", data[begin:end]))
        change(numbers)
        target = self.path / "init.safetensors"
        target.write_bytes(data[:begin] + struct.pack(f"<{len(numbers)}f", *numbers) + data[end:])
        return target

    def train(self, *options, steps=4, code=3):
        log, folder = self.path / "log.jsonl", self.path / "checkpoints"
        done = run(*train_command(self.step, self.data, folder, steps, "--log", log, *options), check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        return done, [e for e in events if e["event"] == "nonfinite"], [e for e in events if e["event"] == "end"][-1]

    def test_nan_in_a_parameter(self):
        def plant(numbers):
            numbers[37] = math.nan

        init = self.changed("h.1.attn.q_proj.weight", plant)
        done, found, end = self.train("--init", init)
        self.assertIn("[N] 1/4 | loss nan", done.stdout)
        self.assertIn("training has diverged at step 1", done.stderr)
        self.assertEqual([f["tensor"] for f in found], ["parameter h.1.attn.q_proj.weight: 1 of 1,024 elements, the first is nan at [1, 5]"])
        self.assertTrue(end["diverged"])
        self.assertEqual(list((self.path / "checkpoints").glob("step-*")), [], "nothing is saved")

    def test_overflow_in_the_middle(self):
        def grow(numbers):
            numbers[:] = [3e38 * (1 if x > 0 else -1) for x in numbers]

        done, found, _ = self.train("--init", self.changed("h.1.mlp.gate_up_proj.weight", grow))
        self.assertRegex(found[0]["tensor"], r"^h\.1\.mlp\.\S+ \(matmul nt \S+ f32 of micro_step\), its result: .* elements, the first is -?inf at \[\d+, \d+\]; its inputs were finite$")

    def test_learning_rate_that_is_too_large(self):
        done, found, end = self.train("--lr", "1e30", "--checkpoint-every", 1, steps=8)
        self.assertEqual(end["step"], 1)
        self.assertIn("its inputs were finite", found[0]["tensor"])
        self.assertIn("resume from a checkpoint with a smaller --lr", done.stderr)
        run("swamla-run", self.step, "--data", self.data, "--steps", 1, "--accum", 2, "--resume", checkpoint(self.path / "checkpoints", 1))

    def test_gradient_norm_that_overflows_is_skipped(self):
        # Logits of 1e20 have a finite loss; the squares of gradients of that size do not have a finite sum.
        def grow(numbers):
            numbers[:] = [1e21 * x for x in numbers]

        init = self.changed("ln_f.weight", grow)
        done, found, end = self.train("--init", init, "--on-nonfinite", "skip", code=0)
        self.assertEqual((len(found), end["skipped"], end["diverged"]), (4, 4, False), done.stdout)
        for event in found:
            self.assertTrue(math.isfinite(event["loss"]))
            self.assertIsNone(event["grad_norm"])
            self.assertEqual(event["action"], "skip")
            self.assertRegex(event["tensor"], r"\(kernel \w*square_sum\w* of apply\), output 1: .* the first is inf")
        saved = checkpoint(self.path / "checkpoints", 4)
        self.assertEqual(json.loads((saved / "state.json").read_text())["skipped"], 4)
        body = lambda path: (lambda data: data[8 + struct.unpack("<Q", data[:8])[0]:])(path.read_bytes())
        self.assertEqual(body(saved / "model.safetensors"), body(init), "a skipped step changes no parameter")
        self.assertFalse(any(body(saved / "optimizer.safetensors")), "nor an optimizer state")


if __name__ == "__main__":
    unittest.main()
