"""Lines that many documents share (footers of mail) step back behind a document that is about their words."""
import os

from harness import CairnTest, main

FOOTER = ("-- \nThis message is confidential and intended for the addressee alone. Retention of confidential messages is subject to\n"
          "the retention schedule of the sender, confidential or not.\n")
TOPICS = ["the summer fair", "a broken boiler", "invoices of March", "the new parking lot", "coffee for the kitchen",
          "a visit to Ghent", "the fire drill", "keys for the cellar", "paint for the hall", "two spare monitors"]


class Boilerplate(CairnTest):
    def ranked(self, query, boilerplate):
        conf = self.write("cairn.conf", f"[search]\nboilerplate = {boilerplate}\n", folder=self.top)
        hits = self.json("--config", conf, "search", "--mode", "lexical", "-k", "20", query)["hits"]
        return [os.path.basename(h["uri"]) for h in hits]

    def test_a_footer_steps_back(self):
        for i, topic in enumerate(TOPICS):
            self.write(f"mail{i}.txt", f"Dear all,\n\nthis is about {topic}, see you soon.\n\n{FOOTER}")
        self.write("policy.txt", "Retention in the archive\n\nPapers that are confidential stay in the archive for ten years; the keeper "
                   "of the archive decides on longer storage, and on who may read them. Other papers are given back to whoever "
                   "brought them, without a copy, and the list of what was given back is kept for another three years.\n")
        self.index()
        plain = self.ranked("confidential retention", 0)
        self.assertNotEqual(plain[0], "policy.txt")
        self.assertEqual(sorted(self.ranked("confidential retention", 0.5)), sorted(plain))
        self.assertEqual(self.ranked("confidential retention", 1)[0], "policy.txt")
        # Who looks for the footer finds it, in the order it had.
        alone = "addressee intended"
        self.assertEqual(self.ranked(alone, 0.5), self.ranked(alone, 0))
        # What stands in few documents is no boilerplate.
        self.assertEqual(self.ranked("boiler", 0.5), ["mail1.txt"])


if __name__ == "__main__":
    main()
