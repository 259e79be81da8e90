"""Questions for two places of the documents: both sides of a comparison, the questions of a conjunction."""
from harness import CairnTest, main


class Parts(CairnTest):
    def setUp(self):
        super().setUp()
        for name, text in (("kestrel", "Kestrel Bridge crosses the Ouse below the weir. Kestrel Bridge was opened on 3 March 1919 by the mayor."),
                           ("heron", "Heron Bridge stands at the old ford. Heron Bridge was opened on 12 May 1887 after two years of work."),
                           ("kestrel_size", "Kestrel Bridge is 410 m long and painted green."),
                           ("heron_size", "Heron Bridge is 0.5 km long and made of stone."),
                           ("gardens", "Roses are cut in March, and the lawn is sown in April."),
                           ("mill", "Aldersby Mill was opened in 1904. It grinds oats and barley.")):
            self.write(name + ".txt", text)
        self.index()

    def ask(self, question, settings=""):
        conf = self.write("cairn.conf", f"[ask]\n{settings}\n", folder=self.top)
        return self.json("--config", conf, "ask", "--extractive", question, code=None)

    def test_values_decide_a_comparison(self):
        a = self.ask("Which bridge was opened first, Kestrel Bridge or Heron Bridge?")
        self.assertEqual(a["answer"], "Kestrel Bridge: 3 March 1919 [1]; Heron Bridge: 12 May 1887 [2]. Heron Bridge was opened first.")
        self.assertEqual(a["short_answer"], "Heron Bridge")
        self.assertEqual(a["parts"], "When bridge opened Kestrel Bridge?\nWhen bridge opened Heron Bridge?")
        self.assertEqual([c["uri"].rsplit("/", 1)[1] for c in a["citations"]], ["kestrel.txt", "heron.txt"])
        self.assertTrue(all(c["supported"] for c in a["citations"]))
        a = self.ask("Was Kestrel Bridge opened before Heron Bridge was opened?")
        self.assertTrue(a["answer"].endswith(" No."), a["answer"])
        a = self.ask("Which bridge is longer, Kestrel Bridge or Heron Bridge?")
        self.assertTrue(a["answer"].endswith("Heron Bridge is longer."), a["answer"])

    def test_a_side_without_a_value_answers_no_comparison(self):
        self.write("quill.txt", "Quill Theatre stands on the market square. Quill Theatre was opened by the mayor.")
        self.write("rook.txt", "Rook Bridge is green and made of oak.")
        self.index()
        for question in ("Which was opened first, Quill Theatre or Heron Bridge?", "Which bridge is longer, Rook Bridge or Heron Bridge?",
                         "Was Quill Theatre opened before Heron Bridge was opened?"):
            a = self.ask(question)
            self.assertTrue(a["refused"], (question, a["answer"]))
            self.assertEqual(a["citations"], [], question)

    def test_a_setting_turns_it_off(self):
        a = self.ask("Which bridge was opened first, Kestrel Bridge or Heron Bridge?", "decompose = off")
        self.assertNotIn("was opened first", a["answer"])
        self.assertLess(len(a["citations"]), 2)

    def test_a_conjunction_says_what_is_missing(self):
        a = self.ask("When was Aldersby Mill opened and when was Heron Bridge opened?")
        self.assertIn("1904", a["answer"])
        self.assertIn("12 May 1887", a["answer"])
        self.assertEqual([c["n"] for c in a["citations"]], [1, 2])
        a = self.ask("When was Aldersby Mill opened and who is the dentist of Quillbury?")
        self.assertIn("1904", a["answer"])
        self.assertIn("Not in your documents: who is the dentist of Quillbury?", a["answer"])
        self.assertFalse(a["refused"])
        self.assertTrue(self.ask("When was Quillbury Spa sold and who is the dentist of Quillbury?")["refused"])


class Prices(CairnTest):
    def setUp(self):
        super().setUp()
        self.write("prices.csv", "product,type,price (EUR),weight (kg)\nK1,grinder,249.00,6.2\nK2,grinder,319.00,7.5\nK3,brewer,185.00,4.1\n")
        self.write("list.md", "# Price list of Aldersby Tools\n\n| article | price | delivery |\n|---|---|---|\n| saw S10 | 89.00 € | 3 days |\n"
                              "| saw S12 | 119.00 € | 5 days |\n")
        self.write("notes.txt", "The grinder K4 costs 410 euros. Our tea set costs 120 euros.\nThe brewer B20 comes with a filter.\n")
        self.index()

    def ask(self, question, *options):
        return self.json("ask", "--extractive", *options, question, code=None)

    def test_the_values_of_two_rows_decide(self):
        a = self.ask("Which costs more, the K1 or the K2?")
        self.assertEqual(a["answer"], "The K1: price (EUR) 249.00 [1]; the K2: price (EUR) 319.00 [1]. The K2 costs more.")
        self.assertEqual([c["text"].split(" | ")[0] for c in a["citations"]], ["K1", "K2"])
        a = self.ask("Which is cheaper, the saw S10 or the saw S12?")
        self.assertEqual(a["answer"], "The saw S10: 89.00 € [1]; the saw S12: 119.00 € [1]. The saw S10 is cheaper.")
        self.assertTrue(self.ask("Is the K2 heavier than the K1?")["answer"].endswith(" Yes."))

    def test_a_side_that_is_nowhere_is_said(self):
        a = self.ask("Which costs more, the K1 or the K7?")
        self.assertTrue(a["refused"])
        self.assertTrue(a["answer"].startswith("Not in your documents: the K7. The K1: product: K1;"), a["answer"])
        self.assertEqual([c["text"].split(" | ")[0] for c in a["citations"]], ["K1"])
        a = self.ask("Which costs more, the K7 or the K8?")
        self.assertEqual((a["refused"], a["answer"], a["citations"]), (True, "Not in your documents.", []))

    def test_a_price_is_that_of_the_thing_asked_for(self):
        for question, price in (("What is the price of the K1?", "249.00"), ("How much does the K2 cost?", "319.00"), ("What is the price of the saw S12?", "119.00 €")):
            self.assertEqual(self.ask(question)["short_answer"], price, question)
        for question in ("What is the price of the K5?", "How much does the saw S11 cost?", "What does the B20 cost?", "What is the price of the B20?"):
            self.assertTrue(self.ask(question)["refused"], question)

    def test_each_has_its_value(self):
        a = self.ask("What is the price of the K1, the K2 and the K9?")
        self.assertEqual(a["answer"], "The K1: price (EUR) 249.00 [1]\nThe K2: price (EUR) 319.00 [1]\nNot in your documents: the K9")
        self.assertEqual(len(a["citations"]), 2)

    def test_the_two_are_those_of_the_question_before(self):
        said = '[{"role":"user","content":"What do the K1 and the K2 weigh?"},{"role":"assistant","content":"6.2 kg and 7.5 kg"}]'
        a = self.ask("Which of the two costs more?", "--history", said)
        self.assertEqual(a["understood"], "Which of the two costs more, the K1 or the K2?")
        self.assertTrue(a["answer"].endswith("The K2."), a["answer"])


class Bridges(CairnTest):
    def setUp(self):
        super().setUp()
        for name, text in (("film", "Thirteen Umbrellas is a comedy of 1961. It was directed by Ilka Varnay and filmed in Lerna."),
                           ("varnay", "Ilka Varnay, who kept bees on a barge, was born in Tolverne in 1922."),
                           ("tolverne", "Tolverne lies on the coast. It has 9,600 inhabitants and a whaling museum."),
                           ("oduya", "Ben Oduya was born in Kessington in 1930 and directed two operas."),
                           ("gardens", "Roses are cut in March, and the lawn is sown in April."),
                           ("mill", "Aldersby Mill was opened in 1904. It grinds oats and barley.")):
            self.write(name + ".txt", text)
        self.index()

    def ask(self, question, settings=""):
        conf = self.write("cairn.conf", f"[ask]\n{settings}\n", folder=self.top)
        return self.json("--config", conf, "ask", "--extractive", question, code=None)

    def test_the_thing_described_is_found_first(self):
        question = "Where was the director of Thirteen Umbrellas born?"
        a = self.ask(question)
        self.assertEqual(a["parts"], "Where was Ilka Varnay born?\nWho is it, the director of Thirteen Umbrellas?")
        self.assertIn("Tolverne", a["answer"])
        self.assertEqual(a["citations"][0]["uri"].rsplit("/", 1)[1], "varnay.txt")
        off = self.ask(question, "decompose = off")
        self.assertNotIn("parts", off)
        self.assertNotIn("Tolverne", off["answer"])

    def test_a_statement_that_asks_at_its_end_is_followed(self):
        self.write("olsen.txt", "Marta Olsen is a baker from Lerna. On Tuesdays she sings in the Fjordside Choir, and she has two dogs.")
        self.write("choir.txt", "The Fjordside Choir was founded by Ivar Lund in 1988 with twelve singers.")
        self.index()
        question = "Marta Olsen sings in a choir founded by whom?"
        a = self.ask(question)
        self.assertEqual(a["parts"], "Fjordside Choir was founded by whom?\nMarta Olsen sings in which choir?")
        self.assertIn("Ivar Lund", a["answer"])
        self.assertEqual(a["citations"][0]["uri"].rsplit("/", 1)[1], "choir.txt")
        self.assertNotIn("Ivar Lund", self.ask(question, "decompose = off")["answer"])

    def test_a_statement_is_no_answer_to_what_it_asks(self):
        self.write("olsen.txt", "Marta Olsen is a baker from Lerna. On Tuesdays she sings in the Fjordside Choir, and she has two dogs.")
        self.write("lund.txt", "The bakery in Lerna was founded by Ivar Lund.")
        self.index()
        a = self.ask("Marta Olsen sings in a choir founded by whom?")
        self.assertTrue(a["refused"], a)

    def test_of_many_names_the_one_that_answers_is_followed_first(self):
        self.write("ferry.txt", "The author of The Long Ferry, a play that Anders Brask built and Tilda Mowle sewed for, is Jorun Vey.")
        for name, text in (("brask", "Anders Brask sold boats in Hull."), ("mowle", "Tilda Mowle keeps the lighthouse at Skerry Head."),
                           ("vey", "Jorun Vey won the Calder prize for a novel about salt.")):
            self.write(name + ".txt", text)
        self.index()
        question = "Which prize was won by the author of The Long Ferry?"
        for ms in ("hop_ms = 0", "hop_ms = 0.001"):  # the first name is followed however little time there is
            a = self.ask(question, ms)
            self.assertIn("Calder prize", a["answer"], ms)
            self.assertEqual(a["parts"].split("\n")[0], "Which prize was won by Jorun Vey?", ms)

    def test_a_description_without_a_name_is_left_to_the_whole_question(self):
        for question in ("Where was the director of The Glass Barn born?", "When was Aldersby Mill opened?", "Who is the director of Thirteen Umbrellas?"):
            a = self.ask(question)
            self.assertNotIn("parts", a, question)
            self.assertEqual(a["answer"], self.ask(question, "decompose = off")["answer"])


if __name__ == "__main__":
    main()
