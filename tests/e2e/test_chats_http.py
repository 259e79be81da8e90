#!/usr/bin/env python3
"""Conversations over REST: begun, asked into (without a model: by extraction or refused), listed, renamed, exported,
deleted; and for nobody but the owner."""

from harness import main
from serving import ServerTest


class Chats(ServerTest):
    def setUp(self):
        super().setUp()
        self.write("lease.txt", "The lease of the workshop ends on 31 March 2027. The notice period is three months.\n")
        self.index()

    def serve(self, *options, **more):
        return super().serve("--generator", "/nonexistent/model", *options, **more)

    def ask(self, server, chat, question, status=200):
        return server.json("POST", "/api/v1/ask", {"question": question, "chat": chat}, status=status)

    def test_kept_and_taken_away(self):
        server = self.serve()
        self.assertEqual(server.json("GET", "/api/v1/chats"), {"chats": []})
        chat = server.json("POST", "/api/v1/chats", {"title": "The lease"}, status=201)["id"]
        self.assertRegex(chat, "^[0-9a-f]{16}$")
        listed = server.json("GET", "/api/v1/chats")["chats"]
        self.assertEqual([(c["id"], c["title"], c["turns"]) for c in listed], [(chat, "The lease", 0)])
        self.assertEqual(server.json("PATCH", f"/api/v1/chats/{chat}", {"title": "Workshop"})["title"], "Workshop")
        whole = server.json("GET", f"/api/v1/chats/{chat}")
        self.assertEqual((whole["title"], whole["turns"]), ("Workshop", []))
        _, headers, text = server.request("GET", f"/api/v1/chats/{chat}/export")
        self.assertEqual(headers["Content-Type"], "text/markdown; charset=utf-8")
        self.assertIn(b"Workshop", text)
        server.stop()
        server = self.serve()  # kept beyond the server
        self.assertEqual(len(server.json("GET", "/api/v1/chats")["chats"]), 1)
        self.assertEqual(server.json("DELETE", f"/api/v1/chats/{chat}"), {"deleted": chat})
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"title": "a"})):
            server.json(method, f"/api/v1/chats/{chat}", body, status=404)

    def test_what_is_no_conversation(self):
        server = self.serve()
        for path in ("last", "00", "x" * 16, "0" * 16 + "/nothing", "0" * 17):
            server.json("GET", "/api/v1/chats/" + path, status=404)
        server.json("PATCH", "/api/v1/chats/" + "0" * 16, {}, status=400)
        server.json("POST", "/api/v1/chats", {"title": "x" * 999}, status=400)
        server.json("POST", "/api/v1/ask", {"question": "a", "chat": "0" * 16, "history": [{"role": "user", "content": "b"}]}, status=400)

    def test_for_the_owner_alone(self):
        tokens = {role: self.json("serve", "--add-token", role, "--role", role)["token"] for role in ("read", "write", "admin")}
        server = self.serve()
        for role, status in (("read", 403), ("write", 403), ("admin", 200)):
            header = {"Authorization": "Bearer " + tokens[role]}
            self.assertEqual(server.request("GET", "/api/v1/chats", headers=header)[0], status)
            if status == 403:
                self.assertEqual(server.request("POST", "/api/v1/ask", {"question": "a", "chat": "0" * 16}, headers=header)[0], 403)


if __name__ == "__main__":
    main()
