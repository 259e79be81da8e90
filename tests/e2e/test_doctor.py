"""cairn why-not names the stage that lost a file; cairn doctor finds what is wrong."""
import glob
import os
import unittest
import zipfile

from harness import CairnTest, main, need_model


class WhyNot(CairnTest):
    def lost(self, name, *query, code=1, more=()):
        w = self.json("why-not", *more, os.path.join(self.docs, name), *(query or ["basalt"]), code=code)
        for s in w["stages"]:
            self.assertTrue(s["detail"])
        self.stages = {s["stage"]: s for s in w["stages"]}
        self.assertEqual(len(self.stages), len(w["stages"]))
        if w["lost_at"]:
            self.assertFalse(self.stages[w["lost_at"]]["passed"])
            return w["lost_at"], self.stages[w["lost_at"]]["detail"]
        return None, w["rank"]

    def test_each_stage(self):
        self.write("good.txt", "basalt columns of the causeway")
        self.write("other.txt", "marble statues")
        self.write("left.iso", "basalt")
        self.write("bad.bin", bytes(range(256)) * 8)
        self.write("empty.txt", "")
        self.write(".cairnignore", "*.iso\n")
        self.write("away.txt", "basalt", folder=self.top)
        self.index()
        self.assertEqual(self.lost("good.txt", code=0), (None, 1))
        self.assertEqual(self.lost("gone.txt")[0], "file")
        self.assertEqual(self.lost("../away.txt")[0], "crawl")
        stage, why = self.lost("left.iso")
        self.assertEqual(stage, "rules")
        self.assertTrue(why.endswith(".cairnignore line 1: *.iso"), why)
        stage, why = self.lost("bad.bin")
        self.assertEqual(stage, "parse")
        self.assertIn("no parser", why)
        stage, why = self.lost("empty.txt")
        self.assertEqual(stage, "text")
        self.assertIn("empty file", why)
        self.assertEqual(self.lost("other.txt", "basalt", "statues", "columns", code=0), (None, 2))
        stage, why = self.lost("other.txt", "basalt", "columns")
        self.assertEqual(stage, "words")
        self.assertIn("lacks: basalt, columns", why)
        self.write("new.txt", "basalt")
        self.assertEqual(self.lost("new.txt")[0], "read")

    def test_a_bad_place(self):
        for i in range(12):
            self.write(f"f{i:02}.txt", "basalt " * (13 - i) + "word " * 40 * i)
        self.index()
        stage, why = self.lost("f11.txt", "basalt", more=("-k", "3"))
        self.assertEqual(stage, "words")
        self.assertIn("place 12 of 12", why)

    def test_what_lies_behind_the_loss_was_not_reached(self):
        for i in range(12):
            self.write(f"f{i:02}.txt", "basalt " * (13 - i) + "word " * 40 * i)
        self.index()
        self.assertEqual(self.lost("f05.txt", "basalt", more=("-k", "3"))[0], "words")
        self.assertEqual(self.stages["budget"]["detail"], "not reached: it is lost at words")
        self.assertEqual((self.stages["budget"]["passed"], self.stages["budget"]["reached"]), (False, False))
        self.assertTrue(self.stages["words"]["reached"])
        said = self.run_cairn("why-not", "-k", "3", os.path.join(self.docs, "f05.txt"), "basalt", code=1).stdout
        self.assertIn("\n-    budget   not reached", said)
        self.lost("f00.txt", "basalt", code=0)
        self.assertTrue(self.stages["budget"]["passed"])

    def test_conditions_of_the_query(self):
        self.write("good.txt", "basalt columns of the causeway")
        self.write("other.txt", "basalt and marble")
        self.index()
        stage, why = self.lost("good.txt", "basalt", "ext:pdf")
        self.assertEqual(stage, "filter")
        self.assertIn("ext is pdf", why)
        self.assertEqual(self.lost("good.txt", "basalt", "ext:txt", code=0)[0], None)
        stage, why = self.lost("other.txt", "basalt -marble")
        self.assertEqual((stage, why), ("words", "it has what the query excludes: marble"))
        stage, why = self.lost("good.txt", "basalt", "+marble")
        self.assertEqual((stage, why), ("words", "it lacks what the query demands: marble"))
        stage, why = self.lost("good.txt", '"columns of basalt"')
        self.assertEqual((stage, why), ("words", 'it lacks what the query demands: "columns of basalt"'))

    def test_words_that_are_cut_apart(self):
        self.write("long.txt", "basalt begins it\n\n" + "a paragraph of other words, and more of them\n\n" * 200 + "granite ends it\n")
        self.index()
        stage, why = self.lost("long.txt", "+basalt", "+granite")
        self.assertEqual(stage, "chunk")
        self.assertIn("has 1 of 2", why)
        self.assertEqual(self.lost("long.txt", "basalt", "granite", code=0), (None, 1))
        self.assertIn("stand apart", self.stages["chunk"]["detail"])

    def test_a_file_in_a_file(self):
        path = self.write("old.zip", "")
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("inner/good.txt", "basalt columns")
            z.writestr("inner/bad.bin", bytes(range(256)) * 8)
        self.index()
        self.assertEqual(self.lost("old.zip!/inner/good.txt", code=0)[0], None)
        self.assertEqual(self.lost("old.zip!/inner/gone.txt")[0], "member")
        self.assertEqual(self.lost("none.zip!/inner/gone.txt")[0], "file")
        self.assertEqual(self.lost("old.zip!/inner/bad.bin")[0], "member")
        self.write("new.zip", "PK")
        self.assertEqual(self.lost("new.zip!/a.txt")[0], "read")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_that_may_not_be_read(self):
        path = self.write("shut.txt", "basalt")
        os.chmod(path, 0)
        self.index()
        self.assertEqual(self.lost("shut.txt")[0], "read")

    def test_lost_where_recurring_lines_step_back(self):
        footer = "-- \nThis message is confidential and intended for the addressee alone. Retention of confidential messages is\n" \
                 "subject to the retention schedule of the sender, confidential or not.\n"
        for i in range(10):
            self.write(f"mail{i}.txt", f"Dear all,\n\nthis is about subject {'abcdefghij'[i] * 5}, see you soon.\n\n{footer}")
        self.write("policy.txt", "Retention in the archive\n\nPapers that are confidential stay in the archive for ten years; the keeper of "
                   "the archive decides on longer storage, and on who may read them. Other papers are given back to whoever brought them, "
                   "without a copy, and the list of what was given back is kept for another three years.\n")
        self.index()
        conf = self.write("cairn.conf", "[search]\nboilerplate = 1\n", folder=self.top)
        query = ("confidential", "retention")
        first = self.json("search", "--mode", "lexical", "-k", "11", *query)["hits"]
        plain = self.write("plain.conf", "[search]\nboilerplate = 0\n", folder=self.top)
        best = self.json("--config", plain, "search", "-k", "1", *query)["hits"][0]["uri"]
        self.assertEqual(len(first), 11)
        def ask(path):
            return self.json("--config", conf, "why-not", "-k", "1", path, *query, code=None)
        lost = ask(best)
        stages = {s["stage"]: s for s in lost["stages"]}
        self.assertEqual(lost["lost_at"], "rerank")
        self.assertTrue(stages["words"]["passed"] and stages["fusion"]["passed"])
        self.assertFalse(stages["rerank"]["passed"])
        back = ask(os.path.join(self.docs, "policy.txt"))  # and what came back is not lost
        self.assertEqual((back["lost_at"], back["rank"]), (None, 1))
        self.assertFalse({s["stage"]: s for s in back["stages"]}["fusion"]["passed"])

    def test_lost_on_the_way_into_an_answer(self):
        for i in range(8):
            self.write(f"pump{i}.txt", f"The warranty of the pump P-{i} is {24 + i} months from the day of delivery.\n")
        self.write("roses.txt", "A warranty of roses there is none.\n")
        self.index()
        ask = ("What", "is", "the", "warranty", "of", "the", "pump", "P-3?")
        self.assertEqual(self.lost("pump3.txt", *ask, more=("--answer",), code=0)[0], None)
        self.assertIn("quotes it", self.stages["budget"]["detail"])
        conf = self.write("few.conf", "[ask]\npassages = 2\n", folder=self.top)
        far = self.json("search", "-k", "20", *ask)["hits"][-1]["uri"]
        few = self.json("--config", conf, "why-not", "--answer", far, *ask, code=1)
        self.assertEqual(few["lost_at"], "budget")
        self.assertIn("reads the best 2 passages", few["stages"][-1]["detail"])
        self.assertEqual(self.json("--config", conf, "why-not", far, *ask)["lost_at"], None)  # as a hit it is there
        narrow = self.write("narrow.conf", "[ask]\ncontext_tokens = 64\n", folder=self.top)
        lost = [self.json("--config", narrow, "why-not", "--answer", os.path.join(self.docs, f"pump{i}.txt"), "warranty", "of", "the", "pump",
                          code=None) for i in range(8)]
        no_room = [w for w in lost if w["lost_at"] == "budget" and "no room" in w["stages"][-1]["detail"]]
        self.assertTrue(no_room)
        self.assertTrue([w for w in lost if w["lost_at"] is None])

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_lost_at_one_list_or_both(self):
        self.write("rock.txt", "Volcanic rock cools into columns with six sides.\n")
        self.write("tax.txt", "The income tax declaration is due in July.\n")
        self.write("named.txt", "Zephyrine is a name, no more.\n")
        self.index(vectors=True)
        # No passage has a word of it: vectors are to blame.
        self.assertEqual(self.lost("tax.txt", "Lavagestein", more=("-k", "1"))[0], "vectors")
        self.assertEqual(self.lost("tax.txt", "volcanic", "rock", more=("-k", "1", "--mode", "vector"))[0], "vectors")
        self.assertNotIn("words", self.stages)
        self.assertEqual(self.lost("tax.txt", "volcanic", "rock", more=("-k", "1", "--mode", "lexical"))[0], "words")
        self.assertNotIn("vectors", self.stages)
        self.assertEqual(self.lost("tax.txt", "volcanic", "rock", more=("-k", "1"))[0], "words")
        # The words know it best; the vectors, whose weight is all, know another better.
        conf = self.write("c.conf", "[search]\nvector_weight = 1\nneighbours = 0\ncentre = 0\n", folder=self.top)
        w = self.json("--config", conf, "why-not", "-k", "1", os.path.join(self.docs, "named.txt"),
                      "zephyrine stone that came hot out of a volcano and turned hexagonal", code=1)
        stages = {s["stage"]: s["passed"] for s in w["stages"]}
        self.assertEqual((stages["words"], stages["vectors"], stages["fusion"], w["lost_at"]), (True, False, False, "fusion"))

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_places_by_vectors(self):
        self.write("good.txt", "basalt columns of the causeway")
        self.write("other.txt", "income tax declaration")
        self.index(vectors=True)
        w = self.json("why-not", os.path.join(self.docs, "other.txt"), "volcanic rock", "-k", "1", code=1)
        stage = {s["stage"]: s["detail"] for s in w["stages"]}
        self.assertEqual(stage["vectors"], "place 2 by vectors, 2 exactly")


class Doctor(CairnTest):
    def findings(self, code=0):
        report = self.json("doctor", code=code)
        return {f["what"]: f for f in report["findings"]}, report["well"]

    def test_well_and_without_a_collection(self):
        found, well = self.findings()
        self.assertTrue(well)
        self.assertEqual(found["collection"]["level"], "warning")
        self.write("a.txt", "basalt")
        self.write("bad.bin", bytes(range(256)) * 8)
        self.index()
        found, well = self.findings()
        self.assertTrue(well)
        self.assertEqual(found["store"]["level"], "ok")
        self.assertEqual(found["files"]["level"], "warning")
        self.assertEqual(found["vectors"]["level"], "warning")

    def test_a_damaged_segment_and_a_missing_extractor_are_bad(self):
        for i in range(50):
            self.write(f"{i}.txt", f"basalt number {i} " * 50)
        self.index()
        segment = glob.glob(os.path.join(self.home, "collections/default/segments/*.seg"))[0]
        with open(segment, "r+b") as f:
            f.seek(os.path.getsize(segment) // 2)
            f.write(b"\xff" * 64)
        found, well = self.findings(code=1)
        self.assertFalse(well)
        self.assertEqual(found["store"]["level"], "bad")
        self.assertTrue(found["store"]["cure"])
        done = self.run_cairn("doctor", code=1, env={"CAIRN_EXTRACT": "/nonexistent"})
        self.assertIn("CAIRN_EXTRACT", done.stdout)


if __name__ == "__main__":
    main()
