"""Runs of many ranks on the CPU: the same training as one rank with accumulation, agreement at the start, one exit code, and faults."""

import array
import json
import re
import shutil
import signal
import time
import unittest

from harness import *

# Seconds without a sign of life in the tests of faults.
TIMEOUT = 2


def floats(path):
    """All tensors of a safetensors file of f32."""
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    return {name: array.array("f", body[slice(*info["data_offsets"])]) for name, info in header.items() if name != "__metadata__"}


def distance(a, b):
    """Relative L2 of the difference of two files of tensors: the worst tensor."""
    a, b = floats(a), floats(b)
    assert a.keys() == b.keys()
    worst = 0.0
    for name in a:
        difference = sum((x - y) ** 2 for x, y in zip(a[name], b[name])) ** 0.5
        size = sum(y * y for y in b[name]) ** 0.5
        worst = max(worst, difference / size if size else difference)
    return worst


def command(step, data, checkpoints, steps, accumulation, *options):
    return ["swamla-run", step, "--data", data, "--steps", steps, "--accum", accumulation, "--lr", "3e-3", "--warmup", 2, "--seed", 7,
            "--threads", 1, "--log-every", 1, "--checkpoint-dir", checkpoints, *options]


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Ranks(TrainTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="swamla-test-")
        cls.folder = Path(cls.shared.name)
        cls.step = {n: compile_model(cls.shared.name, *([f"--ranks={n}"] if n > 1 else []), name=f"step{n}.bin", batch=2) for n in (1, 2, 4)}
        cls.data = write_shards(cls.folder / "data", [2600, 1200])

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def train(self, ranks, steps, accumulation, folder, *options, code=0, step=None):
        launch = ["--nproc", ranks] if ranks > 1 else []
        done = run(*command(step or self.step[ranks], self.data, self.path / folder, steps, accumulation, *launch, *options), check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    # The same training

    def test_ranks_equal_accumulation(self):
        self.train(1, 10, 4, "one")
        reference = checkpoint(self.path / "one", 10) / "model.safetensors"
        for ranks, accumulation in ((2, 2), (4, 1)):
            name = f"ranks{ranks}"
            done = self.train(ranks, 10, accumulation, name, "--val-every", 5)
            self.assertLess(distance(checkpoint(self.path / name, 10) / "model.safetensors", reference), 1e-6)
            self.assertEqual(done.stdout.count("[T]"), 10, "rank 0 alone speaks\n" + done.stdout)
            self.assertEqual(done.stdout.count("[V]"), 2)
            self.assertNotIn("[rank", done.stderr)

    def test_two_runs_have_the_same_bits(self):
        self.train(2, 4, 1, "a")
        self.train(2, 4, 1, "b")
        self.assertEqual(state_bytes(self.path / "a", 4), state_bytes(self.path / "b", 4))

    def test_resume_on_other_numbers_of_ranks(self):
        self.train(1, 8, 4, "one")
        self.train(4, 3, 1, "many", "--min-lr", "3e-4")
        for ranks, accumulation, steps in ((2, 2, 5), (1, 4, 6), (4, 1, 8)):
            self.train(ranks, steps, accumulation, "many", "--resume")
        one, many = (json.loads((checkpoint(self.path / name, 8) / "state.json").read_text()) for name in ("one", "many"))
        self.assertEqual(one["data"], many["data"])

    def test_validation_is_that_of_one_rank(self):
        line = r"\[V\] 1/1 \| loss (\S+) .* (\d+) tokens"
        found = []
        for ranks, accumulation in ((1, 2), (2, 1)):
            done = self.train(ranks, 1, accumulation, f"v{ranks}", "--val-every", 1, "--val-batches", 5, "--lr", "1e-9")
            found.append(re.search(line, done.stdout).groups())
        self.assertEqual(found[0], found[1])

    # Agreement at the start

    def test_the_number_of_ranks_is_the_programs(self):
        done = self.train(2, 1, 1, "x", code=1, step=self.step[4])
        self.assertIn("was compiled for 4 ranks, started with 2; compile with --ranks=2", done.stderr)
        done = run(*command(self.step[2], self.data, self.path / "x", 1, 1), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("started with 1", done.stderr)

    def start(self, ranks, step_of, options_of, port):
        """Ranks as torchrun would start them, each with its own program and options."""
        processes = []
        for rank in range(ranks):
            environment = dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks), LOCAL_WORLD_SIZE=str(ranks),
                               MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
            arguments = command(step_of(rank), self.data, self.path / "torchrun", 2, 1, *options_of(rank))
            processes.append(subprocess.Popen([str(BIN / arguments[0]), *map(str, arguments[1:])], env=environment, stdout=subprocess.PIPE,
                                              stderr=subprocess.PIPE, text=True))
        return [(*p.communicate(timeout=60), p.returncode) for p in processes]

    def test_different_programs_and_options(self):
        import socket
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        other = compile_model(self.shared.name, "--ranks=2", name="other.bin", batch=3)
        results = self.start(2, lambda rank: (self.step[2], other)[rank], lambda rank: [], port)
        self.assertTrue(any("the checksum of step.bin is" in err and "on rank 1 and" in err for _, err, _ in results), results)
        self.assertTrue(all(code in (2, 4) for *_, code in results), results)
        results = self.start(2, lambda rank: self.step[2], lambda rank: [["--clip", "1"], ["--clip", "2"]][rank], port)
        self.assertTrue(any("--clip is '2' on rank 1 and '1' on rank 0" in err for _, err, _ in results), results)
        self.assertTrue(all(code in (2, 4) for *_, code in results), results)
        results = self.start(2, lambda rank: self.step[2], lambda rank: [], port)
        self.assertEqual([code for *_, code in results], [0, 0], results)
        self.assertEqual(results[1][0], "", "rank 1 prints nothing")

    def test_nproc_under_a_launcher(self):
        environment = dict(os.environ, RANK="0", LOCAL_RANK="0", WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT="1")
        done = run(*command(self.step[2], self.data, self.path / "x", 1, 1, "--nproc", 2), check=False, env=environment)
        self.assertEqual(done.returncode, 2)
        self.assertIn("torchrun has started this process", done.stderr)

    # Faults

    def begin(self, ranks, *options):
        """A run without end, behind its first checkpoint. Returns the launcher and the ranks' processes."""
        arguments = command(self.step[ranks], self.data, self.path / "run", 1000000, 1, "--nproc", ranks, "--checkpoint-every", 2, "--keep-last", 2,
                            "--val-every", 0, "--rank-timeout", TIMEOUT, *options)
        process = subprocess.Popen([str(BIN / arguments[0]), *map(str, arguments[1:])], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.time() + 60
        while not list((self.path / "run").glob("step-*")):
            if process.poll() is not None or time.time() > end:
                process.kill()
                self.fail("no checkpoint\n" + "".join(process.communicate()))
            time.sleep(0.02)
        ranks = {}
        for pid in children(process.pid):
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            ranks[next(int(v[5:]) for v in variables if v.startswith(b"RANK="))] = pid
        return process, [ranks[rank] for rank in sorted(ranks)]

    def finish(self, process, pids, seconds):
        started = time.time()
        out, err = process.communicate(timeout=60)
        self.assertLess(time.time() - started, seconds, err)
        time.sleep(0.1)
        self.assertFalse([pid for pid in pids if alive(pid)], "no process is left")
        return out, err

    def resumes(self, ranks):
        """What is there can be gone on from."""
        latest = max(int(p.name.split("-")[1]) for p in (self.path / "run").glob("step-*"))
        self.train(ranks, latest + 1, 1, "run", "--resume")

    def test_every_rank_killed_in_turn(self):
        for victim in range(4):
            process, pids = self.begin(4)
            os.kill(pids[victim], signal.SIGKILL)
            _, err = self.finish(process, pids, TIMEOUT + 4)
            self.assertIn(f"rank {victim} has ended without a word", err)
            self.assertIn(f"rank {victim} (process {pids[victim]}) was ended by signal 9", err)
            self.assertEqual(process.returncode, 128 + 9, err)
            self.resumes(4)
            shutil.rmtree(self.path / "run")

    def test_a_stopped_rank(self):
        for victim in (0, 1):
            process, pids = self.begin(2)
            os.kill(pids[victim], signal.SIGSTOP)
            _, err = self.finish(process, pids, TIMEOUT + 9)
            self.assertRegex(err, rf"rank {victim} has not been heard of for 2\.\d s")
            self.assertEqual(process.returncode, 4, err)
            self.resumes(2)
            shutil.rmtree(self.path / "run")

    def test_long_steps_are_no_silence(self):
        # A step of several seconds: as many micro steps as this machine needs for that.
        for micro_steps in (4000, 16000, 64000):
            arguments = command(self.step[2], self.data, self.path / "long", 1, micro_steps, "--nproc", 2, "--rank-timeout", 1, "--val-every", 0)
            started = time.time()
            done = run(*arguments, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            if time.time() - started > 2.5:
                return
            shutil.rmtree(self.path / "long", ignore_errors=True)
        self.fail("64000 micro steps are too short to show anything")

    def test_signals_reach_all_ranks(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process, pids = self.begin(2)
            process.send_signal(number)
            out, err = self.finish(process, pids, 10)
            self.assertEqual(process.returncode, 128 + number, err)
            self.assertIn(f"stopped by signal {int(number)} after step", err)
            self.resumes(2)
            shutil.rmtree(self.path / "run")

    def test_ranks_die_with_their_launcher(self):
        process, pids = self.begin(2)
        process.kill()
        process.communicate(timeout=30)
        end = time.time() + 5
        while any(alive(pid) for pid in pids) and time.time() < end:
            time.sleep(0.05)
        self.assertFalse([pid for pid in pids if alive(pid)])
        self.resumes(2)

    def test_two_machines_and_their_cable(self):
        # Two network namespaces, joined by a cable that is cut.
        namespaces = [f"swamla-{os.getpid()}-{i}" for i in range(2)]
        ends = [f"sw{os.getpid()}e{i}" for i in range(2)]
        ip = lambda *words: subprocess.run(["ip", *words], capture_output=True, check=True)
        try:
            for name in namespaces:
                self.addCleanup(subprocess.run, ["ip", "netns", "del", name], capture_output=True)
                ip("netns", "add", name)
            ip("link", "add", ends[0], "netns", namespaces[0], "type", "veth", "peer", "name", ends[1], "netns", namespaces[1])
            for i, (name, end) in enumerate(zip(namespaces, ends)):
                ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", end)
                ip("-n", name, "link", "set", end, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except (FileNotFoundError, subprocess.CalledProcessError):
            self.skipTest("network namespaces need ip, and root")
        processes = []
        for rank in range(4):
            environment = dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank % 2), WORLD_SIZE="4", LOCAL_WORLD_SIZE="2", MASTER_ADDR="10.77.0.1",
                               MASTER_PORT="29500")
            arguments = command(self.step[4], self.data, self.path / "run", 1000000, 1, "--checkpoint-every", 2, "--val-every", 0, "--rank-timeout", TIMEOUT)
            processes.append(subprocess.Popen(["ip", "netns", "exec", namespaces[rank // 2], str(BIN / arguments[0]), *map(str, arguments[1:])],
                                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        end = time.time() + 60
        while not list((self.path / "run").glob("step-*")) and time.time() < end:
            time.sleep(0.02)
        ip("-n", namespaces[1], "link", "set", ends[1], "down")
        results = [(*p.communicate(timeout=60), p.returncode) for p in processes]
        self.assertEqual([code for *_, code in results], [4] * 4, results)
        for rank, (_, err, _) in enumerate(results):
            self.assertRegex(err, r"rank (2|3) has not been heard of" if rank < 2 else "rank 0 has not been heard of")
        self.resumes(4)

    def test_a_rank_that_cannot_write(self):
        (self.path / "file").write_text("not a folder")
        done = self.train(2, 2, 1, "file/below", code=1)
        self.assertIn("cannot make checkpoint directory", done.stderr)
        self.assertIn("rank 0 cannot go on: cannot make checkpoint directory", done.stderr)


if __name__ == "__main__":
    unittest.main()
