#!/usr/bin/env python3
"""Conversations on the command line: kept, resumed, looked after; facts and saved answers. Without a model."""
import json
import os
import pty
import select
import signal
import stat
import subprocess
import unittest

from harness import CAIRN, CairnTest, main, need_model

LEASE = ("# Lease of the flat in Elm Street\n\nThe tenant may end the lease with three months notice.\n\n"
         "The rent of the flat in Elm Street is 840 euros a month.\n")
PUMPS = {"p7.txt": "The pump P-7 has a warranty of 24 months.\n\nThe weight of the pump P-7 is 12.5 kg.\n",
         "p9.txt": "The pump P-9 has a warranty of 36 months.\n\nThe weight of the pump P-9 is 14.5 kg.\n"}


class Chat(CairnTest):
    def setUp(self):
        super().setUp()
        self.lease = self.write("lease.md", LEASE)
        for name, text in PUMPS.items():
            self.write(name, text)
        for i in range(12):
            self.write(f"note{i}.txt", f"Note {i}: the garden path number {i} was swept and the hedge was cut.\n")
        self.index()

    def chat(self, lines, *more, code=0):
        done = self.run_cairn("chat", "--extractive", "--mode", "lexical", "--json", *more, stdin="".join(x + "\n" for x in lines),
                              code=code)
        return [json.loads(x) for x in done.stdout.splitlines()]

    def talk(self, text, *more, code=None):
        return self.run_cairn("chat", "--extractive", "--mode", "lexical", *more, stdin=text, code=code)

    def test_an_ellipsis_is_completed_from_the_question_before(self):
        _, second, third, fourth = self.chat(["How long is the warranty of the pump P-7?", "And the P-9?", "What about the P-7?",
                                              "How much is the rent of the flat in Elm Street?"])
        self.assertEqual(second["understood"], "How long is the warranty of the pump P-9?")
        self.assertIn("36 months", second["answer"])
        self.assertEqual(third["understood"], "How long is the warranty of the pump P-7?")  # of one that was completed itself
        self.assertIn("24 months", third["answer"])
        self.assertIsNone(fourth["understood"])
        told = self.talk("How heavy is the pump P-7?\nAnd the P-9?\n")
        self.assertIn("read as: How heavy is the pump P-9?", told.stderr)

    def test_what_was_listed_is_asked_for_by_its_place(self):
        self.write("pumps.txt", "The yard has two pumps, the Heron P-7 and the Gull P-9.\n\nThe Heron P-7 was bought in 2019.\n\n"
                                "The Gull P-9 was bought in 2022.\n")
        self.index()
        answers = self.chat(["Which pumps has the yard?", "When was the second one bought?", "And the other one?"])
        self.assertEqual([a["understood"] for a in answers[1:]],
                         ["When was the Gull P-9 bought?", "When was the Heron P-7 bought?"])
        self.assertIn("2022", answers[1]["answer"])
        self.assertIn("2019", answers[2]["answer"])

    def test_a_question_word_alone_asks_about_the_last_question(self):
        self.write("weir.txt", "The weir of Denby was closed on 3 May. The weir of Denby was closed because the gate had rusted.\n")
        self.index()
        _, why = self.chat(["When was the weir of Denby closed?", "And why?"])
        self.assertEqual(why["understood"], "why was the weir of Denby closed?")
        self.assertIn("rusted", why["answer"])

    def test_what_was_told_is_not_told_again_to_who_asks_for_others(self):
        self.write("aid.txt", "Jonas is a trained helper of the ward. The ward has nine beds.\n\nMehmet is a trained helper of the ward, too.\n")
        self.index()
        first, other, none = self.chat(["Who is a trained helper of the ward?", "Who else?", "Who else?"], code=None)
        self.assertNotEqual(first["answer"], other["answer"])
        self.assertEqual({"Jonas" in a["answer"] for a in (first, other)}, {True, False})
        self.assertEqual({"Mehmet" in a["answer"] for a in (first, other)}, {True, False})
        self.assertIn("besides", other["understood"])
        self.assertNotEqual(none["answer"], other["answer"])

    def test_another_subject_is_asked_as_if_it_were_the_first_question(self):
        question = "How much notice does the tenant give to end the lease?"
        alone = self.json("ask", "--extractive", "--mode", "lexical", question)
        after = self.chat(["How long is the warranty of the pump P-7?", "What is the weight of the pump P-9?",
                           "Which garden path was swept?", question], code=None)[-1]
        self.assertIn("three months", alone["answer"])
        self.assertEqual(after["answer"], alone["answer"])
        self.assertEqual([c["text"] for c in after["citations"]], [c["text"] for c in alone["citations"]])
        self.assertAlmostEqual(after["confidence"], alone["confidence"], places=4)

    def test_a_pronoun_is_the_person_that_was_spoken_of(self):
        self.write("yard.txt", "The keeper of the yard is Edith Crane.\n\nThe clerk of the yard is Ann Bell.\n")
        self.write("phones.csv", "Name,Phone\nAnn Bell,01947 555 210\nEdith Crane,01947 555 377\nTom Wray,01947 555 018\n")
        self.index()
        keeper, phone = self.chat(["Who is the keeper of the yard?", "What is her phone number?"])
        self.assertIn("Edith Crane", keeper["answer"])
        self.assertEqual(phone["understood"], "What is Edith Crane's phone number?")
        self.assertIn("555 377", phone["answer"])

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_a_completed_question_needs_nothing_that_was_said(self):
        history = json.dumps([{"role": "user", "content": "What is the warranty of the pump P-7?"},
                              {"role": "assistant", "content": "24 months [1]"}])
        ask = ("ask", "--mode", "lexical", "--no-cache")
        after = self.json(*ask, "--history", history, "And the P-9?")
        alone = self.json(*ask, "What is the warranty of the pump P-9?")
        self.assertEqual(after["understood"], "What is the warranty of the pump P-9?")
        self.assertEqual(after["usage"]["prompt_tokens"], alone["usage"]["prompt_tokens"])
        self.assertIn("36", after["answer"])
        pronoun = self.json(*ask, "--history", history, "And how heavy is it?")
        self.assertGreater(pronoun["usage"]["prompt_tokens"], alone["usage"]["prompt_tokens"])

    def test_a_conversation_is_kept_resumed_and_deleted(self):
        first, second = self.chat(["What is the warranty of the pump P-7?", "And what is its weight?"])
        self.assertIn("24 months", first["answer"])
        self.assertIn("12.5 kg", second["answer"])  # "it" is the P-7
        self.assertEqual(first["chat"], second["chat"])
        kept = self.json("chat", "list")["conversations"]
        self.assertEqual([(k["id"], k["turns"], k["title"]) for k in kept],
                         [(first["chat"], 2, "What is the warranty of the pump P-7?")])
        third, = self.chat(["How much is the rent of the flat in Elm Street?"], "--resume")
        self.assertEqual(third["chat"], first["chat"])
        shown = self.json("chat", "show", first["chat"][:8])
        self.assertEqual(len(shown["turns"]), 3)
        self.assertEqual(shown["turns"][2]["answer"], third["answer"])
        self.assertEqual(shown["turns"][2]["citations"][0]["uri"], self.lease)
        self.assertGreater(shown["turns"][2]["citations"][0]["chunk"], 0)
        self.run_cairn("chat", "rename", "last", "Pumps")
        self.assertIn("# Pumps", self.run_cairn("chat", "export", "--format", "markdown", "last").stdout)
        self.run_cairn("chat", "export", "--format", "pdf", "last", code=2)
        self.run_cairn("chat", "delete", "last")
        self.assertEqual(self.json("chat", "list")["conversations"], [])
        self.run_cairn("chat", "show", "last", code=1)
        self.run_cairn("chat", "dance", code=2)
        mode = stat.S_IMODE(os.stat(os.path.join(self.home, "collections", "default", "user.db")).st_mode)
        self.assertEqual(mode, 0o600)

    def test_one_question_more(self):
        first, = self.chat(["What is the warranty of the pump P-7?"])
        a = self.json("ask", "--extractive", "--mode", "lexical", "--chat", first["chat"][:8], "And what is its weight?")
        self.assertIn("12.5 kg", a["answer"])
        self.assertEqual([t["question"] for t in self.json("chat", "show", "last")["turns"]],
                         ["What is the warranty of the pump P-7?", "And what is its weight?"])
        self.run_cairn("ask", "--extractive", "--chat", "none-such", "And?", code=1)
        self.run_cairn("ask", "--chat", "last", "--history", "[]", "--receipt", os.path.join(self.top, "r"), "And?", code=2)

    def test_a_prompt_that_is_not_there_is_a_wrong_setting(self):
        conf = self.write("../p.conf", "[ask]\nprompt = nope\n")
        done = self.run_cairn("--config", conf, "ask", "--extractive", "--mode", "lexical", "What is the weight of the pump P-7?", code=2)
        self.assertIn('ask.prompt: there is no prompt "nope"', done.stderr)

    def test_a_folder_of_prompts_that_is_not_there_is_a_wrong_setting(self):
        conf = self.write("../p.conf", "[ask]\nprompt_dir = /nosuch/prompts\n")
        self.assertIn("ask.prompt_dir: /nosuch/prompts", self.run_cairn("--config", conf, "ask", "What is the rent?", code=2).stderr)
        self.write("../prompts/answer.v2.txt", "=== user\n{question}\n")
        conf = self.write("../p.conf", f"[ask]\nprompt_dir = {self.top}/prompts\n")
        self.assertIn(f"{self.top}/prompts has no section", self.run_cairn("--config", conf, "ask", "What is the rent?", code=2).stderr)

    def test_the_exit_code_is_that_of_the_last_question(self):
        self.chat(["What is the weight of the pump P-7?", "Which airline flies from Lisbon to Nairobi on Tuesdays?"], code=1)
        self.chat([], code=0)

    def test_commands(self):
        done = self.talk("/help\n/title Of pumps\nWhat is the weight of the pump P-7?\n/history\n/list\n/nonsense\n", code=2)
        self.assertIn("/remember", done.stdout)
        self.assertEqual(done.stdout.count("12.5 kg"), 4)  # answer and source, said and shown again
        self.assertIn("Of pumps", done.stdout)
        self.assertIn("no command /nonsense", done.stderr)
        done = self.talk("/filter path:p9\nWhat is the weight of the pump?\n/filter\n/quit\nWhat is the weight of the pump P-7?\n")
        self.assertIn("14.5 kg", done.stdout)
        self.assertNotIn("12.5 kg", done.stdout)

    def test_old_turns_are_found_by_their_words(self):
        self.chat(["What is the warranty of the pump P-7?", "Who feeds the 100 % zebra?"], code=None)
        self.chat(["What is the rent of the flat in Elm Street?"])
        found = self.json("chat", "search", "warranty p-7")["found"]
        self.assertEqual([(f["turn"], f["question"]) for f in found], [(1, "What is the warranty of the pump P-7?")])
        self.assertIn("24 months", found[0]["answer"])
        self.assertEqual(found[0]["title"], "What is the warranty of the pump P-7?")
        self.assertEqual(len(self.json("chat", "search", "what is")["found"]), 2)
        self.assertEqual([f["question"] for f in self.json("chat", "search", "840 euros")["found"]], ["What is the rent of the flat in Elm Street?"])
        self.assertEqual([f["turn"] for f in self.json("chat", "search", "100 %")["found"]], [2])
        for none in ("zebras", "w_rranty", "%%"):
            self.assertEqual(self.json("chat", "search", none, code=1)["found"], [])
        for wrong in ("", "  ", "a b c d e f g h i"):
            self.run_cairn("chat", "search", wrong, code=2)
        shown = self.talk("/search elm street\n/search nothing-there\n/search\n").stdout
        self.assertIn("What is the rent of the flat in Elm Street?", shown)
        self.assertIn("No question or answer", shown)
        self.assertIn("24 months", self.run_cairn("chat", "search", "warranty").stdout)

    def at_a_terminal(self):
        """A chat at a pseudo-terminal: the process, its terminal, and a function that reads up to a text."""
        master, slave = pty.openpty()
        p = subprocess.Popen([CAIRN, "--home", self.home, "chat", "--extractive", "--mode", "lexical"], stdin=slave, stdout=slave,
                             stderr=slave, start_new_session=True, env=dict(os.environ, NO_COLOR="1"))
        os.close(slave)
        unread = bytearray()

        def until(text):
            while text not in unread:
                self.assertTrue(select.select([master], [], [], 60)[0], (text, bytes(unread)))
                unread.extend(os.read(master, 4096))
            end = unread.index(text) + len(text)
            seen = bytes(unread[:end])
            del unread[:end]
            return seen

        def end():
            if p.poll() is None:
                p.kill()
                p.wait()
            os.close(master)
        self.addCleanup(end)
        return p, master, until

    def test_ctrl_c_at_the_prompt_goes_on(self):
        p, master, until = self.at_a_terminal()
        until(b"\n> ")
        for _ in range(20):  # also when it comes between the prompt and the wait for a line
            p.send_signal(signal.SIGINT)
            until(b"leaves)\r\n\r\n> ")
        os.write(master, b"What is the warranty of the pump P-7?\n")
        self.assertIn(b"24 months", until(b"Sources"))
        until(b"\r\n> ")
        os.write(master, b"What is the warranty of the pump P-9?" + b" " * 4100 + b"\n")
        self.assertIn(b"4095 bytes", until(b"36 months"))
        until(b"\r\n> ")
        p.send_signal(signal.SIGINT)
        until(b"leaves)\r\n\r\n> ")
        os.write(master, b"\x04")
        self.assertEqual(p.wait(60), 0)

    def test_a_terminated_chat_ends(self):
        p, _, until = self.at_a_terminal()
        until(b"\n> ")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(60), 130)

    def test_facts_help_to_find_and_are_the_users_to_change(self):
        self.assertEqual(self.run_cairn("memory", "add", "  My pump is the P-7. ").stdout, "1\n")
        self.assertEqual(self.json("memory")["facts"][0]["text"], "My pump is the P-7.")
        self.run_cairn("memory", "add", "  ", code=2)
        self.assertIn("24 months", self.chat(["What is the warranty of my pump?"])[0]["answer"])
        self.run_cairn("memory", "edit", "1", "My pump is the P-9.")
        self.assertIn("36 months", self.chat(["What is the warranty of my pump?"])[0]["answer"])
        self.assertEqual([f["text"] for f in self.json("memory")["facts"]], ["My pump is the P-9."])
        self.assertIn("My pump is the P-9.", self.talk("/memory\n").stdout)
        self.run_cairn("memory", "delete", "1")
        self.run_cairn("memory", "delete", "1", code=1)
        self.assertEqual(self.json("memory", "list")["facts"], [])
        for bad in (("add",), ("edit", "x", "y"), ("delete",), ("forget",), ("list", "x")):
            self.run_cairn("memory", *bad, code=2)
        self.talk("/remember I like tea.\n/forget 2\n", code=0)
        self.assertEqual(self.json("memory")["facts"], [])

    def test_feedback_is_kept_exported_and_measured(self):
        self.talk("What is the weight of the pump P-7?\n/good\nHow much is the rent of the flat in Elm Street?\n/good\n/bad wrong flat\n")
        self.talk("What is the warranty of the pump P-9?\nSo what is the warranty of the pump P-9?\nHow much is the rent?\n")
        kinds = [(f["kind"], f["note"]) for f in self.json("feedback")["feedback"]]
        self.assertEqual(kinds, [("good", ""), ("bad", "wrong flat"), ("asked-again", "So what is the warranty of the pump P-9?")])
        mine = self.write("../mine.jsonl", self.run_cairn("feedback", "export").stdout)
        with open(mine, encoding="utf-8") as f:
            lines = [json.loads(x) for x in f]
        self.assertEqual(lines, [{"question": "What is the weight of the pump P-7?", "feedback": "good",
                                  "answers": ["The weight of the pump P-7 is 12.5 kg."], "doc": os.path.join(self.docs, "p7.txt")}])
        self.assertEqual(self.json("eval", "answers", "--extractive", "--qa", mine)["metrics"]["right"]["value"], 1)
        self.assertIn("wrong flat", self.run_cairn("feedback").stdout)
        self.assertEqual(len(self.run_cairn("feedback", "export", "--all").stdout.splitlines()), 2)
        both = self.write("../both.jsonl", self.run_cairn("feedback", "export", "--all").stdout)
        with open(both, encoding="utf-8") as f:
            bad = [json.loads(x) for x in f][1]
        self.assertEqual([t["role"] for t in bad["history"]], ["user", "assistant"])
        self.assertEqual(bad["history"][0]["content"], "What is the weight of the pump P-7?")
        measured = self.json("eval", "answers", "--extractive", "--qa", both)
        self.assertEqual((measured["questions"], measured["unanswerable"]), (2, 0))  # a bad answer says nothing of what can be answered
        self.assertEqual(measured["metrics"]["unwanted_again"]["value"], 1)
        follow = self.write("../follow.jsonl", json.dumps({"question": "And of the pump P-9?", "answers": ["9 kg"], "history": [
            {"role": "user", "content": "What is the weight of the pump P-7?"}, {"role": "assistant", "content": "12.5 kg"}]}) + "\n")
        self.json("eval", "answers", "--extractive", "--qa", follow)
        broken = self.write("../broken.jsonl", '{"question": "And of the pump P-9?", "answers": ["9 kg"], "history": [{"role": "user"}]}\n')
        self.assertIn("history", self.run_cairn("eval", "answers", "--extractive", "--qa", broken, code=3).stderr)
        self.run_cairn("feedback", "delete", "1")
        self.run_cairn("feedback", "delete", "1", code=1)
        self.run_cairn("feedback", "delete", code=2)
        self.run_cairn("chat", "delete", "last")  # what was asked again goes with its conversation
        self.assertEqual(len(self.json("feedback")["feedback"]), 1)
        self.run_cairn("feedback", "delete", "--all")
        self.run_cairn("feedback", "export", code=1)

    def test_saved_answers_are_flagged_when_their_sources_change(self):
        self.talk("What is the warranty of the pump P-7?\n/save\nHow much is the rent of the flat in Elm Street?\n/save\n"
                  "Which of my files mention the hedge?\n/save\n")
        self.assertEqual([s["state"] for s in self.json("saved")["saved"]], ["holds"] * 3)
        self.write("lease.md", "A new preface.\n\n" + LEASE.replace("is 840 euros a month", "is 840 euros\na month"))
        self.index()
        self.assertEqual([s["state"] for s in self.json("saved")["saved"]], ["holds"] * 3)  # it only moved
        self.write("lease.md", LEASE.replace("840", "860"))
        self.write("note99.txt", "The hedge again.\n")
        os.remove(os.path.join(self.docs, "p7.txt"))
        done = self.run_cairn("index", "--no-vectors", self.docs)
        self.assertIn("3 saved answers no longer hold: cairn saved", done.stderr)
        saved = self.json("saved", code=1)["saved"]
        self.assertEqual([s["state"] for s in saved], ["gone", "changed", "changed"])
        self.assertIn("no longer says", saved[1]["why"])
        self.assertIn("13 of", saved[2]["why"])
        self.assertIn("840 euros", self.run_cairn("saved", "show", "2", code=1).stdout)
        self.run_cairn("saved", "delete", "1")
        self.run_cairn("saved", "delete", "1", code=1)
        self.write("lease.md", LEASE)
        self.index()
        self.assertEqual([s["state"] for s in self.json("saved", code=1)["saved"]], ["holds", "changed"])
        refused = self.talk("Which airline flies from Lisbon to Nairobi on Tuesdays?\n/save\n", code=2)
        self.assertIn("not saved", refused.stderr)


if __name__ == "__main__":
    main()
