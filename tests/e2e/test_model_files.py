#!/usr/bin/env python3
"""Models of one's own: a file or a folder gets a name, a fetched one arrives whole or not at all, and goes on where an
interrupted run stopped. The models are tiny and made here; the server is a local one."""
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time
import unittest

import onnx_files
from harness import CAIRN, CairnTest, main, model_path, need_model
from test_rerank import small_cross_encoder


def text(s):
    return struct.pack("<Q", len(s.encode())) + s.encode()


def tiny_gguf(arch="llama", seed=1, vocab=100):
    """A decoder of one layer with random weights and a byte-level vocabulary of printable ASCII."""
    rng = random.Random(seed)
    width, ff, heads, dim = 32, 64, 2, 16
    keys = [("block_count", 1), ("embedding_length", width), ("feed_forward_length", ff), ("attention.head_count", heads),
            ("attention.head_count_kv", heads), ("attention.key_length", dim), ("context_length", 256),
            ("rope.dimension_count", dim)]
    pieces = [chr(33 + i) for i in range(94)] + ["\u0120", "\u010a", "ab", "<one>", "<two>", "<end>"]
    kv = [text("general.architecture") + struct.pack("<I", 8) + text(arch)]
    kv += [text(f"{arch}.{k}") + struct.pack("<II", 4, v) for k, v in keys]
    kv += [text("tokenizer.ggml.model") + struct.pack("<I", 8) + text("gpt2"),
           text("tokenizer.ggml.pre") + struct.pack("<I", 8) + text("gpt-2"),
           text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(pieces)) + b"".join(map(text, pieces)),
           text("tokenizer.ggml.token_type") + struct.pack("<IIQ", 9, 5, len(pieces)) +
           b"".join(struct.pack("<i", 1 if i < 97 else 3) for i in range(len(pieces))),
           text("tokenizer.ggml.merges") + struct.pack("<IIQ", 9, 8, 1) + text("a b"),
           text("tokenizer.ggml.eos_token_id") + struct.pack("<II", 4, 99)]
    q = heads * dim
    tensors = [("token_embd.weight", width, vocab), ("blk.0.attn_norm.weight", width, 1), ("blk.0.ffn_norm.weight", width, 1),
               ("blk.0.attn_q.weight", width, q), ("blk.0.attn_k.weight", width, q), ("blk.0.attn_v.weight", width, q),
               ("blk.0.attn_output.weight", q, width), ("blk.0.ffn_gate.weight", width, ff),
               ("blk.0.ffn_up.weight", width, ff), ("blk.0.ffn_down.weight", ff, width), ("output_norm.weight", width, 1)]
    infos, data = b"", b""
    for name, cols, rows in tensors:
        data += b"\0" * (-len(data) % 32)
        shape = (cols,) if rows == 1 else (cols, rows)
        infos += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in shape)
        infos += struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{cols * rows}f", *(rng.uniform(-0.2, 0.2) for _ in range(cols * rows)))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(kv)) + b"".join(kv) + infos
    head += b"\0" * (-len(head) % 32)
    return head + data + b"\0" * (-len(data) % 32)


class Shelf:
    """Serves one file, with Range and If-Range as it is told; keeps what was asked."""

    def __init__(self, data):
        self.data, self.tag, self.ranges, self.asked = data, '"one"', True, []
        self.stop_at = []  # for each request in turn: the connection ends after so many bytes (None: it does not)
        self.hold_at, self.held, self.go_on = None, threading.Event(), threading.Event()
        self.away = {}  # path: where it is instead
        shelf = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                shelf.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
                try:
                    shelf.answer(self)
                    self.wfile.flush()
                except OSError:
                    pass  # who asked has gone
                self.close_connection = True

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/a/tiny-model.gguf" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def answer(self, h):
        if h.path in self.away:
            h.send_response(302)
            h.send_header("Location", self.away[h.path])
            h.end_headers()
            return
        if not h.path.split("?")[0].endswith(".gguf"):
            h.send_error(404)
            return
        start, wanted, theirs = 0, h.headers.get("Range"), h.headers.get("If-Range")
        if self.ranges and wanted and (not theirs or theirs == self.tag):
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted).group(1))
            if start >= len(self.data):
                h.send_error(416)
                return
            h.send_response(206)
            h.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        else:
            h.send_response(200)
        if self.tag:
            h.send_header("ETag", self.tag)
        h.send_header("Content-Length", str(len(self.data) - start))
        h.end_headers()
        end = self.stop_at.pop(0) if self.stop_at else None
        if self.hold_at is not None:
            h.wfile.write(self.data[start:self.hold_at])
            h.wfile.flush()
            self.held.set()
            self.go_on.wait(120)
            return
        h.wfile.write(self.data[start:end])

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class ModelFiles(CairnTest):
    def setUp(self):
        super().setUp()
        self.models = os.path.join(self.top, "models")
        self.data = tiny_gguf()
        self.sha = hashlib.sha256(self.data).hexdigest()

    def cairn(self, *args, **more):
        return self.run_cairn(*args, env=self.places(), **more)

    def places(self):
        return {"CAIRN_MODELS": self.models, "XDG_CACHE_HOME": os.path.join(self.top, "cache")}

    def shelf(self, data=None):
        s = Shelf(self.data if data is None else data)
        self.addCleanup(s.close)
        return s

    def there(self, name="tiny-model"):
        folder = os.path.join(self.models, name)
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def pull(self, url, *args, code=0):
        out = self.cairn("--json", "model", "pull", url, *args, code=code)
        return json.loads(out.stdout) if not code else out.stderr

    def test_a_file_gets_a_name(self):
        file = self.write("Some-Model.gguf", self.data)
        got = json.loads(self.cairn("--json", "model", "add", file, "--name", "mine").stdout)
        self.assertEqual(got, {"name": "mine", "path": os.path.join(self.models, "mine", "model.gguf"),
                               "bytes": len(self.data), "sha256": self.sha})
        os.remove(file)
        bench = ["model", "bench", "--model", "mine", "--pp", "8", "--depth", "0", "--tg", "1"]
        self.assertTrue(json.loads(self.cairn("--json", *bench).stdout)["weights_cached"], "packed when it was added")
        listed = [json.loads(x) for x in self.cairn("--json", "model", "list").stdout.splitlines()]
        self.assertIn({"name": "mine", "use": "added", "path": got["path"]}, listed)
        line = json.dumps({"id": 1, "prompt": "abc", "max_tokens": 4})
        made = self.cairn("model", "generate", "--model", "mine", "--jsonl", stdin=line + "\n")
        self.assertEqual(json.loads(made.stdout)["id"], 1)

    def test_names_and_models_that_are_there(self):
        file = self.write("Some-Model.gguf", self.data)
        other = self.write("other.gguf", tiny_gguf(seed=2))
        self.cairn("model", "add", file)
        self.assertEqual(self.there("Some-Model"), ["model.gguf"])
        self.cairn("model", "add", file)  # the same again
        self.assertIn("--name", self.cairn("model", "add", other, "--name", "Some-Model", code=2).stderr)
        for name in ("", "../up", ".hidden", "a/b", "x" * 101, "a b"):
            self.cairn("model", "add", file, "--name", name, code=2)
        self.cairn("model", "add", file, "--name", "y", "--sha256", "12", code=2)
        self.cairn("model", "add", file, "--name", "y", "--sha256", self.sha.upper())
        said = self.cairn("model", "add", other, "--name", "z", "--sha256", self.sha, code=3).stderr
        self.assertIn(self.sha, said)
        self.cairn("model", "add", code=2)
        self.assertEqual(sorted(os.listdir(self.models)), ["Some-Model", "y"])

    def test_what_cannot_be_used_is_refused(self):
        for name, data in (("cut", self.data[:-100]), ("none", b"hello"), ("empty", b""),
                           ("arch", tiny_gguf("falcon")), ("short", tiny_gguf(vocab=50))):
            said = self.cairn("model", "add", self.write(name + ".gguf", data), code=5).stderr
            self.assertIn(name, said)
        self.cairn("model", "add", os.path.join(self.docs, "nothing.gguf"), code=3)
        self.assertFalse(os.path.exists(self.models))

    @need_model("splade-tiny", "model.safetensors")
    def test_a_folder_gets_a_name(self):
        folder = os.path.dirname(model_path("splade-tiny", "model.safetensors"))
        copy = os.path.join(self.top, "copy")
        shutil.copytree(folder, copy)
        self.write("README.md", "not needed", folder=copy)
        self.cairn("model", "add", copy, "--name", "sparse")
        self.assertEqual(self.there("sparse"), ["config.json", "model.safetensors", "tokenizer.json"])
        shutil.rmtree(copy)
        self.assertIn("safetensors", self.cairn("model", "info", "sparse").stdout)

    def test_a_folder_of_onnx_gets_a_name_and_scores_alike(self):
        folder = os.path.join(self.top, "cross")
        small_cross_encoder(folder)
        pairs = "".join(json.dumps({"id": i, "query": q, "text": t}) + "\n" for i, (q, t) in enumerate(
            (("pump warranty", "the pump warranty is two years ."), ("train", "roses are cut from leaves"))))
        plain = self.cairn("model", "rerank", "--model", folder, "--jsonl", stdin=pairs).stdout
        onnx_files.convert(folder)
        os.mkdir(os.path.join(folder, "onnx"))  # as on a hub, where the file is one of several
        os.rename(os.path.join(folder, "model.onnx"), os.path.join(folder, "onnx", "model.onnx"))
        for _ in range(2):
            got = json.loads(self.cairn("--json", "model", "add", folder, "--name", "cross-onnx").stdout)
        shutil.rmtree(folder)
        self.assertEqual(self.there("cross-onnx"), ["config.json", "model.onnx", "vocab.txt"])
        self.assertEqual(json.loads(self.cairn("model", "info", "cross-onnx").stdout)["format"], "onnx")
        self.assertEqual(self.cairn("model", "rerank", "--model", "cross-onnx", "--jsonl", stdin=pairs).stdout, plain)
        file = os.path.join(got["path"], "model.onnx")
        with open(file, "rb") as f:
            data = f.read()
        with open(file, "wb") as f:
            f.write(data[:-300])
        said = self.cairn("model", "info", "cross-onnx", code=5).stderr
        self.assertIn("model.onnx", said)

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_the_embedders_own_form_becomes_gguf(self):
        file = model_path("multilingual-e5-small", "e5-small-q4.bin")
        for _ in range(2):
            got = json.loads(self.cairn("--json", "model", "add", file, "--name", "e5").stdout)
        self.assertEqual(got["sha256"], "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f")
        with open(got["path"], "rb") as f:
            self.assertEqual(f.read(4), b"GGUF")
        texts = ["The lease ends in May.", "Der Mietvertrag endet im Mai.", "  two  spaces", "\uff21\uff22\uff23 \ufb01ne \u2460",
                 "\u4e2d\u6587\u6587\u672c", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "a\tb\nc", "e\u0301",
                 "\u00bd \u2026 \u2122", "\U0001f600 smile", "x" * 300, "caf\u00e9 na\u00efve \u0141\u00f3d\u017a", "</s> <mask>", "\u200bzero\u00ad"]
        lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
        a, b = (self.cairn("model", "embed", "--model", m, "--jsonl", *q, stdin=lines).stdout
                for m, q in ((file, ["--query-prefix"]), ("e5", ["--query-prefix"])))
        for x, y, t in zip(a.splitlines(), b.splitlines(), texts):
            self.assertEqual(x, y, t)
        self.assertEqual(len(a.splitlines()), len(texts))

    def test_fetched(self):
        shelf = self.shelf()
        got = self.pull(shelf.url, "--sha256", self.sha)
        self.assertEqual((got["name"], got["bytes"], got["sha256"], got["resumed_from"]),
                         ("tiny-model", len(self.data), self.sha, 0))
        self.assertEqual(self.there(), ["model.gguf"])
        self.pull(shelf.url, "--sha256", self.sha)  # it is there: nobody is asked
        self.assertEqual(len(shelf.asked), 1)
        self.pull(shelf.url, code=2)
        shelf.away["/elsewhere.gguf"] = "/b/moved.gguf?x=1"
        self.assertEqual(self.pull(shelf.url.replace("a/tiny-model", "elsewhere"))["name"], "elsewhere")

    def test_a_broken_connection_goes_on(self):
        shelf = self.shelf()
        shelf.stop_at = [3000, 9000, 9000]
        self.assertEqual(self.pull(shelf.url)["sha256"], self.sha)
        self.assertEqual([r for _, r, _ in shelf.asked], [None, "bytes=3000-", "bytes=9000-", "bytes=9000-"])
        self.assertEqual({t for _, _, t in shelf.asked[1:]}, {'"one"'})

    def test_an_interrupted_run_goes_on(self):
        self.interrupt(signal.SIGINT, 130)

    def test_a_killed_run_goes_on(self):
        self.interrupt(signal.SIGKILL, -signal.SIGKILL)

    def interrupt(self, how, code):
        shelf = self.shelf()
        shelf.hold_at = 5000
        p = subprocess.Popen([CAIRN, "model", "pull", shelf.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=dict(os.environ, CAIRN_HOME=self.home, **self.places()))
        self.addCleanup(p.kill)
        self.assertTrue(shelf.held.wait(120))
        part = os.path.join(self.models, "tiny-model", ".pull.part")
        while not (os.path.exists(part) and os.path.getsize(part) == 5000):  # what was sent arrives
            self.assertIsNone(p.poll())
            time.sleep(0.01)
        said = self.cairn("model", "pull", shelf.url, code=3).stderr
        self.assertIn("another process", said)
        p.send_signal(how)
        out, err = p.communicate(timeout=120)
        self.assertEqual((p.returncode, out), (code, ""), err)
        self.assertEqual(self.there(), [".pull.json", ".pull.part"])
        self.cairn("model", "info", "tiny-model", code=5)  # it is no model yet
        shelf.go_on.set()
        shelf.hold_at = None
        self.assertEqual(self.pull(shelf.url)["resumed_from"], 5000)
        self.assertEqual(shelf.asked[-1][1:], ("bytes=5000-", '"one"'))
        self.assertEqual(self.there(), ["model.gguf"])

    def leave_a_part(self, shelf, data, tag='"one"', url=None):
        folder = os.path.join(self.models, "tiny-model")
        os.makedirs(folder)
        self.write(".pull.part", data, folder=folder)
        self.write(".pull.json", json.dumps({"url": url or shelf.url, "tag": tag, "total": len(self.data)}), folder=folder)

    def test_another_file_is_not_joined(self):
        for case in ("tag", "url", "no ranges", "no tag", "too long", "broken note"):
            shelf = self.shelf()
            shelf.ranges = case != "no ranges"
            wrong = b"x" * (len(self.data) + (7 if case == "too long" else -50))
            self.leave_a_part(shelf, wrong, '"zero"' if case == "tag" else "" if case == "no tag" else '"one"',
                              "http://127.0.0.1:1/x.gguf" if case == "url" else None)
            if case == "broken note":
                self.write(".pull.json", "{", folder=os.path.join(self.models, "tiny-model"))
            self.assertEqual(self.pull(shelf.url)["sha256"], self.sha, case)
            shutil.rmtree(self.models)

    def test_without_a_tag_the_hash_decides(self):
        shelf = self.shelf()
        shelf.tag = ""
        self.leave_a_part(shelf, self.data[:7000], "")
        self.assertEqual(self.pull(shelf.url, "--sha256", self.sha)["resumed_from"], 7000)
        shutil.rmtree(self.models)
        self.leave_a_part(shelf, b"x" * 7000, "")
        self.assertIn("thrown away", self.pull(shelf.url, "--sha256", self.sha, code=3))
        self.assertEqual(self.there(), [])
        self.assertEqual(self.pull(shelf.url, "--sha256", self.sha)["resumed_from"], 0)

    def test_a_whole_part_needs_no_server(self):
        shelf = self.shelf()
        self.leave_a_part(shelf, self.data)
        self.assertEqual(self.pull(shelf.url)["resumed_from"], len(self.data))
        self.assertEqual(shelf.asked, [])

    def test_what_is_refused(self):
        shelf = self.shelf()
        self.assertIn("404", self.pull(shelf.url.replace(".gguf", ".txt"), code=1))
        self.assertIn("thrown away", self.pull(shelf.url, "--sha256", "0" * 64, code=3))
        for url in ("http://example.org/x.gguf", "ftp://127.0.0.1/x.gguf", "file:///etc/passwd", "x.gguf"):
            self.pull(url, code=2)
        shelf.away["/f.gguf"] = "file:///etc/passwd"
        self.pull(shelf.url.replace("a/tiny-model", "f"), code=3)
        text_file = self.shelf(b"<html>sign in</html>")
        self.assertIn("neither GGUF", self.pull(text_file.url, code=5))
        self.assertEqual([os.listdir(os.path.join(self.models, x)) for x in os.listdir(self.models)], [])


if __name__ == "__main__":
    main()
