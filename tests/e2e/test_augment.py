"""[index] augment: what is embedded beside a passage. Another list makes other vectors."""
import os

from harness import CairnTest, main, need_model


class Augment(CairnTest):
    def conf(self, text):
        return self.write("cairn.conf", f"[index]\naugment = {text}\n", folder=self.top)

    def test_a_bad_list_is_named(self):
        done = self.run_cairn("--config", self.conf("title, moon"), "status", code=2)
        self.assertIn("moon", done.stderr)
        self.assertIn("neighbours", done.stderr)

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_another_list_makes_other_vectors(self):
        for i in range(3):
            self.write(f"{i}.md", f"---\nkeywords: stone, mountain\n---\n# Part {i}\n\n" + "\n\n".join(
                f"Paragraph {k} of part {i} tells of basalt and granite at length. " * 12 for k in range(4)))
        self.json("index", self.docs)
        status = self.json("status")
        self.assertEqual(status["vectors"], status["chunks"])
        self.assertGreater(status["chunks"], 3)
        self.assertGreater(status["vectors_per_second"], 0)
        more = self.conf("title headings keywords summary neighbours")
        found = self.json("--config", more, "search", "--mode", "hybrid", "basalt")
        self.assertEqual(found["mode"], "lexical")  # the vectors there are others
        self.json("--config", more, "index", self.docs)
        self.assertEqual(self.json("--config", more, "status")["vectors"], status["chunks"])
        self.assertEqual(self.json("--config", more, "search", "--mode", "hybrid", "basalt")["mode"], "hybrid")
        self.assert_clean()


if __name__ == "__main__":
    main()
