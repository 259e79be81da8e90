"""The contract of the command line: verbs, JSON, exit codes, plain output off a terminal."""
import json
import os
import pty
import re
import resource
import shutil
import subprocess
import unittest

from harness import CAIRN, SOURCE, CairnTest, Missed, main, need_model


class Cli(CairnTest):
    def fill(self):
        self.write("lease.md", "# Lease\n\n## Termination\n\nThe tenant may end the lease with three months notice.\n\n"
                               "## Rent\n\nThe rent is 840 euro a month.\n")
        self.write("sub/pump.txt", "The pump P-7 has a warranty of 24 months. Its serial number is 88412.\n")
        self.write("sub/code.py", "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n    return a - b\n")
        return self.index()

    def test_index_reports_as_promised(self):
        r = self.fill()
        self.assertEqual(set(r) >= {"seen", "indexed", "unchanged", "removed", "failed", "chunks", "seconds"}, True)
        self.assertEqual((r["seen"], r["indexed"], r["unchanged"], r["removed"], r["failed"]), (3, 3, 0, 0, []))
        self.assertGreaterEqual(r["chunks"], 3)

    def test_search_gives_every_promised_key(self):
        self.fill()
        r = self.json("search", "--mode", "lexical", "notice", "lease")
        self.assertEqual(r["query"], "notice lease")
        self.assertGreater(r["took_ms"], 0)
        h = r["hits"][0]
        self.assertEqual(set(h) >= {"rank", "score", "doc", "chunk", "uri", "title", "page", "heading", "text",
                                    "highlights", "scores"}, True)
        self.assertTrue(h["uri"].endswith("/lease.md"))
        self.assertEqual(h["rank"], 1)
        self.assertIn("Termination", h["heading"])
        raw = h["text"].encode()
        words = {raw[a:b].decode().lower() for a, b in h["highlights"]}
        self.assertIn("notice", words)

    def test_query_language(self):
        self.fill()
        lease, pump = os.path.join(self.docs, "lease.md"), os.path.join(self.docs, "sub/pump.txt")
        self.assertEqual(self.uris('"three months notice"'), [lease])
        self.assertEqual(self.uris('"months three notice"'), [])
        self.assertEqual(set(self.uris("months")), {lease, pump})
        self.assertEqual(self.uris("months ext:txt"), [pump])
        self.assertEqual(self.uris("months dir:sub"), [pump])
        found = self.json("search", "--mode", "lexical", "--", "months", "-warranty")
        self.assertEqual([h["uri"] for h in found["hits"]], [lease])
        found = self.json("search", "--mode", "lexical", "--filter", "ext:md", "months")
        self.assertEqual([h["uri"] for h in found["hits"]], [lease])
        # What makes no sense is read as words, never an error.
        self.assertEqual(self.uris('months ext:txt "open quote')[:1] in ([pump], []), True)

    def test_exit_codes(self):
        self.run_cairn("search", "x", code=1)  # no collection yet: nothing found
        self.fill()
        self.assertEqual(self.json("search", "--mode", "lexical", "zyxwv", code=1)["hits"], [])
        self.run_cairn("search", code=2)
        self.run_cairn("search", "--nonsense", "x", code=2)
        self.run_cairn("frobnicate", code=2)
        self.run_cairn("search", "-k", "0", "x", code=2)
        self.run_cairn("search", "--mode", "psychic", "x", code=2)
        self.run_cairn("get", "no-such-document", code=1)
        self.run_cairn("delete", "no-such-document", code=1)
        self.run_cairn("index", "--no-vectors", os.path.join(self.docs, "nothing-here"), "--strict", code=3)
        self.run_cairn("model", "info", "no-such-model", code=5)
        self.run_cairn("--config", "/no/such/file", "status", code=3)

    def test_nothing_is_made_or_removed_by_mistake(self):
        for verb in (["delete", "/x"], ["compact"], ["check", "--repair"], ["list"], ["status"], ["get", "1"]):
            done = self.run_cairn(*verb, code=1)
            self.assertIn("cairn index PATH", done.stderr)
        self.assertFalse(os.path.exists(self.home))
        self.fill()
        self.run_cairn("delete", "", code=2)  # cairn delete "$UNSET"
        self.run_cairn("delete", "le", code=1)  # no prefix of a name
        self.assertEqual(self.json("status")["documents"], 3)
        self.run_cairn("index", "--no-vectors", "", code=3)
        r = self.index(os.path.join(self.docs, "typo"), self.docs, code=3)
        self.assertEqual((r["unchanged"], len(r["failed"])), (3, 1))

    def test_paths_mean_the_same_from_everywhere(self):
        self.fill()
        os.symlink(self.docs, os.path.join(self.top, "link"))
        for cwd, path in ((self.top, "docs"), (self.top, "docs/"), (self.docs, "."), (self.docs, "sub/.."),
                          (self.top, "link"), (self.top, "link/"), ("/", self.docs + "//")):
            r = self.index(path, cwd=cwd)
            self.assertEqual((r["seen"], r["unchanged"], r["removed"]), (3, 3, 0), path)
        self.assertEqual(self.index("pump.txt", cwd=os.path.join(self.docs, "sub"))["unchanged"], 1)
        self.assertEqual(self.index("docs", "docs/sub", "link", cwd=self.top)["seen"], 3)
        self.assertIn("840 euro", self.json("get", "lease.md", cwd=self.docs)["text"])
        self.assertEqual(len(self.run_cairn("list", "docs/sub", cwd=self.top).stdout.splitlines()), 2)
        self.assertEqual(self.json("delete", "lease.md", cwd=self.docs), {"removed": 1})

    def test_an_emptied_collection_is_whole(self):
        self.fill()
        self.assertEqual(self.json("delete", self.docs), {"removed": 3})
        self.assert_clean()
        self.assertEqual(self.uris("notice"), [])
        self.run_cairn("list", code=1)
        self.assertEqual(self.json("status")["documents"], 0)
        self.json("compact")
        self.assert_clean()
        self.assertEqual(self.index()["indexed"], 3)
        self.assertEqual(len(self.uris("notice")), 1)

    def test_every_verb_speaks_json(self):
        self.write("odd \n\"name\" \U0001f600.txt", "quote \" backslash \\ tab \t bell \x07 granite \u2028 end")
        with open(os.path.join(os.fsencode(self.docs), b"bro\xffken.txt"), "wb") as f:
            f.write(b"granite in a file with a broken name, and broken \xff\xfe bytes \xc3")
        self.index()
        q = self.write("q.jsonl", json.dumps({"_id": "q1", "text": "granite"}), self.top)
        qrels = self.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tx\t1\n", self.top)
        for args, codes in ((["index", "--no-vectors", self.docs], [0]), (["search", "--explain", "granite \udcff\""], [0, 1]),
                            (["search", "--mode", "lexical", "granite"], [0]), (["list"], [0]), (["get", "1"], [0]),
                            (["status"], [0]), (["check"], [0]), (["compact"], [0]), (["delete", "2"], [0]),
                            (["model", "list"], [0]),
                            (["eval", "retrieval", "--queries", q, "--qrels", qrels, "--mode", "lexical"], [0])):
            done = self.run_cairn("--json", *args, code=None)
            self.assertIn(done.returncode, codes, f"{args}: {done.stderr}")
            lines = done.stdout.splitlines() if args[0] in ("list", "model") else [done.stdout]
            self.assertGreater(len(lines), 0, args)
            for line in lines:
                # Strict UTF-8: the harness lets broken bytes through as lone surrogates.
                line.encode("utf-8")
                json.loads(line)

    def test_configuration_is_checked(self):
        conf = self.write("c.conf", "[index]\nchunk_tokens = 64\n")
        self.index("--config", conf, self.docs)
        bad = self.write("bad.conf", "[index]\nchunk_token = 64\n")
        done = self.run_cairn("--config", bad, "status", code=2)
        self.assertIn("chunk_token", done.stderr)
        self.assertIn("line 2", done.stderr)
        bad = self.write("bad2.conf", "[index]\nchunk_tokens = many\n")
        self.assertIn("from 16 to 8192", self.run_cairn("--config", bad, "status", code=2).stderr)

    def test_get_list_delete_status(self):
        self.fill()
        lease = os.path.join(self.docs, "lease.md")
        d = self.json("get", lease)
        self.assertIn("840 euro", d["text"])
        self.assertEqual(self.json("get", str(d["doc"]))["uri"], lease)
        rows = [json.loads(x) for x in self.run_cairn("--json", "list").stdout.splitlines()]
        self.assertEqual([os.path.basename(r["uri"]) for r in rows], ["lease.md", "code.py", "pump.txt"])
        s = self.json("status")
        self.assertEqual(s["documents"], 3)
        self.assertIn(s["cpu"], ("scalar", "avx2", "avx512"))
        self.assertEqual(self.json("delete", os.path.join(self.docs, "sub")), {"removed": 2})
        self.assertEqual(self.uris("pump"), [])
        self.assertEqual(self.json("status")["documents"], 1)
        self.assert_clean()

    def test_compact_keeps_everything(self):
        self.fill()
        for i in range(5):
            self.write(f"n{i}.txt", f"note number {i} about granite")
            self.index()
        before = self.uris("granite")
        self.json("compact")
        self.assertEqual(self.uris("granite"), before)
        self.assertEqual(len(before), 5)
        self.assertLessEqual(self.json("status")["segments"], 1)
        self.assert_clean()

    def test_cpu_rows_agree(self):
        self.fill()
        answers = []
        for row in ("scalar", "avx2", "avx512"):
            r = self.json("search", "--mode", "lexical", "months notice pump", env={"CAIRN_CPU": row})
            answers.append([(h["uri"], h["score"]) for h in r["hits"]])
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])
        self.assertEqual(self.json("status", env={"CAIRN_CPU": "scalar"})["cpu"], "scalar")

    def test_help(self):
        overview = self.run_cairn("--help").stdout
        for verb in ("index", "search", "ask", "get", "list", "delete", "status", "check", "compact", "import", "pii", "replay", "eval",
                     "model"):
            self.assertIn(f"  {verb}", overview)
            text = self.run_cairn(verb, "--help").stdout
            self.assertIn("Usage: cairn " + verb, text)
            self.assertIn("xample", text)
            self.assertEqual(text, self.run_cairn("help", verb).stdout)
        self.assertRegex(self.run_cairn("--version").stdout, r"^cairn \d+\.\d+")

    def test_no_escapes_off_a_terminal_and_with_no_color(self):
        self.fill()
        done = self.run_cairn("search", "--mode", "lexical", "notice")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        for env, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
                              ({"TERM": "dumb"}, False)):
            master, slave = pty.openpty()
            full = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            full.update(CAIRN_HOME=self.home, **env)
            p = subprocess.Popen([CAIRN, "search", "--mode", "lexical", "notice"], stdout=slave,
                                 stderr=subprocess.DEVNULL, env=full)
            os.close(slave)
            out = b""
            while True:
                try:
                    piece = os.read(master, 65536)
                except OSError:
                    break
                if not piece:
                    break
                out += piece
            p.wait()
            os.close(master)
            self.assertEqual(b"\x1b[" in out, coloured, env)

    def test_progress_shows_on_a_terminal_only(self):
        for i in range(300):
            self.write(f"f{i}.txt", f"note {i} on granite\n" * 20)
        done = self.run_cairn("index", "--no-vectors", self.docs)
        self.assertEqual(done.stderr, "")
        self.json("delete", self.docs)
        code, out = self.on_terminal(["index", "--no-vectors", self.docs])
        self.assertEqual(code, 0)
        self.assertIn(b"index  300/300 (100%)", out)
        self.assertTrue(out.endswith(b"s\r\n"), out[-200:])  # the report, on a line of its own
        self.json("delete", self.docs)
        self.assertNotIn(b"\x1b", self.on_terminal(["-q", "index", "--no-vectors", self.docs])[1])

    @need_model("all-minilm-l6-v2", "model.safetensors")
    def test_ctrl_c_while_embedding_keeps_the_vectors(self):
        for i in range(200):
            self.write(f"f{i}.txt", f"note {i} on granite, basalt and the sea\n" * 10)
        args = ["--embedder", "all-minilm-l6-v2", "index", self.docs]
        code, out = self.on_terminal(args, interrupt_at=b"embedding: ")
        if not code:
            raise Missed("the run was at its end when the key was pressed")
        self.assertEqual(code, 130, out[-300:])
        self.assertIn(b"the same command goes on", out)
        s = self.json("status")
        self.assertEqual(s["documents"], 200)
        self.assertGreater(s["vectors"], 0)
        self.assertEqual(s["vectors"] + s["pending_vectors"], s["chunks"])
        self.assert_clean()
        r = self.json(*args)
        self.assertEqual((r["unchanged"], r["embedded"]), (200, s["pending_vectors"]))

    def test_closed_pipe_is_quiet(self):
        self.write("long.txt", "granite and more of it\n" * 20000)
        self.index()
        for verb in ("list", "--json list", "--json get 1", "get 1", "--json search --mode lexical -k 1000 granite"):
            done = subprocess.run(f'set -o pipefail; "{CAIRN}" {verb} | head -c 9', shell=True, capture_output=True,
                                  executable="/bin/bash", env=dict(os.environ, CAIRN_HOME=self.home))
            self.assertEqual((done.returncode, done.stderr), (0, b""), verb)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_full_output_is_an_error(self):
        self.write("long.txt", "granite and more of it\n" * 20000)
        self.index()
        for verb in ("list", "--json list", "--json status", "get 1", "--json get 1",
                     "--json search --mode lexical -k 1000 granite"):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([CAIRN, *verb.split()], stdout=full, stderr=subprocess.PIPE,
                                      env=dict(os.environ, CAIRN_HOME=self.home))
            self.assertEqual(done.returncode, 3, verb)
            self.assertIn(b"writing standard output", done.stderr)

    def test_a_file_that_may_not_grow_is_an_error(self):
        self.write("pump.txt", "The pump P-7 has a warranty of 24 months.\n")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60 << 10, 60 << 10))
        failed = self.run_cairn("index", "--no-vectors", self.docs, code=3, preexec_fn=limit)
        self.assertIn("limit on file sizes", failed.stderr)
        self.run_cairn("index", "--no-vectors", self.docs)
        self.run_cairn("check")

    def test_hostile_text_does_not_drive_the_terminal(self):
        self.write("evil.txt", "granite \x1b]0;owned\x07 stone \x1b[31m red")
        self.index()
        self.assertNotIn("\x1b", self.run_cairn("search", "--mode", "lexical", "granite").stdout)

    def test_import_jsonl(self):
        lines = [{"_id": "a1", "title": "Alpha", "text": "the quick brown fox"},
                 {"_id": 7, "title": "", "text": "jumps over the lazy dog"}]
        f = self.write("x.jsonl", "\n".join(json.dumps(x) for x in lines) + "\nnot json\n{\"_id\":\"z\"}\n")
        r = self.json("import", "--no-vectors", "jsonl", f)
        self.assertEqual((r["seen"], r["indexed"], len(r["failed"])), (4, 2, 2))
        self.assertEqual(self.uris("fox"), ["a1"])
        self.assertEqual(self.uris("dog"), ["7"])
        r = self.json("import", "--no-vectors", "jsonl", f)
        self.assertEqual((r["indexed"], r["unchanged"]), (0, 2))

    def test_eval_counts_like_trec_eval(self):
        beir = os.path.join(self.top, "beir")
        docs = [{"_id": f"d{i}", "title": "", "text": t} for i, t in
                enumerate(["granite granite granite", "granite stone wall here", "unrelated words"])]
        self.write("corpus.jsonl", "\n".join(map(json.dumps, docs)), beir)
        q = self.write("queries.jsonl", json.dumps({"_id": "q1", "text": "granite"}), beir)
        r = self.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n", beir)
        run = os.path.join(beir, "run.txt")
        self.json("import", "--no-vectors", "beir", beir)
        m = self.json("eval", "retrieval", "--queries", q, "--qrels", r, "--mode", "lexical", "--run", run)["metrics"]
        # d0 ranks first, the relevant d1 second: 1/log2(3).
        self.assertAlmostEqual(m["nDCG@10"]["value"], 0.63093, places=4)
        self.assertAlmostEqual(m["MAP"]["value"], 0.5, places=6)
        self.assertAlmostEqual(m["Recall@100"]["value"], 1.0, places=6)
        with open(run) as f:
            self.assertEqual([x.split()[:4] for x in f], [["q1", "Q0", "d0", "1"], ["q1", "Q0", "d1", "2"]])

    def test_eval_makes_a_set_of_the_collection(self):
        self.run_cairn("eval", "make", os.path.join(self.top, "none"), code=1)  # no collection
        words = "granite basalt marble sandstone limestone gneiss slate chalk flint quartz".split()
        for i, w in enumerate(words):
            self.write(f"{w}.txt", f"The {w} is quarried near the {words[i - 1]} hill and sold as {w} tiles in town.\n")
        self.write("empty words.txt", "It is as it was.\n")
        self.index()
        made = os.path.join(self.top, "set")
        n = self.json("eval", "make", "--count", "8", made)["queries"]
        self.assertTrue(4 <= n <= 8, n)
        with open(os.path.join(made, "queries.jsonl")) as f:
            queries = [json.loads(line) for line in f]
        with open(os.path.join(made, "qrels.tsv")) as f:
            judged = dict(line.split("\t")[:2] for line in list(f)[1:])
        self.assertEqual([q["_id"] for q in queries], list(judged))
        for q in queries:
            with open(judged[q["_id"]]) as f:
                text = f.read()
            at = -1
            for word in q["text"].split():  # of the document, in its order
                at = text.index(word, at + 1)
            self.assertTrue(2 <= len(q["text"].split()) <= 6)
        again = os.path.join(self.top, "again")
        self.json("eval", "make", "--count", "8", again)
        with open(os.path.join(again, "queries.jsonl")) as f:
            self.assertEqual([json.loads(line) for line in f], queries)
        m = self.json("eval", "retrieval", "--queries", os.path.join(made, "queries.jsonl"), "--qrels",
                      os.path.join(made, "qrels.tsv"), "--mode", "lexical", "--slice", "lang")
        self.assertEqual(m["queries"], n)
        self.assertGreater(m["metrics"]["MRR@10"]["value"], 0.3)

    def test_eval_slices_reports_and_compares(self):
        beir = os.path.join(self.top, "beir")
        docs = [{"_id": f"d{i}", "title": "", "text": t} for i, t in
                enumerate(["granite granite granite", "granite stone wall here", "basalt <columns>"])]
        self.write("corpus.jsonl", "\n".join(map(json.dumps, docs)), beir)
        queries = [{"_id": "q1", "text": "granite", "kind": "a"}, {"_id": "q2", "text": "basalt <b>", "kind": 2},
                   {"_id": "q3", "text": "columns"}]
        q = self.write("queries.jsonl", "\n".join(map(json.dumps, queries)), beir)
        r = self.write("qrels.tsv", "h\th\th\nq1\td1\t1\nq2\td2\t1\nq3\td2\t1\n", beir)
        run, html = os.path.join(beir, "run.txt"), os.path.join(beir, "report.html")
        self.json("import", "--no-vectors", "beir", beir)
        m = self.json("eval", "retrieval", "--queries", q, "--qrels", r, "--mode", "lexical", "--run", run,
                      "--slice", "kind", "--html", html)
        self.assertAlmostEqual(m["metrics"]["P@10"]["value"], 0.1, places=6)
        by = {s["value"]: s for s in m["slices"]}
        self.assertEqual({v: s["queries"] for v, s in by.items()}, {"a": 1, "2": 1, "": 1})
        self.assertAlmostEqual(by["a"]["metrics"]["nDCG@10"]["value"], 0.63093, places=4)
        self.assertAlmostEqual(by["2"]["metrics"]["nDCG@10"]["value"], 1, places=6)
        with open(html) as f:
            page = f.read()
        self.assertIn("0.8770", page)
        self.assertIn("basalt &lt;b&gt;", page)
        self.assertNotIn("<b>", page)
        words = self.json("eval", "retrieval", "--queries", q, "--qrels", r, "--mode", "lexical", "--slice", "words")
        self.assertEqual([s["value"] for s in words["slices"]], ["1 to 3 words"])
        better = self.write("better.txt", "q1 Q0 d1 1 2 x\nq2 Q0 d2 1 1 x\n", beir)
        c = self.json("eval", "compare", run, better, "--qrels", r)
        n = c["metrics"]["nDCG@10"]
        self.assertEqual((c["queries"], n["better"], n["worse"], n["equal"]), (3, 1, 1, 1))
        self.assertAlmostEqual(n["difference"], (1 - 0.63093 - 1) / 3, places=4)
        self.run_cairn("eval", "compare", run, "--qrels", r, code=2)
        self.run_cairn("eval", "compare", run, q, "--qrels", r, code=3)


class Settings(CairnTest):
    """cairn.conf(5), made when the program is built, has every setting; its defaults are taken."""
    PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(CAIRN))), "package", "cairn.conf.5")

    def entries(self):
        """{(section, key): default} of the page."""
        with open(self.PAGE, encoding="utf-8") as f:
            page = f.read().replace("\\-", "-").replace("\\(ti", "~")
        found, section = {}, None
        for line in page.splitlines():
            heading = re.fullmatch(r"\.SS \[(\w+)\]", line)
            entry = re.fullmatch(r"\\fB(\w+)\\fR = (.*?)(?: \([-+.\de]+ to [-+.\de]+\))?", line)
            section = heading.group(1) if heading else section
            if entry and section:
                self.assertNotIn((section, entry.group(1)), found)
                found[section, entry.group(1)] = "" if entry.group(2) in ("(empty)", "\\fIFILE\\fR") else entry.group(2)
        return found

    def test_all_are_on_the_page(self):
        with open(os.path.join(SOURCE, "engine", "settings.c"), encoding="utf-8") as f:
            table = re.findall(r'^    (?:TEXT|NUMBER|FILE_NAME)\("(\w+)", "(\w+)"', f.read(), re.M)
        self.assertGreater(len(table), 100)
        self.assertEqual(set(table) ^ set(self.entries()), set())

    def test_its_defaults_are_taken_and_are_those_of_the_documentation(self):
        entries = self.entries()
        lines = [f"[{s}]\n{k} = {v}" for (s, k), v in entries.items()]
        conf = self.write("all.conf", "\n".join(lines) + "\n", folder=self.top)
        self.write("a.txt", "basalt")
        self.index()
        self.run_cairn("--config", conf, "status")
        with open(os.path.join(SOURCE, "docs", "configuration.md"), encoding="utf-8") as f:
            rows = [re.split(r" ?(?<!\\)\| ?", line.strip())[1:3] for line in f if line.startswith(("| `", "| **["))]
        section, compared = None, 0
        for names, default in rows:
            section = (re.search(r"\*\*\[(\w+)\]", names) or [None, section])[1]
            keys = re.findall(r"`(\w+)`", names)
            told = [x.strip().strip("`") for x in default.split(", ")] if len(keys) > 1 and default else [default.strip("`")]
            for key, value in zip(keys, told):
                self.assertEqual((key, entries[section, key]), (key, value))
                compared += 1
        self.assertGreater(compared, 100)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_it_is_well_made(self):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", self.PAGE], capture_output=True, check=True)
        self.assertEqual(done.stderr.decode(), "")
        shown = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout.decode())
        self.assertIn("embedder = multilingual-e5-small", shown)
        with open(os.path.join(SOURCE, "docs", "man", "cairn.1"), encoding="utf-8") as f:
            self.assertIn(".SH SEE ALSO\n.BR cairn.conf (5)", f.read())


FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


class Flags(CairnTest):
    """What --help prints stands in the man page and is completed."""

    def flags_of(self, *verb):
        """Of the usage and of the lines that begin with an option; examples hold those of others."""
        usage, *rest = self.run_cairn(*verb, "--help").stdout.split("\n\n")
        lines = [line.strip() for part in rest for line in part.splitlines() if re.match(r" +(-\w, )?--", line)]
        return set(FLAG.findall(usage)).union(*(FLAG.findall(re.split(r"  +", line)[0]) for line in lines))

    def verbs(self):
        listed = self.run_cairn("--help").stdout.split("Verbs:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in listed.splitlines()]

    def test_in_the_man_page(self):
        with open(os.path.join(SOURCE, "docs", "man", "cairn.1")) as f:
            page = re.sub(r"\\f[BIRP]", "", f.read().replace("\\-", "-"))
        entries = page.split(".SH VERBS")[1].split(".SH OPTIONS")[0].split("\n.TP\n")
        everywhere = set(FLAG.findall(page.split(".SH OPTIONS")[1].split(".SH QUERIES")[0]))
        self.assertEqual(self.flags_of() - everywhere, set())
        verbs = self.verbs()
        self.assertGreater(len(verbs), 30)
        for verb in verbs:
            own = [e for e in entries if re.match(rf"(?:\.B |\.BI )?{verb}(?![\w-])", e)]
            self.assertTrue(own, f"{verb} has no entry")
            own += [e for e in entries if verb == "watch" and e.startswith("index ")]  # whose options it takes
            told = set(FLAG.findall("".join(own)))
            self.assertEqual((verb, self.flags_of(verb) - everywhere - told), (verb, set()))

    def complete(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cairn; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", os.path.join(SOURCE, "cli", "completion", "cairn.bash"), "cairn", *words],
                              capture_output=True, text=True, cwd=self.top, check=True)
        return set(done.stdout.split())

    def test_completed(self):
        self.assertEqual(self.flags_of() - self.complete("--"), set())
        verbs = self.verbs()
        self.assertEqual(self.complete(""), set(verbs))
        for verb in verbs:
            offered = self.complete(verb, "--").union(*(self.complete(verb, sub, "--") for sub in self.complete(verb, "")))
            self.assertEqual((verb, self.flags_of(verb) - offered), (verb, set()))

    def test_what_takes_a_value_is_passed_over(self):
        for verb in self.verbs():
            valued = set(re.findall(r"^  (--[a-z-]+) [A-Z]", self.run_cairn(verb, "--help").stdout, re.M))
            for flag in valued:
                self.assertEqual(self.complete(flag, "a-value", ""), set(self.verbs()), f"{flag} of {verb}")


if __name__ == "__main__":
    main()
