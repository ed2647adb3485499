"""swamla-run --data fineweb: from an empty folder to a trained model, through everything that stops a download."""

import shutil
import sys
import time
import unittest

from harness import *

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from hub import Hub, drop, shard, stall, status  # noqa: E402

# GPT-2's vocabulary; 32 tokens a sequence, 8 sequences a step.
MODEL = [*SMALL]
MODEL[MODEL.index("--vocab-size") + 1] = "50257"
MODEL[MODEL.index("--n-embd") + 1] = "16"
# Shards of 31 sequences: 12 steps need 96, so three shards and three sequences of the fourth.
STEPS, SHARDS, TOKENS = 12, 5, 1000
VAL = "fineweb_val_000000.bin"


def train_file(number):
    return f"fineweb_train_{number:06}.bin"


class Fineweb(TrainTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="swamla-test-")
        cls.step = compile_model(cls.shared.name, model=MODEL)

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        super().setUp()
        self.hub = self.enterContext(Hub())
        for number in range(1, SHARDS + 1):
            self.hub.add(train_file(number), shard(TOKENS, number))
        self.hub.add(VAL, shard(400, 9))

    def environment(self, name="cache"):
        env = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
        return {**env, "SWAMLA_DATA": str(self.path / name), "HF_ENDPOINT": self.hub.url}

    def command(self, name, *options):
        return train_command(self.step, "fineweb", self.path / name, STEPS, "--val-batches", 2, *options)

    def train(self, name, *options, cache="cache", check=True):
        done = run(*self.command(name, *options), env=self.environment(cache), check=check)
        if "built without libcurl" in done.stderr:
            self.skipTest("swamla is built without libcurl")
        return done

    def start(self, name, *options):
        command = self.command(name, *options)
        return subprocess.Popen([str(BIN / command[0]), *map(str, command[1:])], env=self.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def asked(self):
        return [r.path.rsplit("/", 1)[-1] for r in self.hub.requests]

    def wait_for_step(self, name, step):
        end = time.monotonic() + 60
        while not any((self.path / name).glob(f"step-*{step}/state.json")):
            self.assertLess(time.monotonic(), end, f"no checkpoint of step {step} in 60 s")
            time.sleep(0.02)

    def whole_run(self):
        """The state at the end of a run from an empty folder that nothing stops."""
        done = self.train("whole", cache="whole-cache")
        self.assertIn("fineweb: shard 1 of 103 on", done.stderr)
        self.assertIn("[V]", done.stdout)
        self.hub.requests.clear()
        return state_bytes(self.path / "whole", STEPS)

    def test_what_was_there_changes_nothing(self):
        wanted = self.whole_run()
        self.train("again", "--offline", cache="whole-cache")
        self.assertEqual(wanted, state_bytes(self.path / "again", STEPS))
        self.assertEqual(self.asked(), [])
        # Only what the run needs was fetched: not the fifth shard.
        self.assertEqual(sorted(p.name for p in (self.path / "whole-cache" / "fineweb").iterdir()), [train_file(n) for n in range(1, 5)] + [VAL])
        self.train("part", "--val-every", 0, "--steps", 3)
        self.assertEqual(self.asked(), [train_file(1)])

    def test_killed_in_the_middle_of_a_shard(self):
        wanted = self.whole_run()
        self.hub.script[train_file(1)] = [drop(500), status(503)]
        self.hub.script[train_file(3)] = [stall(1600)]
        child = self.start("killed", "--checkpoint-every", 1, "--keep-last", 2)
        self.wait_for_step("killed", 7)  # the eighth step needs the third shard
        child.kill()
        child.communicate()
        part = self.path / "cache" / "fineweb" / f".{train_file(3)}.part"
        self.assertEqual(part.stat().st_size, 1600)
        done = self.train("killed", "--resume")
        self.assertEqual(wanted, state_bytes(self.path / "killed", STEPS))
        rest = self.hub.asked(train_file(3))[1]
        self.assertEqual(rest.headers["Range"], "bytes=1600-")
        self.assertIn(f"{train_file(3)}: 2.95 KiB are there", done.stderr)

    def test_stopped_while_it_waits(self):
        wanted = self.whole_run()
        self.hub.script[train_file(3)] = [stall(1600)]
        child = self.start("stopped")
        for line in child.stdout:
            if line.startswith("[T]  7/"):
                break
        time.sleep(0.3)
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 143, errors)
        self.assertIn("stopped by signal 15 after step 7", errors)
        self.train("stopped", "--resume")
        self.assertEqual(wanted, state_bytes(self.path / "stopped", STEPS))

    def test_a_shard_that_does_not_come(self):
        wanted = self.whole_run()
        self.hub.script[train_file(3)] = [status(404)] * 2  # ahead of the run, and when it is there
        done = self.train("lost", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("404", done.stderr)
        self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("error: ")]), 1, done.stderr)
        # What was trained is kept, and goes on where there is nothing else than what is needed.
        shutil.rmtree(self.path / "cache")
        self.hub.script.clear()
        self.hub.requests.clear()
        self.train("lost", "--resume")
        self.assertEqual(wanted, state_bytes(self.path / "lost", STEPS))
        self.assertEqual(sorted(self.asked()), [train_file(2), train_file(3), train_file(4), VAL])

    def test_stopped_before_the_first_step(self):
        self.hub.script[VAL] = [stall(100)]
        child = self.start("early")
        self.assertIn("fetching it", child.stderr.readline())
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 130, errors)
        self.assertIn("while data was fetched", errors)
        self.assertFalse((self.path / "early").exists())

    def refused(self, code, *parts, command):
        done = run(*command, env=self.environment(), check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertFalse((self.path / "refused").exists())

    def test_refused(self):
        command = self.command("refused")
        self.refused(2, f"{VAL} is not in", "--offline forbids", command=[*command, "--offline"])
        self.refused(2, "--val-fraction is for text", command=[*command, "--val-fraction", "0.1"])
        self.refused(2, "--offline", "fineweb, fineweb-edu", command=[*command, "--data", "random", "--offline"])
        small = compile_model(self.path, name="small.bin")
        self.refused(2, "there are 50257; the model has 256", command=[command[0], small, *command[2:]])
        self.assertEqual(self.asked(), [])
        self.train("other", "--steps", 2, "--data", self.hub_folder())
        self.refused(1, "was trained on other data", command=[*command, "--checkpoint-dir", self.path / "other", "--resume"])

    def hub_folder(self):
        folder = self.path / "files"
        folder.mkdir()
        (folder / train_file(1)).write_bytes(self.hub.files[train_file(1)])
        return folder


if __name__ == "__main__":
    unittest.main()
