"""What is searched beside a question: what short forms stand for in the documents, names of a second hop, and what a
generator makes of it."""
import os

from harness import CairnTest, main, need_model
from serving import ServerTest

SMALL = "[models]\ngenerator = smollm2-135m\n"


class Expand(CairnTest):
    def setUp(self):
        super().setUp()
        for name, text in (("def", "A large language model (LLM) is trained on text. Such models are big."),
                           ("cost", "Training a large language model costs millions, says the report on budgets."),
                           ("market", "The LLM market grows; an LLM here, an LLM there."),
                           ("ruth", "Ruth Baker was born in the town of Millbrook and wrote songs.\n\n2 Before she left"),
                           ("mill", "The people of Millbrook chose Tom Hale. He plants trees."),
                           ("mayors", "A mayor is chosen by the people of a town."),
                           ("roses", "Roses are cut in March, and the lawn is sown in April.")):
            self.write(name + ".txt", text)

    def search(self, query, settings="", mode="lexical", more=""):
        conf = self.write("cairn.conf", f"[search]\n{settings}\n{more}", folder=self.top)
        found = self.json("--config", conf, "search", "--mode", mode, query, code=None)
        return [os.path.basename(h["uri"])[:-4] for h in found["hits"]], found.get("expanded")

    def test_short_forms(self):
        self.index()
        found, expanded = self.search("LLM training")
        self.assertEqual(expanded, "LLM: large language model")
        self.assertIn("cost", found)  # holds no LLM
        without, nothing = self.search("LLM", "acronyms = 0")
        self.assertEqual((sorted(without), nothing), (["def", "market"], None))
        self.assertIn("cost", self.search("LLM")[0])
        found, expanded = self.search("the large language model")
        self.assertEqual(expanded, "short form: LLM")
        self.assertIn("market", found)
        self.assertNotIn("market", self.search("the large language model", "acronyms = 0")[0])
        # Words in capitals throughout are no short forms, and what is not defined adds nothing.
        self.assertIsNone(self.search("THE LLM TRAINING")[1])
        self.assertIsNone(self.search("the GPU market")[1])

    def test_other_names(self):
        self.write("cabinet.txt", "Before you begin, turn off the meter cabinet, also known as the fuse box, with its main switch.")
        self.write("key.txt", "The key of the fuse box hangs behind the door.")
        self.write("meter.txt", "The meter cabinet was painted grey in May.")
        self.index()
        found, expanded = self.search("Where is the key of the meter cabinet?")
        self.assertEqual(expanded, "also called: fuse box")
        self.assertIn("key", found)
        found, expanded = self.search("What colour is the fuse box?")
        self.assertEqual(expanded, "also called: meter cabinet")
        self.assertIn("meter", found)
        found, expanded = self.search("What colour is the fuse box?", "other_names = 0")
        self.assertIsNone(expanded)
        self.assertNotIn("meter", found)
        self.assertIsNone(self.search("the fuse box and the meter cabinet")[1])  # both are asked for
        self.assertIsNone(self.search("a fuse")[1])
        self.assertEqual(self.search("What colour is the fuse box?", "acronyms = 0")[1], "also called: meter cabinet")

    def test_who_may_not_read_the_definition_does_not_learn_it(self):
        self.index()
        self.run_cairn("delete", os.path.join(self.docs, "def.txt"))
        self.assertIsNone(self.search("LLM training")[1])

    def test_a_second_hop(self):
        self.index()
        question = "who leads the birthplace of Ruth Baker"
        self.assertNotIn("mill", self.search(question)[0])
        found, expanded = self.search(question, "hops = 2")
        self.assertEqual(found[0], "ruth")
        self.assertIn("mill", found)
        self.assertIn("second hop: Millbrook", expanded.splitlines())
        self.assertNotIn("Before", expanded)  # the first word of a heading, behind its number

    def test_ways_that_are_none_are_named(self):
        conf = self.write("cairn.conf", "[search]\nexpand = wishes\n", folder=self.top)
        self.assertIn("multi-query", self.run_cairn("--config", conf, "status", code=2).stderr)

    @need_model("smollm2-135m", "model.gguf")
    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_the_generator_adds_its_share(self):
        self.index(vectors=True)
        for kind, what in (("multi-query", "also asked: "), ("hyde", "imagined: ")):
            found, expanded = self.search("what does training cost", f"expand = {kind}", "hybrid", SMALL)
            self.assertEqual(found[0], "cost")
            for line in (expanded or "").splitlines()[:1]:  # a small model may write nothing of use
                self.assertTrue(line.startswith(what), line)

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_without_a_generator_the_question_is_searched_as_it_is(self):
        self.index(vectors=True)
        plain = self.search("what does training cost", mode="hybrid")
        self.assertEqual(self.search("what does training cost", "expand = hyde", "hybrid",
                                     "[models]\ngenerator = /nowhere\n"), plain)


class Served(ServerTest):
    def test_it_is_told_over_http(self):
        self.write("def.txt", "A large language model (LLM) is trained on text.")
        self.write("cost.txt", "Training a large language model costs millions.")
        self.index()
        s = self.serve("--grpc", "off")
        told = s.json("GET", "/api/v1/search?q=LLM+training&mode=lexical&explain=1")
        self.assertEqual((told["expanded"], told["rewritten"]), ("LLM: large language model", None))
        self.assertNotIn("expanded", s.json("GET", "/api/v1/search?q=LLM+training&mode=lexical"))


if __name__ == "__main__":
    main()
