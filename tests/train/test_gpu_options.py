"""What swamla-run says of the machine (--check), and of programs and options for GPUs where there is none."""

import os
import re
import unittest

from harness import *


class GpuOptions(TrainTest):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="swamla-test-")
        cls.cpu = compile_model(cls.shared.name, name="cpu.bin")
        cls.cuda = compile_model(cls.shared.name, "--target=cuda", name="cuda.bin")
        # As where the CUDA device was not built: the rest must work.
        cls.env = {**os.environ, "SWAMLA_CUDA_LIBRARY": "/nonexistent/libswamla_cuda.so"}

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def run_without_cuda(self, *options):
        return run("swamla-run", *options, check=False, env=self.env)

    def refused(self, code, *options, says):
        done = self.run_without_cuda(*options)
        self.assertEqual(done.returncode, code, done.stderr)
        for words in says:
            self.assertIn(words, done.stderr)

    def test_check_without_a_program(self):
        done = self.run_without_cuda("--check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in ("^swamla +[0-9.]+$", "^CPU +.*usable core", "^BLAS +oneDNN", "^CUDA +programs for cuda cannot run here: "):
            self.assertRegex(done.stdout, re.compile(line, re.M))

    def test_check_takes_a_step(self):
        done = self.run_without_cuda(self.cpu, "--check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        before, after = map(float, re.search(r"^step +loss ([0-9.]+) .* after the update ([0-9.]+);", done.stdout, re.M).groups())
        self.assertAlmostEqual(before, 5.545, delta=0.5)  # ln 256
        self.assertLess(after, before)
        self.assertRegex(done.stdout, re.compile("^check +passed$", re.M))

    def test_programs_for_cuda(self):
        for options in (["--check"], ["--bench=1"], ["--data", "random", "--steps", "1"]):
            self.refused(1, self.cuda, *options, says=["cuda.bin was compiled for cuda: there is no CUDA device: /nonexistent/"])
        done = self.run_without_cuda(self.cuda, "--describe")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("target     cuda, nvptx64-nvidia-cuda, sm_90a", done.stdout)

    def test_options_of_the_other_target(self):
        for option in ("--device=0", "--no-graph", "--no-tune", "--tune-ms=10"):
            name = option.split("=")[0]
            self.refused(2, self.cpu, "--bench=1", option, says=[f"{name} is for GPUs; ", "cpu.bin was compiled for cpu"])
            self.refused(2, "--check", option, says=[f"{name}: needs a STEP.BIN"])
        self.refused(2, self.cuda, "--bench=1", "--threads=2", says=["--threads is for the CPU; ", "was compiled for cuda"])

    def test_options_that_make_no_sense(self):
        self.refused(2, self.cuda, "--bench=1", "--no-tune", "--tune-ms=10", says=["--tune-ms excludes --no-tune"])
        self.refused(2, self.cuda, "--bench=1", "--tune-ms=0", says=["0; expected a whole number from 1 to 3600000"])
        self.refused(2, self.cuda, "--bench=1", "--device=-1", says=["--device"])
        self.refused(2, self.cuda, "--check", "--bench", says=["excludes"])
        self.refused(2, self.cuda, "--describe", "--no-graph", says=["excludes"])
        self.refused(2, says=["STEP.BIN is required"])


if __name__ == "__main__":
    unittest.main()
