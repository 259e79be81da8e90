"""What happens to a ranking after the two lists are joined, and what a chat does to a question."""
import json
import os
import unittest

from harness import CairnTest, SHARED, embedded_only, main

CAST = os.path.join(SHARED, "data", "trec-cast")


class Ranking(CairnTest):
    def fill(self):
        for i, text in enumerate((
                "Lobular carcinoma begins in the lobules of the breast and is found by chance.",
                "Deadly steroids: how deadly they are is a question of the deadly dose.",
                "Lobular carcinoma is seldom deadly when it is treated early.",
                "A driveway of concrete is cheaper than one of asphalt.",
                "Lobular carcinoma is seldom deadly, when it is treated early!")):
            self.write(f"{i}.txt", text + "\n")
        self.index()

    def order(self, *args):
        found = self.json("search", "--mode", "lexical", *args)
        return [os.path.basename(h["uri"])[0] for h in found["hits"]], found

    def test_a_follow_up_question_finds_what_it_speaks_of(self):
        self.fill()
        self.assertEqual(self.order("How deadly is it?")[0][0], "1")
        chat = [{"role": "user", "content": "What is lobular carcinoma?"},
                {"role": "assistant", "content": "It begins in the lobules."}]
        order, found = self.order("--history", json.dumps(chat), "How deadly is it?")
        self.assertIn(order[0], "24")
        self.assertTrue(found["rewritten"].startswith("How deadly is it? "))
        self.assertIn("carcinoma", found["rewritten"])
        # What the assistant has said already is not what is asked for now.
        chat.append({"role": "assistant", "content": "Lobular carcinoma is seldom deadly when it is treated early."})
        _, found = self.order("--history", json.dumps(chat), "How deadly is it?")
        self.assertEqual(found["stages"]["told"], 2)  # and the copy of it
        self.assertNotIn("rewritten", self.order("How deadly is it?")[1])

    def test_histories_that_are_none(self):
        self.fill()
        for bad in ("x", "{}", '[{"role":"system","content":"a"}]', '[{"role":"user"}]'):
            self.run_cairn("search", "--history", bad, "deadly", code=2)

    def test_copies_quotas_and_diversity(self):
        self.fill()
        order, found = self.order("--collapse", "lobular carcinoma deadly")
        self.assertEqual(len({"2", "4"} & set(order)), 1)
        self.assertEqual(found["stages"]["collapsed"], 1)
        order, _ = self.order("-k", "2", "--diversity", "0.6", "lobular carcinoma deadly")
        self.assertEqual(len({"2", "4"} & set(order)), 1)
        self.write("long.md", "".join(f"# Part {i}\n\nThe zeppelin number {i} flies.\n\n" + "word " * 300 + "\n\n"
                                      for i in range(3)))
        self.index()
        self.assertGreater(len(self.order("zeppelin")[0]), 1)
        order, found = self.order("--per-document", "1", "zeppelin")
        self.assertEqual(order, ["l"])
        self.assertGreater(found["stages"]["grouped"], 0)
        self.run_cairn("search", "--diversity", "2", "x", code=2)

    @embedded_only("words are not explained")
    def test_reasons_stay_with_their_hits(self):
        self.fill()
        found = self.json("search", "--mode", "lexical", "--explain", "--collapse", "--diversity", "0.5",
                          "lobular carcinoma deadly")
        for h in found["hits"]:
            self.assertAlmostEqual(sum(w["score"] for w in h["scores"]["words"]) + h["scores"]["nearness"],
                                   h["scores"]["lexical"], places=3)

    @unittest.skipUnless(os.path.isdir(CAST), "the conversations of ../shared/data are not here")
    def test_rewriting_closes_half_of_the_gap(self):
        """Turns of 2021: asked as they were, with their history, and as people rewrote them."""
        queries = os.path.join(CAST, "queries-raw.jsonl")
        with open(queries) as f:
            ids = {json.loads(line)["_id"] for line in f}
        with open(os.path.join(CAST, "queries.jsonl")) as f:
            people = self.write("people.jsonl", "".join(x for x in f if json.loads(x)["_id"] in ids))
        self.json("import", "--no-vectors", "beir", CAST)

        def ndcg(*args):
            return self.json("eval", "retrieval", "--qrels", os.path.join(CAST, "qrels.tsv"), "--mode", "lexical",
                             *args)["metrics"]["nDCG@10"]["value"]
        raw = ndcg("--queries", queries)
        best = ndcg("--queries", people)
        ours = ndcg("--queries", queries, "--history", os.path.join(CAST, "rewriting.jsonl"))
        self.assertGreaterEqual(ours, (raw + best) / 2)


if __name__ == "__main__":
    main()
