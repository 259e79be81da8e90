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

    @embedded_only("the cluster scores by its own rows")
    def test_few_vectors_do_not_outweigh_the_words(self):
        """While embedding goes on, the nearest of the few passages that have a vector may have nothing to do with the question."""
        self.write("boats/ferry.txt", "The ferry leaves the northern quay at noon.\n")
        self.index(vectors=True)
        for i in range(30):
            self.write(f"parts/{i}.txt", f"Part XK-{i:02d} is a valve of the pump.\n")
        self.index()
        found = self.json("search", "XK-17")
        self.assertEqual(found["mode"], "hybrid")
        self.assertEqual(os.path.basename(found["hits"][0]["uri"]), "17.txt")

    def settings(self, text):
        return ["--config", self.write("../ranking.conf", "[search]\n" + text + "\n")]

    def test_the_newest_of_a_thing_comes_before_older_ones_that_say_more(self):
        """By the days that titles and names say, for the files may all be of one day."""
        for month, more in (("01", "minutes of the garden board, taken by the board's clerk: the garden minutes"), ("02", "the garden board met"), ("03", "rain")):
            self.write(f"minutes-2025-{month}-10.md", f"# Minutes of the garden board\n\n{more}.\n")
        self.write("agenda.md", "# Agenda of the garden board\n\nThe minutes of the garden board are read.\n")
        self.index()
        names = [os.path.basename(u) for u in self.uris("newest minutes of the garden board")]
        self.assertEqual([n for n in names if n.startswith("minutes")], ["minutes-2025-03-10.md", "minutes-2025-02-10.md", "minutes-2025-01-10.md"])
        names = [os.path.basename(u) for u in self.uris("minutes of the garden board")]
        self.assertNotEqual(names[0], "minutes-2025-03-10.md")

    def test_the_newest_is_found_where_it_is_asked_for(self):
        day = 86400
        for name, text, age in (("a-2025.txt", "Invoice: 400 litres of heating oil were delivered to the yard behind the house.", 0),
                                ("b-2024.txt", "Invoice: 400 litres of heating oil for the tank of heating oil behind the house.", 365),
                                ("c-2023.txt", "Invoice: 400 litres of heating oil, for the heating oil of the old heating.", 730),
                                ("d.txt", "The heating is off.", 100), ("e.txt", "A hedge.", 50)):
            path = self.write(name, text + "\n")
            os.utime(path, (1760000000 - age * day,) * 2)
        self.index()
        self.assertNotEqual(self.order("invoice heating oil")[0][0], "a")
        self.assertEqual(self.order("latest invoice heating oil")[0][0], "a")
        self.assertNotEqual(self.order(*self.settings("recency_asked = 0"), "latest invoice heating oil")[0][0], "a")
        self.assertEqual(self.order(*self.settings("recency = 0.9\nrecency_days = 100"), "invoice heating oil")[0][0], "a")
        # The order depends on the documents alone, so it is the same tomorrow.
        self.assertEqual(self.order("latest invoice heating oil")[1]["hits"], self.order("latest invoice heating oil")[1]["hits"])

    def test_folders_have_weights(self):
        self.write("archive/a.txt", "Heating oil, heating oil: the tank of heating oil.\n")
        self.write("work/b.txt", "The heating oil was delivered to the yard behind the old house in May.\n")
        self.write("c.txt", "A hedge.\n")
        self.index()
        self.assertEqual(self.order("heating oil")[0], ["a", "b"])
        rules = f"folder_weights = {self.docs}/archive:0.3; {self.docs}/work:1.2"
        self.assertEqual(self.order(*self.settings(rules), "heating oil")[0], ["b", "a"])
        bad = self.settings("folder_weights = archive:0.3")
        self.assertIn("archive:0.3", self.run_cairn(*bad, "search", "x", code=2).stderr)

    def test_what_is_no_text_steps_back(self):
        self.write("a.txt", "Heating .......................................... 3\nOil ............................................ 17\n")
        self.write("b.txt", "The heating needs oil from the tank behind the house, which was filled in May by the usual firm.\n")
        self.write("c.txt", "A hedge.\n")
        self.index()
        self.assertEqual(self.order(*self.settings("quality = 0"), "heating oil")[0], ["a", "b"])
        self.assertEqual(self.order(*self.settings("quality = 0.6"), "heating oil")[0], ["b", "a"])

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
