"""Over gRPC: who may read what (a collection's rules), who asked what (the audit), and the log's line of a call with its request id and its caller's trace."""
import json
import os
import zipfile

import grpc_clients

if "CAIRN_GRPC_STUBS" not in os.environ:
    grpc_clients.run_under_grpcio(__file__)

import grpc

from cairn.v1 import (admin_pb2, admin_pb2_grpc, ask_pb2, ask_pb2_grpc, collections_pb2, collections_pb2_grpc, documents_pb2,
                      documents_pb2_grpc, ingest_pb2, ingest_pb2_grpc, search_pb2, search_pb2_grpc)
from harness import main
from test_grpc import CODE, LIMIT, GrpcTest

SECRET = "zirconium"  # a word that the hidden documents alone hold
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Rights(GrpcTest):
    def setUp(self):
        super().setUp()
        self.write("hr/pay.txt", f"The {SECRET} bonus for granite is 5000 euros.\n")
        self.write("hr/plan.md", f"# Plan\n\nTwo {SECRET} posts, granite for all.\n")
        with zipfile.ZipFile(self.docs + "/box.zip", "w") as z:
            z.writestr("in/secret.txt", f"A {SECRET} file in a box of granite.\n")
        self.index()
        self.auth = {}
        for name, role, more in (("root", "admin", ()), ("ann", "read", ("--groups", "hr")), ("bob", "write", ())):
            token = json.loads(self.run_cairn("--json", "serve", "--add-token", name, "--role", role, *more).stdout)["token"]
            self.auth[name] = [("authorization", f"Bearer {token}")]
        self.write("access", f"hr {self.docs}/hr/\nhr {self.docs}/box.zip\n", self.home + "/collections/default")
        self.audit = self.top + "/audit.log"
        self.server = self.serve("--audit-log", self.audit)
        self.c = self.channel(self.server)

    def uris(self, who, query, **more):
        got = search_pb2_grpc.SearchStub(self.c).Query(search_pb2.QueryRequest(query=query, mode=search_pb2.MODE_LEXICAL, **more), metadata=self.auth[who], timeout=LIMIT)
        return sorted(h.uri[len(self.docs):] for h in got.hits)

    HIDDEN = ["/box.zip!/in/secret.txt", "/hr/pay.txt", "/hr/plan.md"]
    OPEN = ["/quarry.txt", "/tools.md"]

    def test_nothing_of_a_hidden_document_shows(self):
        docs, search = documents_pb2_grpc.DocumentsStub(self.c), search_pb2_grpc.SearchStub(self.c)
        for who in ("root", "ann"):
            self.assertEqual(self.uris(who, "granite"), self.HIDDEN + self.OPEN, who)
            self.assertIn("5000 euros", docs.Get(documents_pb2.GetDocumentRequest(document=self.docs + "/hr/pay.txt"), metadata=self.auth[who]).text)
        self.assertEqual(self.uris("bob", "granite"), self.OPEN)
        self.assertEqual(self.uris("bob", SECRET), [])
        for query in ("granite", "zirc*", "zirconum", f'"{SECRET} bonus"', "path:pay"):
            stages = list(search.QueryStream(search_pb2.QueryRequest(query=query, facets=["ext", "folder"], as_you_type=True), metadata=self.auth["bob"], timeout=LIMIT))
            for s in stages:
                told = str(s.result)
                for word in ("/hr", "pay.txt", "box.zip", "5000 euros", SECRET + " b"):
                    self.assertNotIn(word, told, query)
        seen = [d.uri[len(self.docs):] for d in docs.List(documents_pb2.ListDocumentsRequest(page_size=100), metadata=self.auth["bob"]).documents]
        self.assertEqual(seen, ["/quarry.txt", "/tea.txt", "/tools.md"])
        info = collections_pb2_grpc.CollectionsStub(self.c).Info
        self.assertEqual([info(collections_pb2.CollectionInfoRequest(), metadata=self.auth[w]).documents for w in ("root", "bob")], [7, 3])
        request = ask_pb2.AnswerRequest(question="How high is the zirconium bonus?", extractive=True)
        self.assertNotIn("5000 euros", str(list(ask_pb2_grpc.AskStub(self.c).Answer(request, metadata=self.auth["bob"], timeout=LIMIT))))
        number = str(docs.Get(documents_pb2.GetDocumentRequest(document=self.docs + "/hr/pay.txt"), metadata=self.auth["root"]).id)
        for name in (self.docs + "/hr/pay.txt", number, "#" + number):
            e = self.fails(CODE.NOT_FOUND, lambda n=name: docs.Get(documents_pb2.GetDocumentRequest(document=n), metadata=self.auth["bob"]), "NOT_FOUND")
            self.assertEqual(e.details(), f'"{name}" is not in the index')

    def test_a_table_that_is_hidden_is_not_counted(self):
        self.write("hr/members-north.csv", f"Member,Paid\nVera {SECRET},no\nKurt {SECRET},no\nMona {SECRET},no\n")
        self.write("members.csv", "Member,Paid\nAnja Holm,yes\nPiet Claes,no\nLotte Maes,no\n")
        self.index()
        answers = {}
        for who in ("ann", "bob"):
            request = ask_pb2.AnswerRequest(question="How many members have not paid?", extractive=True, mode=search_pb2.MODE_LEXICAL)
            answers[who] = str(list(ask_pb2_grpc.AskStub(self.c).Answer(request, metadata=self.auth[who], timeout=LIMIT)))
            self.assertIn("2 (count, 2 of 3 rows: Piet Claes; Lotte Maes)", answers[who])
        self.assertIn("3 (count, 3 of 3 rows", answers["ann"])
        for word in (SECRET, "3 (count", "members-north"):
            self.assertNotIn(word, answers["bob"])

    def test_what_may_not_be_read_may_not_be_written(self):
        docs = documents_pb2_grpc.DocumentsStub(self.c)

        def delete(who, name):
            return docs.Delete(documents_pb2.DeleteDocumentsRequest(document=self.docs + name), metadata=self.auth[who], timeout=LIMIT).removed
        for name in ("/hr/pay.txt", "/hr", "/box.zip"):
            self.fails(CODE.NOT_FOUND, lambda n=name: delete("bob", n))
        self.fails(CODE.INVALID_ARGUMENT, lambda: delete("bob", ""))  # the whole folder
        self.fails(CODE.PERMISSION_DENIED, lambda: delete("ann", "/tools.md"))
        self.assertEqual(self.uris("root", "granite"), self.HIDDEN + self.OPEN)
        self.assertEqual(delete("bob", "/tools.md"), 1)
        self.assertEqual(self.uris("root", "granite"), self.HIDDEN + self.OPEN[:1])

    def test_who_asked_what_is_noted_and_nothing_else_is(self):
        search = search_pb2_grpc.SearchStub(self.c)
        traced = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")]
        asked = search.Query.with_call(search_pb2.QueryRequest(query="granite", k=3, mode=search_pb2.MODE_LEXICAL), metadata=self.auth["ann"] + traced, timeout=LIMIT)[1]
        refused = self.fails(CODE.UNAUTHENTICATED, lambda: search.Query(search_pb2.QueryRequest(query="schist"), timeout=LIMIT))
        wrong = self.fails(CODE.INVALID_ARGUMENT, lambda: search.Query(search_pb2.QueryRequest(query="gneiss", k=100000), metadata=self.auth["ann"] + [("traceparent", "00-0-0-0")]))
        pieces = [ingest_pb2.UploadRequest(file=ingest_pb2.UploadFile(name="a/basalt.txt"))] + [ingest_pb2.UploadRequest(data=b"basalt ")] * 5
        list(ingest_pb2_grpc.IngestStub(self.c).Upload(iter(pieces), metadata=self.auth["bob"], timeout=LIMIT))
        self.c.unary_unary("/grpc.health.v1.Health/Check")(b"")
        admin_pb2_grpc.AdminStub(self.c).Status(admin_pb2.StatusRequest(), metadata=self.auth["root"])
        with open(self.audit, encoding="utf-8") as f:
            lines = [json.loads(x) for x in f]
        self.assertEqual([(x["caller"], x["way"], x["action"], x["asked"]) for x in lines],
                         [("ann", "grpc", "/cairn.v1.Search/Query", {"query": "granite", "k": 3, "mode": search_pb2.MODE_LEXICAL}),
                          ("ann", "grpc", "/cairn.v1.Search/Query", {"query": "gneiss", "k": 100000}),
                          ("bob", "grpc", "/cairn.v1.Ingest/Upload", {"file": {"name": "a/basalt.txt"}}),
                          ("root", "grpc", "/cairn.v1.Admin/Status", {})])
        self.assertEqual({x["peer"] for x in lines}, {"127.0.0.1"})
        self.assertEqual(self.server.stop(), 0)
        log = {x["request"]: x for x in map(json.loads, self.server.log) if x.get("msg") == "request"}
        line = log[dict(asked.initial_metadata())["x-request-id"]]
        self.assertEqual(lines[0]["request"], line["request"])
        self.assertEqual({k: line[k] for k in ("method", "path", "status", "peer", "caller", "end", "trace")},
                         {"method": "grpc", "path": "/cairn.v1.Search/Query", "status": 0, "peer": "127.0.0.1", "caller": "ann", "end": "sent", "trace": TRACE})
        ids = [dict(e.initial_metadata() or ())["x-request-id"] for e in (refused, wrong)]
        self.assertEqual([(log[i]["status"], log[i]["caller"], log[i].get("trace")) for i in ids], [(16, "", None), (3, "ann", None)])
        self.assertEqual(len(log), 6)  # every call, also those that the audit leaves out
        for word in ("granite", "gneiss", "schist", "basalt"):
            self.assertNotIn(word, "".join(self.server.log))


class Quotas(GrpcTest):
    def test_memory_that_is_used_up_leaves_searches(self):
        c = self.channel(self.serve("--memory-mb", "1"))  # less than any server has
        for call in (lambda: list(ask_pb2_grpc.AskStub(c).Answer(ask_pb2.AnswerRequest(question="What is hard?"))),
                     lambda: list(ingest_pb2_grpc.IngestStub(c).Upload(iter([ingest_pb2.UploadRequest(file=ingest_pb2.UploadFile(name="x.txt"))])))):
            e = self.fails(CODE.UNAVAILABLE, call, "BUSY")
            self.assertRegex(e.details(), r"^the server uses \d+ MiB of memory, and may use 1: only searches are served")
        self.assertEqual(len(search_pb2_grpc.SearchStub(c).Query(search_pb2.QueryRequest(query="granite")).hits), 2)

    def test_a_rate_is_of_a_user(self):
        auth = {}
        for name, more in (("ann", ("--rate", "0.001")), ("bob", ())):
            token = json.loads(self.run_cairn("--json", "serve", "--add-token", name, "--role", "read", *more).stdout)["token"]
            auth[name] = [("authorization", f"Bearer {token}")]
        search = search_pb2_grpc.SearchStub(self.channel(self.serve())).Query
        for who in ("ann", "bob", "bob", "bob"):
            search(search_pb2.QueryRequest(query="granite"), metadata=auth[who])
        self.fails(CODE.RESOURCE_EXHAUSTED, lambda: search(search_pb2.QueryRequest(query="granite"), metadata=auth["ann"]), "TOO_MANY_CALLS")


if __name__ == "__main__":
    main()
