"""cairn tag: the user's own words for documents, those that files carry, and where they are seen."""
import json
import os

from harness import CairnTest, main

TEXT = "# Insurance\n\nThe policy of the house covers water and fire.\n"


class Tags(CairnTest):
    def setUp(self):
        super().setUp()
        self.policy = self.write("policy.md", TEXT)
        self.other = self.write("a/other.md", "# Car\n\nThe policy of the car covers theft.\n")
        self.index()

    def index(self):
        return self.json("index", "--no-vectors", self.docs)

    def found(self, query, **more):
        return sorted(os.path.relpath(h["uri"], self.docs)
                      for h in self.json("search", "--mode", "lexical", query, code=None, **more)["hits"])

    def tags(self, path):
        return self.json("get", path)["tags"]

    def listed(self, *args):
        out = self.run_cairn("--json", "tag", "list", *args, code=None).stdout
        return {t["tag"]: (t["documents"], t["user"]) for t in map(json.loads, out.splitlines())}

    def test_add_find_remove(self):
        self.assertEqual(self.json("tag", "add", "Tax 2024,house", self.policy)["changed"], 1)
        self.assertEqual(self.json("tag", "add", "house", self.policy)["changed"], 0)
        self.assertEqual(self.tags(self.policy), ["Tax 2024", "house"])
        self.assertEqual(self.found('policy tag:"tax 2024"'), ["policy.md"])
        self.assertEqual(self.found("policy -tag:house"), ["a/other.md"])
        lines = self.run_cairn("--json", "list", "--filter", "tag:house").stdout.splitlines()
        self.assertEqual([json.loads(l)["uri"] for l in lines], [self.policy])
        hit = self.json("search", "--mode", "lexical", "--facets", "tag", "policy")
        self.assertEqual({v["value"]: v["documents"] for v in hit["facets"]["tag"]["values"]},
                         {"Tax 2024": 1, "house": 1})
        self.assertEqual([h["tags"] for h in hit["hits"] if h["uri"] == self.policy], [["Tax 2024", "house"]])
        self.assertIn("#house", self.run_cairn("search", "--mode", "lexical", "policy").stdout)
        self.assertEqual(self.json("tag", "remove", "TAX 2024", self.policy)["changed"], 1)
        self.assertEqual(self.tags(self.policy), ["house"])
        self.assertEqual(self.found('policy tag:"tax 2024"'), [])

    def test_folders_and_list(self):
        self.assertEqual(self.json("tag", "add", "mine", self.docs)["changed"], 2)
        self.json("tag", "add", "wheels", os.path.join(self.docs, "a"))
        self.assertEqual(self.listed(), {"mine": (2, True), "wheels": (1, True)})
        self.assertEqual(self.listed(os.path.join(self.docs, "a")), {"mine": (1, True), "wheels": (1, True)})
        self.run_cairn("tag", "remove", "mine,wheels", self.docs)
        self.run_cairn("tag", "list", code=1)

    def test_they_survive(self):
        self.json("tag", "add", "keep", self.policy)
        self.write("policy.md", TEXT + "\nIt was renewed.\n")
        self.assertEqual(self.index()["indexed"], 1)
        self.assertEqual(self.found("renewed tag:keep"), ["policy.md"])
        moved = os.path.join(self.docs, "b", "renamed.md")
        os.mkdir(os.path.dirname(moved))
        os.rename(self.policy, moved)
        self.assertEqual(self.json("index", "--no-vectors", self.docs, code=0)["removed"], 0)
        self.assertEqual(self.found("renewed tag:keep"), ["b/renamed.md"])
        self.write("policy.md", "# Another\n\nA new file under the old policy name.\n")
        self.index()
        self.assertEqual(self.tags(self.policy), [])
        self.run_cairn("delete", moved)
        self.index()
        self.assertEqual(self.tags(moved), ["keep"])

    def test_tags_of_files(self):
        self.write("note.md", "---\ntitle: A note\ntags: [garden, Spring]\n---\n\nDig and water the beds.\n")
        try:
            os.setxattr(self.policy, "user.xdg.tags", b"red, Important ")
        except OSError as e:
            self.skipTest(f"this file system has no extended attributes: {e}")
        self.index()
        self.assertEqual(self.tags(self.policy), ["red", "Important"])
        self.assertEqual(self.found("policy tag:important"), ["policy.md"])
        self.assertEqual(self.found("water tag:spring"), ["note.md"])
        self.assertEqual(self.listed()["red"], (1, False))
        os.removexattr(self.policy, "user.xdg.tags")
        self.index()
        self.assertEqual(self.tags(self.policy), [])

    def test_what_cannot_be(self):
        for bad in ("", " , ", "x" * 101, 'a"b'):
            self.run_cairn("tag", "add", bad, self.policy, code=2)
        self.run_cairn("tag", "add", "x", os.path.join(self.docs, "missing"), code=None)
        self.run_cairn("tag", "paint", "x", code=2)
        self.run_cairn("tag", "add", "x", code=2)
        self.assertEqual(self.tags(self.policy), [])


if __name__ == "__main__":
    main()
