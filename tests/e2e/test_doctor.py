"""cairn why-not names the stage that lost a file; cairn doctor finds what is wrong."""
import glob
import os
import unittest

from harness import CairnTest, main, need_model


class WhyNot(CairnTest):
    def lost(self, name, *query, code=1, more=()):
        w = self.json("why-not", *more, os.path.join(self.docs, name), *(query or ["basalt"]), code=code)
        for s in w["stages"]:
            self.assertTrue(s["detail"])
        if w["lost_at"]:
            first = next(s for s in w["stages"] if not s["passed"])
            return w["lost_at"], first["detail"]
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
        self.assertEqual(stage, "read")
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
