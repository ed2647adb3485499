"""swamla-data fetch against a server on loopback that does what servers and networks do."""
import os
import pathlib
import pty
import re
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from hub import Hub, drop, etag_of, ignore_range, raw, redirect, send, shard, stall, status

TOOL = os.path.join(os.environ["SWAMLA_BIN"], "swamla-data")
ONE, TWO, VAL = "fineweb_train_000001.bin", "fineweb_train_000002.bin", "fineweb_val_000000.bin"


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.root = pathlib.Path(self.scratch.name) / "data"
        self.folder = self.root / "fineweb"
        self.hub = self.enterContext(Hub())
        self.data = shard(2000)  # 5024 bytes
        self.hub.add(ONE, self.data)
        if "built without libcurl" in self.run_tool("--retries", "0").stderr:
            self.skipTest("swamla is built without libcurl")
        (self.folder / ONE).unlink()
        self.hub.requests.clear()

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
        return {**env, "SWAMLA_DATA": str(self.root), "HF_ENDPOINT": self.hub.url, **more}

    def run_tool(self, *options, name="fineweb", env=None, **kwargs):
        return subprocess.run([TOOL, "fetch", name, *options], capture_output=True, text=True, timeout=60,
                              env=env or self.environment(), **kwargs)

    def start_tool(self, *options):
        return subprocess.Popen([TOOL, "fetch", "fineweb", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment())

    def files(self):
        return sorted(p.name for p in self.folder.iterdir()) if self.folder.exists() else []

    def fetched(self, *options, **kwargs):
        """A fetch that goes well and leaves just the shard."""
        done = self.run_tool(*options, **kwargs)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.files(), [ONE])
        self.assertEqual((self.folder / ONE).read_bytes(), self.hub.files[ONE])
        return done

    def failed(self, code, *parts, options=("--retries", "0"), **kwargs):
        done = self.run_tool(*options, **kwargs)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(len(re.findall(r"^error: ", done.stderr, re.M)), 1, done.stderr)
        self.assertNotIn(ONE, self.files())
        for part in parts:
            self.assertIn(part, done.stderr)
        return done

    def part(self):
        return self.folder / f".{ONE}.part"

    def wait_for(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not come to that in 20 s")
            time.sleep(0.02)


class Fetch(FetchTest):
    def test_what_is_missing_is_fetched_once(self):
        self.hub.add(TWO, shard(500, 2))
        self.hub.add(VAL, shard(300, 3))
        done = self.run_tool("--shards", "2", "--val")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split(), [str(self.folder / name) for name in (VAL, ONE, TWO)])
        self.assertEqual(self.files(), [ONE, TWO, VAL])
        for name in (ONE, TWO, VAL):
            self.assertEqual((self.folder / name).read_bytes(), self.hub.files[name])
        self.assertEqual([r.path for r in self.hub.requests], [f"/datasets/kjj0/fineweb10B-gpt2/resolve/main/{name}" for name in (VAL, ONE, TWO)])
        self.assertIn(f"{ONE}: 4.91 KiB are there", done.stderr)
        self.assertEqual(self.run_tool("--shards", "2").stderr, "")
        self.assertEqual(len(self.hub.requests), 3)
        self.assertEqual(self.run_tool("--shards", "0", "--val", name="fineweb-edu").returncode, 2)  # 404
        self.assertTrue(self.hub.requests[-1].path.endswith("/kjj0/finewebedu10B-gpt2/resolve/main/finewebedu_val_000000.bin"))

    def test_folders(self):
        home = pathlib.Path(self.scratch.name) / "home"
        for variables, folder in (({"XDG_CACHE_HOME": f"{home}/x"}, "x/swamla/data"), ({"XDG_CACHE_HOME": "", "HOME": str(home)}, ".cache/swamla/data")):
            self.assertEqual(self.run_tool(env=self.environment(SWAMLA_DATA="", **variables)).returncode, 0)
            self.assertEqual((home / folder / "fineweb" / ONE).read_bytes(), self.data)
        self.failed(1, "set SWAMLA_DATA", env=self.environment(SWAMLA_DATA="", XDG_CACHE_HOME="", HOME=""))

    def test_dropped_connections_go_on(self):
        self.hub.script[ONE] = [drop(1500), drop(10), drop(0), drop(2000)]
        done = self.fetched()
        asked = self.hub.asked(ONE)
        self.assertEqual([r.headers.get("Range") for r in asked], [None, "bytes=1500-", "bytes=1510-", "bytes=1510-", "bytes=3510-"])
        self.assertEqual({r.headers.get("If-Range") for r in asked[1:]}, {etag_of(self.data)})
        self.assertIn("again in", done.stderr)

    def test_range_is_ignored(self):
        self.hub.script[ONE] = [drop(1500), ignore_range]
        self.assertIn("sends the file from the start", self.fetched().stderr)

    def test_the_file_changes_between_parts(self):
        self.hub.script[ONE] = [drop(1500), lambda request, data: (self.hub.add(ONE, shard(1800, 4)), status(500)(request, data))]
        self.fetched()
        self.assertEqual(self.hub.asked(ONE)[2].headers["If-Range"], etag_of(self.data))
        # The same where the server says so in a part only.
        (self.folder / ONE).unlink()
        other = shard(1800, 5)
        def wrong_part(request, data):
            request.start(206, {"Content-Length": 10, "ETag": etag_of(other), "Content-Range": f"bytes 100-109/{len(data)}"})
            request.wfile.write(other[100:110])
        self.hub.script[ONE] = [drop(100), wrong_part]
        self.assertIn("the file has changed at the server", self.fetched().stderr)

    def test_a_part_from_elsewhere(self):
        for headers, part in (({"Content-Range": "bytes 7-99/5024"}, "bytes from 1500 were asked for, and came from 7"),
                              ({}, "without a Content-Range"), ({"Content-Range": "bytes 1500-9000/9001"}, "had 5024 bytes and now has 9001")):
            with self.subTest(part):
                self.hub.script[ONE] = [drop(1500), send(b"x" * 93, 206, Content_Length=93, **headers)]
                self.assertIn(part, self.fetched().stderr)
                (self.folder / ONE).unlink()

    def test_without_etag_nothing_is_joined(self):
        self.hub.script[ONE] = [send(self.data[:2000], Content_Length=len(self.data))]
        self.fetched()
        self.assertIsNone(self.hub.asked(ONE)[1].headers.get("Range"))

    def test_a_weak_etag_joins_nothing(self):
        self.hub.script[ONE] = [send(self.data[:2000], Content_Length=len(self.data), ETag='W/"x"')]
        self.fetched()
        self.assertIsNone(self.hub.asked(ONE)[1].headers.get("Range"))

    def test_no_length(self):
        self.hub.script[ONE] = [send(self.data[:3000]), send(self.data)]
        self.assertIn("it ended after 3000 of 5024 bytes", self.fetched().stderr)

    def test_busy_servers_are_asked_again(self):
        self.hub.script[ONE] = [status(429, Retry_After="2"), status(500), status(503), status(502)]
        begin = time.monotonic()
        done = self.fetched()
        self.assertGreater(time.monotonic() - begin, 2 + 0.25)
        self.assertIn("429 (too many requests); again in 2.0 s, as the server asks", done.stderr)
        self.assertEqual(len(self.hub.asked(ONE)), 5)

    def test_a_connection_that_stands_still(self):
        self.hub.script[ONE] = [stall(1500)]
        self.fetched("--timeout", "1")
        self.assertEqual(self.hub.asked(ONE)[1].headers["Range"], "bytes=1500-")

    def test_a_line_on_a_terminal(self):
        def slowly(request, data):
            request.start(200, {"Content-Length": len(data), "ETag": etag_of(data)})
            for piece in (data[:1500], data[1500:2000], data[2000:]):
                request.wfile.write(piece)
                request.wfile.flush()
                time.sleep(0.4)
        self.hub.script[ONE] = [slowly]
        terminal, other = pty.openpty()
        child = subprocess.Popen([TOOL, "fetch", "fineweb"], stdout=subprocess.DEVNULL, stderr=other, env=self.environment())
        os.close(other)
        text = b""
        try:
            while piece := os.read(terminal, 4096):
                text += piece
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        self.assertEqual(child.wait(timeout=20), 0)
        self.assertRegex(text.decode(), rf"\r\x1b\[K{ONE}: 1.95 KiB of 4.91 KiB \| [0-9.]+ KiB/s \| 0:0\d left")
        self.assertRegex(text.decode(), rf"\r\x1b\[K{ONE}: 4.91 KiB are there, [0-9.]+ KiB/s\r\n\Z")

    def test_redirects_and_the_token(self):
        with Hub() as elsewhere:
            elsewhere.add(ONE, self.data)
            elsewhere.script[ONE] = [drop(1500)]
            linked = {"X_Linked_Etag": etag_of(self.data), "X_Linked_Size": len(self.data)}
            self.hub.script[ONE] = [redirect(f"/other/{ONE}", 307), redirect(elsewhere, **linked), redirect(elsewhere, **linked)]
            self.fetched(env=self.environment(HF_TOKEN="hf_secret"))
            self.assertEqual([r.headers["Authorization"] for r in self.hub.requests], ["Bearer hf_secret"] * 3)
            self.assertEqual([r.path.startswith("/other") for r in self.hub.requests], [False, True, False])
            self.assertEqual([r.headers["Authorization"] for r in elsewhere.requests], [None, None])
            # What the hub has named needs no If-Range.
            self.assertEqual([(r.headers["Range"], r.headers["If-Range"]) for r in elsewhere.requests], [(None, None), ("bytes=1500-", None)])

    def test_the_hub_names_another_file(self):
        with Hub() as elsewhere:
            elsewhere.add(ONE, self.data)
            elsewhere.script[ONE] = [drop(1500)]
            new = shard(1900, 6)
            def renamed(request, data):
                self.hub.add(ONE, new)
                elsewhere.add(ONE, new)
                redirect(elsewhere, X_Linked_Etag=etag_of(new))(request, data)
            self.hub.script[ONE] = [redirect(elsewhere, X_Linked_Etag=etag_of(self.data)), renamed]
            self.assertIn("the file has changed at the server: from the start", self.fetched().stderr)
            self.assertIsNone(elsewhere.requests[1].headers["Range"])

    def test_a_short_answer_is_not_taken(self):
        with Hub() as elsewhere:
            elsewhere.add(ONE, self.data)
            elsewhere.script[ONE] = [send(self.data[:1500], Content_Length=1500)]
            linked = {"X_Linked_Etag": etag_of(self.data), "X_Linked_Size": len(self.data)}
            self.hub.script[ONE] = [redirect(elsewhere, **linked)] * 2
            self.assertIn("sends 1500 bytes (Content-Length) of a file that has 5024 (X-Linked-Size)", self.fetched().stderr)


class Interrupted(FetchTest):
    def stop_in_the_middle(self, number):
        self.hub.script[ONE] = [stall(1500)]
        child = self.start_tool()
        self.wait_for(lambda: self.part().exists() and self.part().stat().st_size == 1500)
        child.send_signal(number)
        _, errors = child.communicate(timeout=20)
        self.assertEqual(self.files(), [f".{ONE}.part", f".{ONE}.part.from"])
        return child.returncode, errors

    def goes_on(self):
        self.fetched()
        self.assertEqual(self.hub.asked(ONE)[1].headers["Range"], "bytes=1500-")
        self.assertEqual(self.hub.asked(ONE)[1].headers["If-Range"], etag_of(self.data))

    def test_killed(self):
        self.assertEqual(self.stop_in_the_middle(signal.SIGKILL)[0], -signal.SIGKILL)
        self.goes_on()

    def test_interrupted(self):
        code, errors = self.stop_in_the_middle(signal.SIGINT)
        self.assertEqual(code, 130)
        self.assertIn("interrupted", errors)
        self.goes_on()

    def test_killed_before_the_last_step(self):
        self.stop_in_the_middle(signal.SIGKILL)
        self.part().write_bytes(self.data)
        self.fetched()
        self.assertEqual(len(self.hub.asked(ONE)), 1)

    def test_a_part_that_nobody_knows(self):
        self.folder.mkdir(exist_ok=True)
        for version in (None, "", "x", "99999999999999999999999 \"a\"\n", "10 \"a\"\n", "5024 \n"):
            self.part().write_bytes(b"?" * 1500)
            if version is not None:
                self.part().with_name(self.part().name + ".from").write_text(version)
            self.fetched()
            (self.folder / ONE).unlink()
        self.assertTrue(all(r.headers["Range"] is None for r in self.hub.requests))

    def test_two_at_once(self):
        self.hub.script[ONE] = [stall(1500)]
        first = self.start_tool()
        self.wait_for(lambda: self.part().exists() and self.part().stat().st_size == 1500)
        second = self.start_tool()
        self.assertIn("fetching it", second.stderr.readline())
        self.assertIn("another process is fetching it: waiting", second.stderr.readline())
        self.assertEqual(len(self.hub.asked(ONE)), 1)
        first.kill()
        first.communicate()
        _, errors = second.communicate(timeout=20)
        self.assertEqual(second.returncode, 0, errors)
        self.assertEqual((self.folder / ONE).read_bytes(), self.data)
        self.assertEqual(self.hub.asked(ONE)[1].headers["Range"], "bytes=1500-")

    def test_many_at_once(self):
        children = [self.start_tool() for _ in range(6)]
        for child in children:
            _, errors = child.communicate(timeout=30)
            self.assertEqual(child.returncode, 0, errors)
        self.assertEqual(len(self.hub.asked(ONE)), 1)
        self.assertEqual(self.files(), [ONE])


class Refused(FetchTest):
    def test_options(self):
        self.failed(2, "expected one of fineweb, fineweb-edu", name="wikipedia")
        self.failed(2, "--shards: 104; fineweb has 103", options=("--shards", "104"))
        self.failed(2, "fetches nothing without --val", options=("--shards", "0"))
        self.failed(2, "HF_ENDPOINT is 'ftp://x'; expected the address of a hub", env=self.environment(HF_ENDPOINT="ftp://x"))
        done = self.failed(2, "HF_TOKEN has a space, a line end", env=self.environment(HF_TOKEN="hf_a\r\nX: y"))
        self.assertNotIn("hf_a", done.stderr)

    def test_a_server_that_stays_broken(self):
        self.hub.script[ONE] = [drop(1500), drop(0), status(500)]
        self.failed(1, f"cannot fetch {ONE} from {self.hub.url}/datasets/", ": 500; given up after 2 attempts in a row",
                    "1.46 KiB of it are kept: start again", options=("--retries", "1"))
        self.fetched()
        self.assertEqual(self.hub.asked(ONE)[-1].headers["Range"], "bytes=1500-")

    def test_no_server(self):
        self.failed(1, "127.0.0.1 port 1", "given up after 1 attempt", env=self.environment(HF_ENDPOINT="http://127.0.0.1:1"))

    def test_answers_that_do_not_change(self):
        for code, exits, part in ((404, 2, "404 (not found): check HF_ENDPOINT"), (401, 1, "set HF_TOKEN"), (403, 1, "set HF_TOKEN"), (410, 1, ": 410")):
            self.hub.requests.clear()
            self.hub.script[ONE] = [status(code)]
            self.failed(exits, part, options=())
            self.assertEqual(len(self.hub.requests), 1)

    def test_a_long_wait(self):
        self.hub.script[ONE] = [status(503, Retry_After="7200")]
        self.failed(1, "asks to wait 7200 s: try again then", options=())

    def test_content(self):
        wrong = bytearray(self.data)
        wrong[1024 + 400:1024 + 402] = (50257).to_bytes(2, "little")
        for body, headers, part in (
                (b"<!DOCTYPE html>" + b" " * 2000, {}, "starts with 1329865020; expected 20240520"),
                (b"<!DOCTYPE html>", {}, "the file has 15 bytes; a token shard has a header of 1024"),
                (b"", {}, "the file has 0 bytes"),
                (self.data + b"more", {}, "says that the file has 5028 bytes, and its header that it has 5024"),
                (self.data[:4000], {}, "says that the file has 4000 bytes, and its header that it has 5024"),
                (self.data + b"more", {"Content_Length": None}, "sends more than the 5024 bytes"),
                (bytes(wrong), {}, "token 200 is 50257; the model's vocabulary has 50257")):
            with self.subTest(part):
                headers = {"Content_Length": len(body), "ETag": '"x"', **headers}
                self.hub.script[ONE] = [send(body, **{k: v for k, v in headers.items() if v is not None})]
                self.failed(2, part)
                self.assertEqual(self.files(), [])

    def test_other_content_than_the_hub_says(self):
        self.hub.script[ONE] = [redirect(f"/x/{ONE}", X_Linked_Etag=etag_of(b"other"), X_Linked_Size=len(self.data))]
        self.failed(2, f"its SHA-256 is {etag_of(self.data)[1:-1]}, and the hub says {etag_of(b'other')}")
        self.assertEqual(self.files(), [])
        self.fetched()

    def test_not_http(self):
        for text in (b"\x00\xff" * 50, b"HTTP/1.1 abc\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxx"):
            self.hub.script[ONE] = [raw(text)]
            self.failed(1, "cannot fetch")

    def test_redirects(self):
        self.hub.script[ONE] = [redirect(f"/{ONE}")] * 20
        self.failed(1, "more than 10 redirects")
        for where in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
            self.hub.script[ONE] = [redirect(where)]
            self.failed(1, "expected an address of http or https")

    def test_a_folder_that_cannot_be_made(self):
        (self.root.parent / "file").write_text("")
        self.failed(1, "cannot make the folder", "set SWAMLA_DATA to a folder that can be written",
                    env=self.environment(SWAMLA_DATA=str(self.root.parent / "file")))

    def test_a_folder_that_is_read_only(self):
        self.root.parent.chmod(0o755)
        self.folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
        as_nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            self.failed(1, f"cannot create '{self.part()}': Permission denied; set SWAMLA_DATA", **as_nobody)
            self.folder.chmod(0o755)
            self.fetched()
            self.folder.chmod(0o555)
            self.fetched(**as_nobody)  # what is there needs no writing
        finally:
            self.folder.chmod(0o755)

    def test_a_full_disk(self):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(self.folder)], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("may not mount a small disk")
        try:
            big = shard(20000)
            self.hub.add(ONE, big)
            self.failed(1, "40.06 KiB are missing, and the disk of", "make room, or set SWAMLA_DATA")
            self.hub.script[ONE] = [send(big, ETag=etag_of(big))]  # no length: it comes as a surprise
            self.failed(1, "No space left on device: make room, and start again")
        finally:
            subprocess.run(["umount", str(self.folder)], check=True)


if __name__ == "__main__":
    unittest.main()
