"""What a person sees while typing: corrections, completions, search as you type, facets."""
import collections
import os
import unittest

from harness import CairnTest, main

TEXTS = {
    "a/lease.txt": "The tenants pay the landlord quarterly. The organisation keeps the quarterly report.",
    "a/report.md": "# Report\n\nThe quarterly report of the organisation names all tenants.",
    "b/roof.txt": "The landlord repairs the roof before winter. Tenants report leaks.",
    "b/c/code.md": "Call parseHTTPRequest2 with the file report_final.v2.pdf from www.example.org.",
}


class Typing(CairnTest):
    def setUp(self):
        super().setUp()
        for name, text in TEXTS.items():
            self.write(name, text)
        self.index()

    def search(self, *args):
        return self.json("search", "--mode", "lexical", *args, code=None)

    def test_misspelt_words_are_corrected_with_words_not_stems(self):
        r = self.search("organisaton of the landlrod")
        self.assertEqual(r["suggestion"], "organisation of the landlord")
        self.assertNotIn("suggestion", self.search("organisation landlord"))
        done = self.run_cairn("search", "--mode", "lexical", "quaterly", code=1)
        self.assertIn("did you mean quarterly?", done.stderr)

    def test_suggest_completes_the_last_word(self):
        r = self.json("suggest", "the quart")
        self.assertEqual([c["text"] for c in r["completions"]], ["the quarterly"])
        self.assertEqual(r["completions"][0]["occurrences"], 3)
        self.assertIsNone(r["correction"])
        words = [c["word"] for c in self.json("suggest", "re")["completions"]]
        self.assertEqual(words[0], "report")
        self.assertEqual(set(words), {"report", "repairs", "request"})
        self.assertEqual(self.json("suggest", "landlrod quart")["correction"], "landlord quart")
        self.run_cairn("suggest", "zzzz", code=1)
        self.run_cairn("suggest", code=2)

    def test_the_last_word_is_a_beginning_as_you_type(self):
        self.assertEqual(self.search("landl")["hits"], [])
        r = self.search("--as-you-type", "repairs landl")
        self.assertTrue(r["hits"][0]["uri"].endswith("roof.txt"))
        self.assertEqual(len(r["hits"]), 2)
        self.assertTrue(r["hits"][0]["highlights"])
        self.assertEqual(self.search("--as-you-type", "landl ")["hits"], [])

    def test_facets_count_documents_over_all_matches(self):
        r = self.search("-k", "1", "--facets", "ext,folder,year,author", "report tenants")
        self.assertEqual(len(r["hits"]), 1)
        match = [n for n, t in TEXTS.items() if "report" in t or "enants" in t]
        ext = collections.Counter(n.rsplit(".", 1)[1] for n in match)
        folder = collections.Counter(os.path.dirname(os.path.join(self.docs, n)) for n in match)
        facets = {f: {v["value"]: v["documents"] for v in r["facets"][f]["values"]} for f in r["facets"]}
        self.assertEqual(facets["ext"], dict(ext))
        self.assertEqual(facets["folder"], dict(folder))
        self.assertEqual(sum(facets["year"].values()), len(match))
        self.assertEqual(facets["author"], {})
        r = self.search("--facets", "ext", '"quarterly report" ext:md')
        self.assertEqual(r["facets"]["ext"]["values"], [{"value": "md", "documents": 1}])
        r = self.search("--facets", "ext", "dir:b")
        self.assertEqual({v["value"]: v["documents"] for v in r["facets"]["ext"]["values"]}, {"txt": 1, "md": 1})
        self.assertIn("no facet", self.run_cairn("search", "--facets", "colour", "x", code=2).stderr)

    def test_identifiers_and_names_are_found_whole_and_by_part(self):
        for q in ("parseHTTPRequest2", "parsehttprequest2", "request", "HTTP", "report_final.v2.pdf", "v2",
                  "www.example.org", "example"):
            self.assertTrue(self.uris(q)[0].endswith("code.md"), q)


class OwnSettings(CairnTest):
    """Stop words, synonyms and weights of one collection, from collection.conf in its folder."""

    def setUp(self):
        super().setUp()
        self.write("car.txt", "A car stood in the yard.")
        self.write("auto.txt", "The automobile of the mayor.")
        self.write("mayor.md", "# Automobile\n\nNothing but grass.")
        self.index()
        self.json("--collection", "other", "index", "--no-vectors", self.docs)
        self.own = os.path.join(self.home, "collections", "default")

    def configure(self, text, **files):
        for name, content in {"collection.conf": text, **{k + ".txt": v for k, v in files.items()}}.items():
            with open(os.path.join(self.own, name), "w", encoding="utf-8") as f:
                f.write(content)

    def names(self, *args):
        r = self.json(*args, "search", "--mode", "lexical", "automobile", code=None)
        return [os.path.basename(h["uri"]) for h in r["hits"]]

    def test_synonyms_of_one_collection(self):
        self.configure("[search]\nsynonyms_file = rules.txt\n", rules="car, automobile\n")
        self.assertEqual(set(self.names()), {"car.txt", "auto.txt", "mayor.md"})
        self.assertEqual(set(self.names("--collection", "other")), {"auto.txt", "mayor.md"})
        r = self.json("search", "--mode", "lexical", "--explain", "automobile")
        self.assertEqual(r["own_words"], "automobile also finds car (rules.txt, line 1)")
        hit = [h for h in r["hits"] if h["uri"].endswith("car.txt")][0]
        self.assertEqual([hit["text"][a:b] for a, b in hit["highlights"]], ["car"])

    def test_stop_words(self):
        self.configure("[search]\nstop_words_file = stop.txt\n", stop="# mine\nyard\n")
        r = self.json("search", "--mode", "lexical", "--explain", "mayor yard")
        self.assertNotIn("car.txt", [os.path.basename(h["uri"]) for h in r["hits"]])
        self.assertIn("yard does not score", r["own_words"])

    def test_weights(self):
        self.assertEqual(self.names()[0], "mayor.md")  # in its title
        self.configure("[search]\ntitle_weight = 0.001\nheading_weight = 0.001\n")
        self.assertEqual(self.names()[0], "auto.txt")
        self.assertEqual(self.names("--collection", "other")[0], "mayor.md")

    def test_bad_files_are_named_with_the_line(self):
        self.configure("[search]\nsynonyms_file = rules.txt\n", rules="a, b\n\nlonely\n")
        self.assertIn("rules.txt, line 3: a word alone", self.run_cairn("search", "x", code=2).stderr)
        self.configure("[search]\nsynonyms_file = gone.txt\n")
        self.assertIn("gone.txt", self.run_cairn("search", "x", code=None).stderr)
        self.configure("[search]\nk1 = lots\n")
        self.assertIn("collection.conf, line 2", self.run_cairn("search", "x", code=2).stderr)


if __name__ == "__main__":
    main()
