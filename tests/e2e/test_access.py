#!/usr/bin/env python3
"""Who may read what: rules of a collection hold wherever documents show, for callers that are no admins. No model is needed."""
import json
import os
import shutil
import signal
import time
import urllib.parse
import zipfile

from harness import CLUSTER, SOURCE, main
from serving import LIMIT, ServerTest

SECRET = "zirconium"  # a word that the hidden documents alone hold


class Access(ServerTest):
    def setUp(self):
        super().setUp()
        self.write("open/notice.txt", "The canteen serves lentils on Monday. Zircon rings are for sale.\n")
        self.write("open/menu.md", "# Menu\n\nLentils, granite cake and tea.\n")
        self.write("hr/pay.txt", f"The {SECRET} bonus of lentils is 5000 euros. Author: Quillon.\n")
        self.write("hr/plan.md", f"# Plan\n\nTwo {SECRET} posts, lentils for all.\n")
        with zipfile.ZipFile(self.docs + "/box.zip", "w") as z:
            z.writestr("in/secret.txt", f"A {SECRET} file in a box of lentils.\n")
        self.index()
        self.tokens = {}
        for name, role, more in (("root", "admin", ()), ("ann", "read", ("--groups", "hr")), ("bob", "write", ()), ("cid", "read", ("--for", "default"))):
            self.tokens[name] = self.json("serve", "--add-token", name, "--role", role, *more)["token"]
        self.rules = f"hr {self.docs}/hr/\nhr {self.docs}/box.zip\n"
        if not CLUSTER:
            self.write("access", self.rules, self.home + "/collections/default")
        self.server = self.serve("--grpc", "off")
        if CLUSTER:  # there the rules lie with the collection
            self.ask("root", "PUT", "/api/v1/access", {"rules": self.rules})

    def ask(self, who, method, path, body=None, status=200):
        return self.server.json(method, path, body, {"Authorization": "Bearer " + self.tokens[who]}, status)

    def uris_of(self, who, query, **more):
        q = urllib.parse.urlencode({"q": query, "mode": "lexical", **more})
        return sorted(h["uri"][len(self.docs):] for h in self.ask(who, "GET", "/api/v1/search?" + q)["hits"])

    ALL = ["/box.zip!/in/secret.txt", "/hr/pay.txt", "/hr/plan.md", "/open/menu.md", "/open/notice.txt"]
    OPEN = ALL[3:]

    def test_nothing_of_a_hidden_document_shows(self):
        for who in ("root", "ann"):
            self.assertEqual(self.uris_of(who, "lentils"), self.ALL)
            self.assertIn(SECRET, json.dumps(self.ask(who, "GET", "/api/v1/suggest?q=zirc")))
        for who in ("bob", "cid"):
            self.assertEqual(self.uris_of(who, "lentils"), self.OPEN)
            self.assertEqual(self.uris_of(who, SECRET), [])
            for query in ("lentils", "zirc*", "zirconum", f'"{SECRET} bonus"', "ext:txt lentils", "path:pay", "/zirc.*/", "zirconium~1", "author:quillon"):
                q = urllib.parse.urlencode({"q": query, "mode": "lexical", "explain": "1", "facets": "ext,folder,type,lang,year", "typing": "1"})
                told = json.dumps({k: v for k, v in self.ask(who, "GET", "/api/v1/search?" + q).items() if k not in ("query", "read_as")})
                for word in (SECRET + " ", SECRET + '"', SECRET + ",", "/hr/", "pay.txt", "box.zip", "5000 euros", "Quillon"):
                    if word[:-1] not in query:  # what was typed is told back
                        self.assertNotIn(word, told, (who, query))
            facets = self.ask(who, "GET", "/api/v1/search?q=lentils&mode=lexical&facets=ext")["facets"]["ext"]
            self.assertEqual(sum(v["documents"] for v in (facets["values"] if isinstance(facets, dict) else facets)), 2, facets)
            for text in ("zirc", "zirconum", "the zirconium bo", "quil", SECRET):
                told = self.ask(who, "GET", "/api/v1/suggest?q=" + urllib.parse.quote(text))
                self.assertNotIn(SECRET, json.dumps([told.get("completions"), told.get("correction")]), text)
                self.assertNotIn("quillon", json.dumps(told))
            self.assertIn("zircon", json.dumps(self.ask(who, "GET", "/api/v1/suggest?q=zirc")))
            self.assertEqual([d["uri"] for d in self.ask(who, "GET", "/api/v1/documents")["documents"]], [self.docs + u for u in self.OPEN])
            status = self.ask(who, "GET", "/api/v1/status")
            self.assertEqual((status["documents"], self.ask("root", "GET", "/api/v1/status")["documents"]), (2, 6))  # the box itself, too
            hidden = {self.ask("root", "GET", "/api/v1/document?uri=" + urllib.parse.quote(self.docs + u))["id"] for u in self.ALL[:3]}
            for name in [*map(str, hidden), *("#" + str(h) for h in hidden), *(self.docs + u for u in self.ALL[:3])]:
                for way in ("document", "document/text"):
                    got = self.ask(who, "GET", f"/api/v1/{way}?uri=" + urllib.parse.quote(name), status=404)
                    self.assertEqual(got["error"]["message"], f'"{name}" is not in the index')

    def test_other_ways_in_hold_to_the_rules(self):
        def mcp(who, name, arguments):
            return json.dumps(self.ask(who, "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}))
        pay = self.docs + "/hr/pay.txt"
        self.assertIn("5000 euros", mcp("ann", "search", {"query": SECRET, "mode": "lexical"}))
        self.assertIn("5000 euros", mcp("ann", "get", {"uri": pay}))
        for name, arguments in (("search", {"query": SECRET, "mode": "lexical"}), ("search", {"query": "bonus", "mode": "lexical"}), ("get", {"uri": pay}),
                                ("multi_get", {"uris": [pay, self.docs + "/open/menu.md"]}), ("status", {})):
            told = mcp("bob", name, arguments)
            self.assertNotIn("5000 euros", told)
            self.assertNotIn("plan.md", told)
        # A question about all documents counts those that may be read.
        whole = self.ask("ann", "POST", "/api/v1/ask", {"question": "Which files mention lentils?", "mode": "lexical"})
        part = self.ask("bob", "POST", "/api/v1/ask", {"question": "Which files mention lentils?", "mode": "lexical"})
        self.assertEqual((whole["answer"].split()[0], part["answer"].split()[0]), ("5", "2"), (whole["answer"], part["answer"]))
        self.assertNotIn("/hr/", json.dumps(part))
        for body in ({"question": "How high is the bonus?", "mode": "lexical"},):
            self.assertNotIn("5000 euros", json.dumps(self.ask("bob", "POST", "/api/v1/ask", body)))

    def test_pictures_and_reasons_are_hidden_too(self):
        plan = self.docs + "/hr/lease.pdf"
        shutil.copy(os.path.join(SOURCE, "fixtures/library/office/mietvertrag-werkstatt.pdf"), plan)
        self.index()
        page = {"uri": plan, "page": 1, "width": 200}

        def drawn(who):
            return self.server.request("POST", "/api/v1/document/page", page, {"Authorization": "Bearer " + self.tokens[who]})[0]
        for who, status in (("bob", 404), ("ann", 200), ("bob", 404), ("root", 200)):  # also once it is kept
            self.assertEqual(drawn(who), status, who)
        for way, query in (("why-not", "q=Miete&file="), ("document/text", "uri="), ("document", "uri=")):
            told = []
            for name in (plan, plan + ".none"):
                got, _, data = self.server.request("GET", f"/api/v1/{way}?{query}" + urllib.parse.quote(name), None,
                                                   {"Authorization": "Bearer " + self.tokens["bob"]})
                said = json.loads(data)
                said.get("error", {}).pop("request", None)
                told.append((got, json.dumps(said).replace(".none", "")))
            self.assertNotIn("not for GET", told[0][1])
            self.assertEqual(told[0], told[1], way)  # as if there were no such file

    def test_what_may_not_be_read_may_not_be_written(self):
        delete = "/api/v1/document?uri="
        for name in ("/hr/pay.txt", "/hr", "/box.zip"):
            self.ask("bob", "DELETE", delete + urllib.parse.quote(self.docs + name), status=404)
        self.ask("bob", "DELETE", delete + urllib.parse.quote(self.docs), status=400)
        self.ask("cid", "DELETE", delete + urllib.parse.quote(self.docs + "/open/menu.md"), status=403)
        # What is inside may be bob's and the file that holds it not; names next to it are none of its own.
        self.ask("root", "PUT", "/api/v1/access", {"rules": self.rules + f"- {self.docs}/box.zip\nbob {self.docs}/box.zip!/in/\n"})
        self.assertIn("/box.zip!/in/secret.txt", self.uris_of("bob", "lentils"))
        self.ask("bob", "DELETE", delete + urllib.parse.quote(self.docs + "/box.zip"), status=400)
        self.ask("bob", "DELETE", delete + urllib.parse.quote(self.docs + "/box.zi"), status=404)
        self.ask("root", "PUT", "/api/v1/access", {"rules": self.rules})
        self.assertEqual(self.uris_of("root", "lentils"), self.ALL)
        job = self.ask("bob", "DELETE", delete + urllib.parse.quote(self.docs + "/open/menu.md"), status=202)["id"]
        self.server.wait_job(job, {"Authorization": "Bearer " + self.tokens["bob"]})
        self.assertEqual(self.uris_of("root", "lentils"), [u for u in self.ALL if "menu" not in u])
        rules = self.rules + f"ann {self.home}/uploads/default/private/\n"
        self.assertEqual(self.ask("root", "PUT", "/api/v1/access", {"rules": rules})["rules"], rules)
        self.ask("bob", "PUT", "/api/v1/uploads/private/a.txt", "no", status=400)
        self.ask("bob", "PUT", "/api/v1/uploads/common/a.txt", "yes", status=202)

    def test_rules_change_at_once_and_only_by_admins(self):
        for who in ("ann", "bob"):
            self.ask(who, "GET", "/api/v1/access", status=403)
            self.ask(who, "PUT", "/api/v1/access", {"rules": ""}, status=403)
        self.assertEqual(self.ask("root", "GET", "/api/v1/access")["rules"], self.rules)
        error = self.ask("root", "PUT", "/api/v1/access", {"rules": "* /\nbob\n"}, status=422)["error"]["message"]
        self.assertIn("line 2", error)
        self.assertEqual(self.uris_of("bob", "lentils"), self.OPEN)
        self.ask("root", "PUT", "/api/v1/access", {"rules": ""})
        self.assertEqual(self.uris_of("bob", "lentils"), self.ALL)
        self.ask("root", "PUT", "/api/v1/access", {"rules": f"- /\nbob {self.docs}/hr/pay.txt\n"})
        self.assertEqual(self.uris_of("bob", "lentils"), ["/hr/pay.txt"])
        self.assertEqual(self.uris_of("ann", "lentils"), [])
        self.assertEqual(self.uris_of("root", "lentils"), self.ALL)
        # Rules that nobody can read open nothing, except to admins.
        self.write("access", "bob\n", self.home + "/collections/default")
        error = self.ask("bob", "GET", "/api/v1/search?q=lentils&mode=lexical", status=400 if CLUSTER else 422)["error"]["message"]
        self.assertIn("are kept there" if CLUSTER else "line 1", error)  # a file would bind this machine alone
        self.assertEqual(self.uris_of("root", "lentils"), self.ALL)

    def test_groups_come_and_go_with_the_tokens_file(self):
        self.assertEqual(self.uris_of("bob", SECRET), [])
        path = self.home + "/tokens"
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(x + " * sales,hr" if x.startswith("bob ") else x for x in lines) + "\n")
        self.server.send_signal(signal.SIGHUP)
        until = time.monotonic() + LIMIT
        while not self.uris_of("bob", SECRET) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.uris_of("bob", SECRET), self.ALL[:3])


if __name__ == "__main__":
    main()
