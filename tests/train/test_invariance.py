"""Bit for bit: what must not change the result of a training run does not change it."""

import re
import shutil
import unittest

from harness import *

STEPS = 30


class Invariance(TrainTest):
    def setUp(self):
        super().setUp()
        # 32-token sequences, batch 4, 2 accumulation steps: 256 tokens a step. Two train shards of 2,600 and 2,900 tokens hold
        # 171 sequences: the shard boundary falls inside step 11, the epoch ends inside step 22.
        self.data = write_shards(self.path / "data", [2600, 2900, 1200])

    def train(self, step, name, *options, steps=STEPS):
        run(*train_command(step, self.data, self.path / name, steps, *options))
        return state_bytes(self.path / name, STEPS)

    def test_two_runs(self):
        step = compile_model(self.path)
        first = self.train(step, "a")
        self.assertEqual(first, self.train(step, "b"))
        # ... and the comparison can fail: another seed gives other bits.
        self.assertNotEqual(first, self.train(step, "c", "--seed", 8))

    def test_checkpoint_modes(self):
        wanted = self.train(compile_model(self.path, "--checkpoint=none"), "none")
        for mode in ("mlp", "attn", "block"):
            with self.subTest(mode):
                step = compile_model(self.path, f"--checkpoint={mode}", name=f"{mode}.bin")
                self.assertEqual(wanted, self.train(step, mode))

    def resumed_at_13(self, step, name):
        """The state at the end of a run that was cut back to its checkpoint of step 13 and resumed."""
        folder = self.path / name
        run(*train_command(step, self.data, folder, STEPS, "--checkpoint-every", 13, "--keep-last", 9))
        for saved in folder.glob("step-*"):
            if int(saved.name.split("-")[1]) > 13:
                shutil.rmtree(saved)
        run(*train_command(step, self.data, folder, STEPS, "--resume"))
        return state_bytes(folder, STEPS)

    def test_bf16(self):
        """Checkpoint modes and a resumed run: the working copies follow from the masters that a checkpoint holds."""
        wanted = self.train(compile_model(self.path, "--precision=bf16"), "whole")
        self.assertNotEqual(wanted, self.train(compile_model(self.path, name="fp32.bin"), "fp32"))
        for mode in ("mlp", "attn", "block"):
            with self.subTest(mode):
                step = compile_model(self.path, "--precision=bf16", f"--checkpoint={mode}", name=f"{mode}.bin")
                self.assertEqual(wanted, self.train(step, mode))
        self.assertEqual(wanted, self.resumed_at_13(self.path / "step.bin", "cut"))

    def test_optimizer_states(self):
        """A resumed run in each format of the optimizer's states, and a checkpoint that does not fit."""
        for optimizer, state in (("adamw", "int8"), ("lion", "fp8"), ("adamw", "int4"), ("adamw", "bf16")):
            with self.subTest(f"{optimizer} {state}"):
                name = f"{optimizer}-{state}"
                step = compile_model(self.path, f"--optimizer={optimizer}", f"--optimizer-state={state}", name=f"{name}.bin")
                wanted = self.train(step, name)
                self.assertEqual(wanted, self.resumed_at_13(step, f"{name}-cut"))
        other = compile_model(self.path, name="fp32.bin")
        done = run(*train_command(other, self.data, self.path / "adamw-int8", STEPS + 1, "--resume"), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--optimizer-state=int8", done.stdout + done.stderr)

    def test_fp8(self):
        """A resumed run has the scales of earlier steps; neither threads nor checkpoint modes change a bit."""
        for recipe in ("tensorwise", "delayed"):
            with self.subTest(recipe):
                flags = ("--precision=fp8", f"--fp8-recipe={recipe}")
                step = compile_model(self.path, *flags, name=f"{recipe}.bin")
                wanted = self.train(step, recipe)
                self.assertEqual(wanted, self.resumed_at_13(step, f"{recipe}-cut"))
        block = compile_model(self.path, *flags, "--checkpoint=block", name="block.bin")
        self.assertEqual(wanted, self.train(block, "block", "--threads", 2))

    def test_interrupted_by_signal(self):
        """SIGTERM at several moments, resumed each time, ends with the bits of the uninterrupted run."""
        step = compile_model(self.path)
        wanted = self.train(step, "whole")
        for stops in ([10], [11, 12], [21, 22]):
            with self.subTest(stops=stops):
                folder = self.path / f"cut-{stops[0]}"
                for i, stop in enumerate(stops):
                    options = ["--resume"] if i else []
                    command = [str(BIN / "swamla-run"), *map(str, train_command(step, self.data, folder, STEPS, *options)[1:])]
                    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
                    for line in process.stdout:
                        found = re.match(r"\[T\]\s+(\d+)", line)
                        if found and int(found.group(1)) >= stop:
                            process.send_signal(signal.SIGTERM)
                            break
                    process.stdout.read()
                    process.stdout.close()
                    self.assertIn(process.wait(timeout=60), (143, 0))
                run(*train_command(step, self.data, folder, STEPS, "--resume"))
                self.assertEqual(wanted, state_bytes(folder, STEPS))

    def test_killed_while_saving(self):
        """kill -9 at 50 random moments of a run that saves all the time; every resume works, and the end is the same."""
        step = compile_model(self.path)
        wanted = self.train(step, "whole")
        rng, folder, kills = random.Random(3), self.path / "killed", 0
        while kills < 50:
            options = ["--checkpoint-every", 1, "--keep-last", 2] + (["--resume"] if folder.exists() and any(folder.glob("step-*")) else [])
            command = [str(BIN / "swamla-run"), *map(str, train_command(step, self.data, folder, STEPS, *options)[1:])]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                process.wait(timeout=rng.uniform(0.02, 0.3))
                self.assertEqual(process.returncode, 0, process.stderr.read())
                # It came through: start over, so that all 50 kills hit a run at work.
                self.assertEqual(wanted, state_bytes(folder, STEPS))
                shutil.rmtree(folder)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
            finally:
                process.stderr.close()
        resume = ["--resume"] if folder.exists() and any(folder.glob("step-*")) else []
        run(*train_command(step, self.data, folder, STEPS, *resume))
        self.assertEqual(wanted, state_bytes(folder, STEPS))

    def test_dumped_phase_compiles_on(self):
        """Compiling on from the dump of any phase gives the same step.bin as straight through."""
        model = self.path / "model.mlir"
        run("swamla-gen", *SMALL, "-o", model)
        run("swamlac", model, "-o", self.path / "straight.bin", "--batch=4", "--checkpoint=mlp", f"--dump-phases={self.path / 'dump'}")
        wanted = (self.path / "straight.bin").read_bytes()
        dumps = sorted((self.path / "dump").glob("*.mlir"))
        self.assertGreaterEqual(len(dumps), 6)
        for dump in dumps:
            with self.subTest(dump.name):
                run("swamlac", dump, "-o", self.path / "resumed.bin")
                self.assertEqual(wanted, (self.path / "resumed.bin").read_bytes())


if __name__ == "__main__":
    unittest.main()
