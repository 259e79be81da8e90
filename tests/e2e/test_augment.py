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

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    @need_model("smollm2-135m", "model.gguf")
    def test_a_sentence_by_the_generator(self):
        long = self.write("long.md", "# The quarry of Sils\n\n" + "\n\n".join(f"Paragraph {k} tells of slate. " * 20 for k in range(2)))
        self.write("short.md", "# A note\n\nOne passage, and nothing around it.\n")
        small = "[models]\ngenerator = smollm2-135m\n[index]\nchunk_tokens = 128\naugment = title headings"
        conf = self.write("c.conf", small + " context\n", folder=self.top)
        done = self.run_cairn("--config", conf, "-v", "-v", "index", self.docs)
        written = [x for x in done.stderr.splitlines() if "context of passage" in x]
        status = self.json("--config", conf, "status")
        self.assertEqual((status["vectors"], status["pending_vectors"]), (status["chunks"], 0))
        self.assertEqual([x for x in written if long not in x], [])  # what stands alone needs none
        self.assertEqual(len(written), status["chunks"] - 1)
        self.assertEqual(self.json("--config", conf, "search", "slate")["mode"], "hybrid")
        # Without it, and from another generator, the vectors would be others.
        for other in (small + "\n", small.replace("smollm2-135m", "qwen2.5-coder-0.5b") + " context\n"):
            self.assertEqual(self.json("--config", self.write("o.conf", other, folder=self.top), "search", "slate")["mode"], "lexical")


if __name__ == "__main__":
    main()
