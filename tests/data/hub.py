"""A hub of token shards on loopback that answers as it is told to, for the tests of fetching.

    with Hub() as hub:
        hub.add("fineweb_train_000001.bin", shard(1000))
        hub.script["fineweb_train_000001.bin"] = [drop(300), status(503)]   # then it answers rightly
        ... HF_ENDPOINT=hub.url ...
        hub.requests[0].headers["Range"]
"""
import array
import hashlib
import http.server
import re
import threading


def shard(tokens, seed=1, vocabulary=50257):
    """A token shard's bytes. The tokens are a noisy cycle, so that there is something to learn."""
    state, out = seed * 7919 % vocabulary, array.array("H")
    for i in range(tokens):
        state = (state * 5 + 1 + (i % 11 == 0) * seed) % vocabulary
        out.append(state % 97 if seed % 2 else state % 89)
    return array.array("i", [20240520, 1, tokens] + [0] * 253).tobytes() + out.tobytes()


def etag_of(data):
    return f'"{hashlib.sha256(data).hexdigest()}"'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        hub = self.server.hub
        with hub.lock:
            hub.requests.append(self)
            script = hub.script.get(name, [])
            act = script.pop(0) if script else answer
        try:
            act(self, hub.files.get(name))
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True

    def log_message(self, *args):
        pass

    def start(self, code, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def wanted_from(self, data):
        """First byte to send, as Range and If-Range say."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not found or self.headers.get("If-Range", etag_of(data)) != etag_of(data):
            return None
        return int(found.group(1))


class Hub:
    def __enter__(self):
        self.files, self.script, self.requests, self.lock = {}, {}, [], threading.Lock()
        self.release = threading.Event()  # what a stalled answer waits for
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.hub = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def add(self, name, data):
        self.files[name] = data

    def asked(self, name):
        """The requests for a file so far."""
        with self.lock:
            return [r for r in self.requests if r.path.endswith("/" + name)]


def answer(request, data):
    """What a good server does."""
    if data is None:
        return status(404)(request, data)
    first = request.wanted_from(data)
    if first is None:
        request.start(200, {"Content-Length": len(data), "ETag": etag_of(data)})
        request.wfile.write(data)
    elif first >= len(data):
        request.start(416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": 0})
    else:
        request.start(206, {"Content-Length": len(data) - first, "ETag": etag_of(data), "Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"})
        request.wfile.write(data[first:])


def status(code, **headers):
    def act(request, data):
        request.start(code, {"Content-Length": 5, **{k.replace("_", "-"): v for k, v in headers.items()}})
        request.wfile.write(b"sorry")
    return act


def drop(count, then=lambda request: None):
    """Says all, sends so many bytes and closes."""
    def act(request, data):
        first = request.wanted_from(data)
        headers = {"Content-Length": len(data) - (first or 0), "ETag": etag_of(data)}
        if first is not None:
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        request.start(200 if first is None else 206, headers)
        request.wfile.write(data[first or 0:][:count])
        request.wfile.flush()
        then(request)
    return act


def stall(count):
    """Sends so many bytes and nothing more, until the hub releases it."""
    return drop(count, then=lambda request: request.server.hub.release.wait(60))


def ignore_range(request, data):
    request.start(200, {"Content-Length": len(data), "ETag": etag_of(data)})
    request.wfile.write(data)


def send(body, code=200, **headers):
    """Exactly this."""
    def act(request, data):
        request.start(code, {k.replace("_", "-"): v for k, v in headers.items()})
        request.wfile.write(body)
    return act


def raw(text):
    """Not even HTTP."""
    def act(request, data):
        request.wfile.write(text)
    return act


def redirect(where, code=302, **headers):
    """To the same path at another server, or to an address as it is."""
    def act(request, data):
        to = where.url + request.path if isinstance(where, Hub) else where
        request.start(code, {"Location": to, "Content-Length": 0, **{k.replace("_", "-"): v for k, v in headers.items()}})
    return act
