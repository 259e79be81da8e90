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


if __name__ == "__main__":
    main()
