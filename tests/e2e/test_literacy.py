"""An embedder of one language: what it cannot read is found by words, and no name alone makes it an answer."""
import json
import os

from harness import CairnTest, embedded_only, main, need_model

ENGLISH = "all-minilm-l6-v2"
RUSSIAN = ("Мельницы Kestrel Grinders\n\nПоставка мельниц Kestrel Grinders задерживается до среды, потому что на складе "
           "нет упаковки. Склад фирмы Kestrel Grinders закрыт по субботам.\n")


@embedded_only("segments are looked at")
@need_model(ENGLISH, "model.safetensors")
class Literacy(CairnTest):
    on_cluster = False

    def setUp(self):
        super().setUp()
        self.conf = self.settings("")
        self.everything = self.settings("embedder_languages =\n")
        self.write("letter.txt", "The annual accounts\n\nThe annual accounts of the mill are due in May. The accountant asks for the "
                                 "receipts of last year.\n")
        self.write("sklad.txt", RUSSIAN)
        self.write("lager.txt", "Das Lager\n\nDas Lager der Firma ist am Samstag geschlossen, und die Lieferung der Mühlen kommt "
                                "erst am Mittwoch.\n")
        self.run_cairn("--config", self.conf, "index", self.docs)

    def settings(self, more):
        path = os.path.join(self.top, f"{len(os.listdir(self.top))}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"[models]\nembedder = {ENGLISH}\n{more}")
        return path

    def search(self, question, conf=None, code=0):
        return json.loads(self.run_cairn("--config", conf or self.conf, "--json", "search", "--explain", question, code=code).stdout)

    def vector_ranks(self, question, conf=None):
        return {os.path.basename(h["uri"]): h["scores"].get("vector_rank") for h in self.search(question, conf)["hits"]}

    def test_passages_in_another_script_have_no_vector(self):
        question = "Who is the tax adviser of Kestrel Grinders?"
        ranks = self.vector_ranks(question)
        self.assertIsNone(ranks["sklad.txt"])  # its words are there all the same
        self.assertTrue(ranks["letter.txt"] and ranks["lager.txt"], ranks)
        self.assertTrue(self.vector_ranks(question, self.everything)["sklad.txt"])

    def test_question_in_another_script(self):
        found = self.search("Когда закрыт склад фирмы?")
        self.assertEqual([os.path.basename(h["uri"]) for h in found["hits"]][:1], ["sklad.txt"])
        self.assertIn("does not know the script", found["note"])
        self.assertEqual({h["scores"].get("vector_rank") for h in found["hits"]}, {None})
        self.assertTrue(self.search("Когда закрыт склад фирмы?", self.everything)["hits"][0]["scores"]["vector_rank"])

    def test_question_in_another_language_of_the_passages(self):
        # The words of a German question over German passages weigh more beside an English embedder.
        question = "Wann ist das Lager der Firma geschlossen?"
        less, all_of_it = ([h["score"] for h in self.search(question, self.settings(
            f"[search]\nforeign_vectors = {factor}\nneighbours = 0\ncentre = 0\nrerank = off\n"))["hits"]] for factor in (0.3, 1))
        self.assertNotEqual(less, all_of_it)

    def test_evaluation_goes_by_words_then(self):
        queries, qrels = (os.path.join(self.top, name) for name in ("q.jsonl", "q.tsv"))
        with open(queries, "w", encoding="utf-8") as f:
            f.write(json.dumps({"_id": "1", "text": "Когда закрыт склад фирмы?"}) + "\n")
        with open(qrels, "w", encoding="utf-8") as f:
            f.write("query-id\tcorpus-id\tscore\n1\tsklad.txt\t1\n")
        self.run_cairn("--config", self.conf, "eval", "retrieval", "--queries", queries, "--qrels", qrels)
        failed = self.run_cairn("--config", self.conf, "eval", "retrieval", "--mode", "vector", "--queries", queries, "--qrels", qrels,
                                code=5)
        self.assertIn("script", failed.stderr)


if __name__ == "__main__":
    main()
