#!/usr/bin/env python3
"""Plain questions over tables never count a table that the asker may not read, nor let one speak beside it: over HTTP, MCP and the command line's filter. No model is needed."""
import json
import os

from harness import embedded_only, main
from serving import ServerTest

OPEN = "Member,Town,Paid\nAnja Holm,Bruges,yes\nPiet Claes,Ghent,no\nLotte Maes,Ghent,no\n"
HIDDEN = "Member,Town,Paid\nVera Zirconium,Bruges,no\nKurt Zirconium,Ghent,no\nMona Zirconium,Ghent,no\nOtto Zirconium,Ghent,yes\n"
PAY = "Employee,Salary\nVera Zirconium,5100\nKurt Zirconium,4700\n"


@embedded_only("rules lie with the collection there (test_access)")
class TableRights(ServerTest):
    def setUp(self):
        super().setUp()
        self.write("open/members.csv", OPEN)
        self.write("hr/members-north.csv", HIDDEN)
        self.write("hr/pay.csv", PAY)
        self.index()
        self.tokens = {}
        for name, role, more in (("root", "admin", ()), ("ann", "read", ("--groups", "hr")), ("bob", "write", ())):
            self.tokens[name] = self.json("serve", "--add-token", name, "--role", role, *more)["token"]
        self.write("access", f"hr {self.docs}/hr/\n", self.home + "/collections/default")
        self.server = self.serve("--grpc", "off")

    def ask(self, who, path, body):
        return self.server.json("POST", path, body, {"Authorization": "Bearer " + self.tokens[who]})

    def answer(self, who, question, **more):
        return self.ask(who, "/api/v1/ask", {"question": question, "mode": "lexical", "extractive": True, **more})

    QUESTIONS = (("How many members have not paid?", "2 (count, 2 of 3 rows: Piet Claes, Ghent; Lotte Maes, Ghent) [1]", "3 (count"),
                 ("Which members have not paid?", "Piet Claes; Lotte Maes (2 of 3 rows) [1]", "Vera Zirconium; Kurt Zirconium; Mona Zirconium"),
                 ("How many members are from Bruges?", "1 (count, 1 of 3 rows: Anja Holm, Bruges) [1]", None))  # both tables have one: it is told once

    def test_over_http(self):
        for question, seen, hidden in self.QUESTIONS:
            a = self.answer("bob", question)
            self.assertEqual(a["answer"], seen)
            self.assertEqual([s["tool"] for s in a["steps"]], ["table"])
            for word in ("irconium", "/hr/", "members-north"):
                self.assertNotIn(word, json.dumps(a), question)
            for who in ("ann", "root"):
                told = self.answer(who, question)["answer"]
                self.assertIn(seen[:-len(" [1]")] if hidden else "1 (count", told)
                self.assertEqual(len(told.split("\n")), 2 if hidden else 1, told)
                self.assertIn(hidden or "1 (count", told)
        self.assertIn("9800", self.answer("ann", "What is the total of all salaries?")["answer"])
        a = self.answer("bob", "What is the total of all salaries?")
        self.assertNotIn("steps", a)
        self.assertNotIn("9800", json.dumps(a))

    def test_prose_that_is_hidden_speaks_for_nobody_else(self):
        self.write("hr/notes.md", "# Notes\n\nOf all members 17 have not paid.\n")
        self.index()
        question = self.QUESTIONS[0][0]
        self.assertTrue(self.answer("bob", question)["answer"].startswith("2 (count"))
        self.assertNotIn("irconium", json.dumps(self.answer("bob", question)))
        self.assertNotIn("17", json.dumps(self.answer("bob", question)["answer"]))

    def test_over_mcp(self):
        def told(who, question):
            return json.dumps(self.ask(who, "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                                                     "params": {"name": "ask", "arguments": {"question": question, "mode": "lexical", "extractive": True}}}))
        self.assertIn("3 (count", told("ann", self.QUESTIONS[0][0]))
        self.assertNotIn("irconium", told("bob", self.QUESTIONS[0][0]))

    def test_a_filter_leaves_tables_out(self):
        def told(*more):
            return self.json("ask", "--mode", "lexical", "--extractive", *more, self.QUESTIONS[0][0], code=None)
        self.assertEqual(len(told()["citations"]), 2)
        a = told("--filter", "path:open")
        self.assertEqual((a["answer"], [os.path.basename(c["uri"]) for c in a["citations"]]), (self.QUESTIONS[0][1], ["members.csv"]))
        a = told("--filter", "path:hr")
        self.assertEqual([os.path.basename(c["uri"]) for c in a["citations"]], ["members-north.csv"])
        self.assertTrue(a["answer"].startswith("3 (count, 3 of 4 rows"))
        self.assertNotIn("steps", told("--filter", "ext:html"))


if __name__ == "__main__":
    main()
