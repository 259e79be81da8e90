"""Whole verbs with two embedders, as a machine that has both runs them: chat, server, evaluation, watch, export. Most tests
see one embedder alone (harness.py)."""
import json
import os
import signal
import subprocess

os.environ["CAIRN_TEST_ALL_MODELS"] = "1"  # harness hides the second from the other tests

from harness import CAIRN, CairnTest, embedded_only, main, need_model  # noqa: E402
from serving import Server  # noqa: E402

QUESTION = "what does the grinder weigh"


@embedded_only("a second embedder's vectors stand in segments")
@need_model("multilingual-e5-small", "e5-small-q4.bin")
@need_model("bge-small-en-v1.5", "model.onnx")
class PairVerbs(CairnTest):
    on_cluster = False

    def setUp(self):
        super().setUp()
        for i in range(6):
            self.write(f"{i}.md", f"# Shelf {i}\n\nThe burr grinder of shelf {i} weighs {i + 2} kilograms, and grinds "
                       f"coffee in {7 * i + 3} seconds.\n")
        self.json("index", self.docs)

    def second(self):
        s = self.json("status")["second_embedder"]
        return s["vectors"], s["searched"]

    def hits(self):
        found = self.json("search", "--explain", QUESTION)
        return [(h["uri"], round(h["score"], 5), h["scores"].get("second_rank")) for h in found["hits"]]

    def test_chat_answers_and_goes_on(self):
        turns = "How much does the burr grinder of shelf 3 weigh?\nAnd that of shelf 4?\n"
        done = self.run_cairn("chat", "--extractive", "--json", stdin=turns)
        first, second = (json.loads(line)["answer"] for line in done.stdout.splitlines())
        self.assertIn("5 kilograms", first)
        self.assertIn("6 kilograms", second)

    def test_a_server_indexes_searches_and_answers(self):
        server = Server(self.home)
        self.addCleanup(server.stop)
        self.write("6.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        job = server.json("POST", "/api/v1/index", {"paths": [self.docs]}, status=202)
        self.assertEqual(server.wait_job(job["id"])["state"], "done")
        self.assertEqual(server.json("GET", "/api/v1/status")["second_embedder"],
                         {"name": "bge-small-en-v1.5", "vectors": 7, "unread": 0, "searched": True})
        found = server.json("GET", "/api/v1/search?explain=true&q=" + QUESTION.replace(" ", "+"))
        self.assertEqual([(h["uri"], round(h["score"], 5), h["scores"].get("second_rank")) for h in found["hits"]], self.hits())
        answer = server.json("POST", "/api/v1/ask", {"question": "How much does the burr grinder of shelf 3 weigh?",
                                                     "extractive": True})
        self.assertIn("5 kilograms", answer["answer"])

    def test_an_evaluation_ranks_as_a_search(self):
        queries = self.write("../q.jsonl", json.dumps({"_id": "1", "text": QUESTION}) + "\n")
        best = self.hits()[0][0]
        qrels = self.write("../q.tsv", f"query-id\tcorpus-id\tscore\n1\t{best}\t1\n")
        run = os.path.join(self.top, "run")
        metrics = self.json("eval", "retrieval", "--queries", queries, "--qrels", qrels, "--run", run)["metrics"]
        self.assertEqual(metrics["nDCG@10"]["value"], 1)
        with open(run, encoding="utf-8") as f:
            self.assertEqual([line.split()[2] for line in f], [uri for uri, _, _ in self.hits()])

    def test_a_watch_keeps_both(self):
        p = subprocess.Popen([CAIRN, "watch", "--priority", "normal", self.docs], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=dict(os.environ, CAIRN_HOME=self.home))
        try:
            self.wait_until(p, lambda: self.json("status")["watching"])
            self.write("6.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
            os.remove(os.path.join(self.docs, "5.md"))
            self.write("0.md", "# Shelf 0\n\nThe grinder of shelf 0 was sold in May.\n")
            # The last change is found by its words first: vectors that are whole after that are those of all three.
            self.wait_until(p, lambda: [os.path.basename(u) for u in self.uris("sold")] == ["0.md"] and
                            sorted(h[2] or 0 for h in self.hits()) == [1, 2, 3, 4, 5, 6] and
                            any(h[0].endswith("6.md") for h in self.hits()) and not any(h[0].endswith("5.md") for h in self.hits()))
        finally:
            p.send_signal(signal.SIGINT)
            p.wait()
        self.assertEqual(self.second(), (6, True))
        self.assert_clean()

    def test_vectors_that_leave_are_the_first_ones(self):
        path = os.path.join(self.top, "v.jsonl")
        self.json("export", "vectors", path)
        with open(path, encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
        self.assertEqual(len(rows), 6)
        alone = os.path.join(self.top, "off.conf")
        with open(alone, "w", encoding="utf-8") as f:
            f.write("[models]\nsecond_embedder =\n")
        other = os.path.join(self.top, "w.jsonl")
        self.json("--config", alone, "export", "vectors", other)
        with open(other, encoding="utf-8") as f:
            self.assertEqual([json.loads(line) for line in f], rows)
        self.assertEqual(self.second(), (6, True))


if __name__ == "__main__":
    main()
