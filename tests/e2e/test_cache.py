#!/usr/bin/env python3
"""Answers given again: only while everything that bears on them is the same, and always said."""
import unittest

from harness import CairnTest, main, need_model

PUMP = "The pump P-7 has a warranty of 24 months.\n\nIts colour is green.\n"


@need_model("multilingual-e5-small", "e5-small-q4.bin")
@need_model("qwen2.5-coder-0.5b", "model.gguf")
class Cache(CairnTest):
    def setUp(self):
        super().setUp()
        self.write("pump.txt", PUMP)
        for i in range(8):
            self.write(f"note{i}.txt", f"Note {i}: the garden path number {i} was swept and the hedge was cut.\n")
        self.index()

    def ask(self, question, *more):
        return self.json("ask", "--mode", "lexical", *more, question)

    def test_an_answer_is_given_again_while_nothing_has_changed(self):
        question = "What is the warranty of the pump P-7?"
        first = self.ask(question)
        self.assertIsNone(first["cached"])
        self.assertGreater(first["usage"]["completion_tokens"], 0)
        again = self.ask("  What is the warranty  of the pump P-7? ")
        self.assertEqual(again["cached"], "exact")
        for key in ("answer", "usage", "citations", "model", "extractive", "refused"):
            self.assertEqual(again[key], first[key])
        shown = self.run_cairn("ask", "--mode", "lexical", question).stdout
        self.assertIn("given before", shown)
        self.assertIn(first["answer"], shown)
        self.assertIsNone(self.ask(question, "--no-cache")["cached"])
        self.assertIsNone(self.ask(question, "--filter", "path:pump")["cached"])
        self.write("new.txt", "Something else was written down.\n")
        self.index()
        self.assertIsNone(self.ask(question)["cached"])
        self.assertEqual(self.ask(question)["cached"], "exact")
        off = self.write("../off.conf", "[ask]\ncache = off\n")
        self.assertIsNone(self.ask(question, "--config", off)["cached"])
        self.run_cairn("--config", self.write("../bad.conf", "[ask]\ncache = sometimes\n"), "ask", question, code=2)

    def test_a_question_that_means_the_same_gets_the_same_answer_only_where_it_is_wanted(self):
        self.index(vectors=True)
        near = self.write("../near.conf", "[ask]\ncache = semantic\n")
        asked = "What is the warranty of the pump P-7?"
        first = self.json("ask", "--config", near, asked)
        again = self.json("ask", "--config", near, "What is the warranty for the pump P-7?")
        self.assertEqual((again["cached"], again["cached_question"]), ("semantic", asked))
        self.assertEqual((again["answer"], again["citations"]), (first["answer"], first["citations"]))
        for other in ("What is the warranty of the pump P-8?", "What is the colour of the pump P-7?", "Why is the warranty of the pump P-7 24 months?",
                      "What is not in the warranty of the pump P-7?"):
            self.assertNotEqual(self.json("ask", "--config", near, other, code=None)["cached"], "semantic", other)
        self.assertIsNone(self.json("ask", "What is the warranty for the pump P-7?")["cached"])


if __name__ == "__main__":
    main()
