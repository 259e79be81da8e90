"""The server over gRPC, asked by grpcio with generated stubs: every service, errors with their details, deadlines,
tokens, TLS, sizes, a unix socket, and the end of a server that still has watchers."""
import json
import os
import signal
import struct
import subprocess
import threading
import time

import grpc_clients

if "CAIRN_GRPC_STUBS" not in os.environ:
    grpc_clients.run_under_grpcio(__file__)

import grpc

from cairn.v1 import (admin_pb2, admin_pb2_grpc, ask_pb2, ask_pb2_grpc, collections_pb2, collections_pb2_grpc,
                      documents_pb2, documents_pb2_grpc, ingest_pb2, ingest_pb2_grpc, models_pb2, models_pb2_grpc,
                      search_pb2, search_pb2_grpc)
from harness import CAIRN, SOURCE, CairnTest, main, need_model, write_versions
from test_entailment import QUESTION, toy
from test_gateway import PUMP, Endpoint
from test_members import book

LIMIT = 120  # seconds that anything may take
CODE = grpc.StatusCode
TLS = os.path.join(SOURCE, "tests", "server", "tls")


class Server:
    """`cairn serve` with gRPC alone, as a process."""

    def __init__(self, home, *options, address="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [CAIRN, "--json", "serve", "--http", "off", "--grpc", address, *options],
            env=dict(os.environ, CAIRN_HOME=home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = []
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()
        self.address = None
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("adapter") == "grpc":
                self.address = event["address"]
                break
        if not self.address:
            self.stop()
            raise AssertionError("the server did not start: " + "".join(self.log[-5:]))

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        code = self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class GrpcTest(CairnTest):
    models = False

    def setUp(self):
        super().setUp()
        self.write("quarry.txt", "The granite came from the quarry in autumn.\n")
        self.write("tools.md", "# Tools\n\nA chisel splits granite along its grain.\n")
        self.write("tea.txt", "Nothing about stone at all, but grün and München.\n")
        self.index(vectors=self.models)

    def serve(self, *options, **more):
        if not self.models:
            options = ("--embedder", "/nonexistent/model", "--generator", "/nonexistent/model", *options)
        server = Server(self.home, *options, **more)
        self.addCleanup(server.stop)
        return server

    def channel(self, server, credentials=None, options=()):
        made = (grpc.secure_channel(server.address, credentials, options) if credentials
                else grpc.insecure_channel(server.address, options))
        self.addCleanup(made.close)
        return made

    def fails(self, code, call, reason=None):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code, caught.exception)
        if reason:
            details = dict(caught.exception.trailing_metadata())["grpc-status-details-bin"]
            self.assertIn(b"type.googleapis.com/google.rpc.ErrorInfo", details)
            self.assertIn(reason.encode(), details)
        return caught.exception


class PageLabels(GrpcTest):
    def test_hits_and_citations_name_pages_as_the_book_does(self):
        self.write("book.pdf", book(["A preface about basalt."], "0 << /S /r /St 4 >>"))
        self.index(vectors=False)
        server = self.serve()
        with grpc.insecure_channel(server.address) as channel:
            hits = search_pb2_grpc.SearchStub(channel).Query(search_pb2.QueryRequest(query="basalt OR granite", mode=search_pb2.MODE_LEXICAL), timeout=LIMIT).hits
            self.assertEqual({(h.page, h.page_label) for h in hits if h.uri.endswith("book.pdf")}, {(1, "iv")})
            self.assertEqual({h.page_label for h in hits if not h.uri.endswith("book.pdf")}, {""})
            events = list(ask_pb2_grpc.AskStub(channel).Answer(ask_pb2.AnswerRequest(question="What is the preface about?", extractive=True, mode=search_pb2.MODE_LEXICAL), timeout=LIMIT))
            self.assertEqual([(c.page, c.page_label) for c in events[-1].done.citations], [(1, "iv")])


class Entailment(GrpcTest):
    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_chances_come_with_the_answer_and_only_where_a_model_was_asked(self):
        toy(os.path.join(self.top, "judge"))
        self.write("pump.txt", "The pump P-7 has a warranty of 24 months.\n")
        self.index()
        conf = self.write("c.conf", f"[models]\nentailment = {self.top}/judge\n", folder=self.top)
        here = self.json("--config", conf, "ask", "--mode", "lexical", "--no-cache", QUESTION)["entailment"]
        request = ask_pb2.AnswerRequest(question=QUESTION, mode=search_pb2.MODE_LEXICAL)
        for options, asked in ((["--config", conf], True), ([], False)):
            server = Server(self.home, "--embedder", "/nonexistent/model", *options)
            self.addCleanup(server.stop)
            with grpc.insecure_channel(server.address) as channel:
                done = list(ask_pb2_grpc.AskStub(channel).Answer(request, timeout=LIMIT))[-1].done
            self.assertIn("24 months", done.answer)
            self.assertEqual(done.HasField("entailment"), asked)
            if asked:
                self.assertEqual(done.entailment.model, here["model"])
                self.assertEqual([(s.text, s.uri, s.held) for s in done.entailment.sentences],
                                 [(s["text"], s["uri"], s["held"]) for s in here["sentences"]])
                for there, one in zip(done.entailment.sentences, here["sentences"]):
                    for part in ("entailment", "neutral", "contradiction"):
                        self.assertAlmostEqual(getattr(there, part), one[part], places=4)


class Versions(GrpcTest):
    def test_versions_of_a_hit_come_newest_first(self):
        old, new = write_versions(self)
        self.index(vectors=False)
        server = self.serve()
        with grpc.insecure_channel(server.address) as channel:
            stub = search_pb2_grpc.SearchStub(channel)
            request = search_pb2.QueryRequest(query="lease", mode=search_pb2.MODE_LEXICAL, versions=True)
            hits = {h.uri: list(h.versions) for h in stub.Query(request, timeout=LIMIT).hits if h.uri in (old, new)}
            self.assertEqual({u: [(v.uri, v.newer) for v in vs] for u, vs in hits.items()}, {old: [(new, True)], new: [(old, False)]})
            self.assertEqual([(v.modified_ns, v.title) for v in hits[old]], [(1_700_000_000 * 10**9, "lease-v2")])
            self.assertTrue(0.7 <= hits[old][0].likeness < 1)
            request.versions = False
            self.assertFalse([h for h in stub.Query(request, timeout=LIMIT).hits if h.versions])


class Services(GrpcTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.c = self.channel(self.server)

    def test_search_equals_the_command_line(self):
        stub = search_pb2_grpc.SearchStub(self.c)
        got = stub.Query(search_pb2.QueryRequest(query="granite", mode=search_pb2.MODE_LEXICAL), timeout=LIMIT)
        want = self.json("search", "--mode", "lexical", "granite")["hits"]
        self.assertEqual(len(want), 2)
        self.assertEqual([(h.rank, h.uri, h.title, h.heading, h.text) for h in got.hits],
                         [(h["rank"], h["uri"], h["title"], h["heading"], h["text"]) for h in want])
        for g, w in zip(got.hits, want):
            self.assertAlmostEqual(g.score, w["score"], places=5)
            self.assertEqual([[r.start, r.end] for r in g.highlights], w["highlights"])
        stages = list(stub.QueryStream(search_pb2.QueryRequest(query="granite"), timeout=LIMIT))
        self.assertEqual([(s.stage, s.last) for s in stages], [("lexical", False), ("hybrid", True)])
        self.assertEqual([h.uri for h in stages[-1].result.hits], [h["uri"] for h in want])

    def test_errors_carry_details(self):
        stub = search_pb2_grpc.SearchStub(self.c)
        self.fails(CODE.NOT_FOUND, lambda: stub.Query(search_pb2.QueryRequest(query="a", collection="none")), "NOT_FOUND")
        self.fails(CODE.INVALID_ARGUMENT, lambda: stub.Query(search_pb2.QueryRequest(query="a", k=100000)), "USAGE")
        ask = ask_pb2_grpc.AskStub(self.c)
        self.fails(CODE.FAILED_PRECONDITION, lambda: list(ask.Answer(ask_pb2.AnswerRequest(question="Where did the granite come from?"))))
        raw = self.c.unary_unary("/cairn.v1.Search/Query")
        self.fails(CODE.INVALID_ARGUMENT, lambda: raw(b"\x12\x7f"), "MALFORMED_MESSAGE")
        self.fails(CODE.INVALID_ARGUMENT, lambda: raw(b"\x12\x02\xc3\x28"), "MALFORMED_MESSAGE")
        self.fails(CODE.UNIMPLEMENTED, lambda: self.c.unary_unary("/cairn.v1.Search/Nothing")(b""), "NO_SUCH_METHOD")

    def test_documents_answer_in_their_own_words(self):
        request = ask_pb2.AnswerRequest(question="Where did the granite come from?", extractive=True)
        events = list(ask_pb2_grpc.AskStub(self.c).Answer(request, timeout=LIMIT))
        done = events[-1].done
        self.assertTrue(done.extractive or done.refused)
        self.assertEqual("".join(e.text for e in events[:-1]).strip(), done.answer.strip())
        for c in done.citations:
            self.assertTrue(c.uri.startswith(self.docs))

    def test_it_is_said_who_answered(self):
        endpoint = Endpoint()
        self.addCleanup(endpoint.close)
        endpoint.reply = "It leaked."
        self.write("pump.txt", PUMP)
        self.index()
        conf = self.write("../g.conf", f"[models]\ngenerator = no-such-model\n[ask]\nroute = auto\n[gateway]\nurl = {endpoint.url}\n"
                                       "model = big\nuse = hard\n")
        server = Server(self.home, "--embedder", "/nonexistent/model", "--config", conf)
        self.addCleanup(server.stop)
        stub = ask_pb2_grpc.AskStub(self.channel(server))

        def ask(question):
            return list(stub.Answer(ask_pb2.AnswerRequest(question=question, mode=search_pb2.MODE_LEXICAL), timeout=LIMIT))[-1].done

        first = ask("Why was the seal of the pump P-7 changed?")
        self.assertEqual((first.sent_to, first.cached, first.extractive), (endpoint.url, "", False))
        again = ask("Why was the seal of the pump P-7 changed?")
        self.assertEqual((again.sent_to, again.cached, again.answer), ("", "exact", first.answer))
        self.assertEqual(len(endpoint.requests), 1)
        easy = ask("How long is the warranty of the pump P-7?")
        self.assertIn("own sentence", easy.route)
        self.assertEqual((easy.sent_to, easy.short_answer), ("", "24 months"))

    def test_the_parts_of_a_question_are_told(self):
        for name, day in (("Kestrel", "3 March 1919"), ("Heron", "12 May 1887")):
            self.write(name + ".txt", f"{name} Bridge was opened on {day} by the mayor.")
        self.index(vectors=False)
        question = "Which bridge was opened first, Kestrel Bridge or Heron Bridge?"
        told = self.json("ask", "--extractive", question)
        request = ask_pb2.AnswerRequest(question=question, extractive=True)
        done = list(ask_pb2_grpc.AskStub(self.c).Answer(request, timeout=LIMIT))[-1].done
        self.assertEqual(list(done.parts), told["parts"].split("\n"))
        self.assertEqual((len(done.parts), done.understood), (2, ""))
        request = ask_pb2.AnswerRequest(question="Where did the granite come from?", extractive=True)
        self.assertEqual(list(list(ask_pb2_grpc.AskStub(self.c).Answer(request, timeout=LIMIT))[-1].done.parts), [])

    def test_sizes_and_compression_are_bounded(self):
        stub = search_pb2_grpc.SearchStub(self.c)
        self.fails(CODE.RESOURCE_EXHAUSTED, lambda: stub.Query(search_pb2.QueryRequest(query="x" * (5 << 20))))
        self.fails(CODE.UNIMPLEMENTED, lambda: stub.Query(search_pb2.QueryRequest(query="granite " * 1000),
                                                          compression=grpc.Compression.Gzip))
        self.assertEqual(len(stub.Query(search_pb2.QueryRequest(query="granite")).hits), 2)

    def test_documents_and_collections(self):
        docs = documents_pb2_grpc.DocumentsStub(self.c)
        seen, token = [], ""
        while True:
            page = docs.List(documents_pb2.ListDocumentsRequest(page_size=1, page_token=token))
            seen += [d.uri for d in page.documents]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(seen, sorted(os.path.join(self.docs, f) for f in os.listdir(self.docs)))
        tea = docs.Get(documents_pb2.GetDocumentRequest(document=os.path.join(self.docs, "tea.txt")))
        self.assertIn("München", tea.text)
        gone = docs.Delete(documents_pb2.DeleteDocumentsRequest(document=tea.uri), timeout=LIMIT)
        self.assertEqual(gone.removed, 1)
        self.fails(CODE.NOT_FOUND, lambda: docs.Get(documents_pb2.GetDocumentRequest(document=tea.uri)))
        stub = collections_pb2_grpc.CollectionsStub(self.c)
        stub.Create(collections_pb2.CreateCollectionRequest(name="annex"))
        self.assertEqual(list(stub.List(collections_pb2.ListCollectionsRequest()).names), ["annex", "default"])
        self.assertEqual(stub.Info(collections_pb2.CollectionInfoRequest()).documents, 2)
        status = admin_pb2_grpc.AdminStub(self.c).Status(admin_pb2.StatusRequest())
        self.assertEqual(status.documents, 2)

    def test_uploads_come_in_pieces(self):
        def pieces():
            text = ("Basalt is what is left of a lava flow. " * 100000).encode()
            yield ingest_pb2.UploadRequest(file=ingest_pb2.UploadFile(name="sent/basalt.txt"))
            for at in range(0, len(text), 1 << 20):
                yield ingest_pb2.UploadRequest(data=text[at:at + (1 << 20)])
            yield ingest_pb2.UploadRequest(file=ingest_pb2.UploadFile(name="empty.txt"))

        events = list(ingest_pb2_grpc.IngestStub(self.c).Upload(pieces(), timeout=LIMIT))
        self.assertIn("receive", [e.progress.stage for e in events[:-1]])
        self.assertEqual(events[-1].WhichOneof("event"), "report")
        report = events[-1].report
        self.assertEqual((report.files, report.indexed + report.unchanged + report.unread, report.failed_inside), (2, 2, 0))
        self.assertGreaterEqual(events[-1].report.indexed, 1)
        got = search_pb2_grpc.SearchStub(self.c).Query(search_pb2.QueryRequest(query="basalt lava"))
        self.assertTrue(got.hits[0].uri.endswith("sent/basalt.txt"), got.hits[0].uri)

    def test_an_upload_that_breaks_off_leaves_nothing(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def pieces():
            yield ingest_pb2.UploadRequest(file=ingest_pb2.UploadFile(name="half.txt"))
            for _ in range(3):
                yield ingest_pb2.UploadRequest(data=b"half a file " * 100000)
            go_on.wait(LIMIT)

        call = ingest_pb2_grpc.IngestStub(self.c).Upload(pieces())
        self.assertEqual(next(call).progress.stage, "receive")
        call.cancel()
        self.assertEqual(self.server.stop(), 0)  # nothing of it is under way any longer
        left = [f for _, _, files in os.walk(os.path.join(self.home, "uploads")) for f in files]
        self.assertEqual(left, [])

    def test_watchers_learn_of_the_end(self):
        watch = self.c.unary_stream("/grpc.health.v1.Health/Watch")(b"")
        self.assertEqual(next(watch), b"\x08\x01")  # SERVING
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(next(watch), b"\x08\x02")  # NOT_SERVING
        with self.assertRaises(grpc.RpcError) as caught:
            next(watch)
        self.assertEqual(caught.exception.code(), CODE.UNAVAILABLE)
        self.assertEqual(self.server.stop(), 0)


class Doors(GrpcTest):
    def search(self, channel, token=None):
        metadata = [("authorization", f"Bearer {token}")] if token else []
        return search_pb2_grpc.SearchStub(channel).Query(search_pb2.QueryRequest(query="granite"), metadata=metadata,
                                                         timeout=LIMIT)

    def add_token(self, name, role):
        out = self.run_cairn("--json", "serve", "--add-token", name, "--role", role).stdout
        return json.loads(out)["token"]

    def test_tokens_have_roles(self):
        reader, boss = self.add_token("reader", "read"), self.add_token("boss", "admin")
        c = self.channel(self.serve())
        self.fails(CODE.UNAUTHENTICATED, lambda: self.search(c), "NO_TOKEN")
        self.fails(CODE.UNAUTHENTICATED, lambda: self.search(c, "guessed"))
        self.assertEqual(len(self.search(c, reader).hits), 2)
        status = admin_pb2_grpc.AdminStub(c).Status
        self.fails(CODE.PERMISSION_DENIED,
                   lambda: status(admin_pb2.StatusRequest(), metadata=[("authorization", f"Bearer {reader}")]))
        self.assertEqual(status(admin_pb2.StatusRequest(), metadata=[("authorization", f"Bearer {boss}")]).documents, 3)

    def test_a_unix_socket_is_its_owners_door(self):
        self.add_token("reader", "read")
        path = os.path.join(self.top, "cairn.sock")
        server = self.serve(address="unix:" + path)
        self.assertEqual(os.stat(path).st_mode & 0o077, 0)
        self.assertEqual(len(self.search(self.channel(server)).hits), 2)
        server.stop()
        self.assertFalse(os.path.exists(path))

    def test_mutual_tls(self):
        def pem(name):
            with open(os.path.join(TLS, name), "rb") as f:
                return f.read()

        server = self.serve("--tls-cert", os.path.join(TLS, "server.pem"), "--tls-key", os.path.join(TLS, "server.key"),
                            "--tls-client-ca", os.path.join(TLS, "ca.pem"))
        named = (("grpc.ssl_target_name_override", "localhost"),)
        good = grpc.ssl_channel_credentials(pem("ca.pem"), pem("client.key"), pem("client.pem"))
        self.assertEqual(len(self.search(self.channel(server, good, named)).hits), 2)
        nobody = grpc.ssl_channel_credentials(pem("ca.pem"))
        self.fails(CODE.UNAVAILABLE, lambda: self.search(self.channel(server, nobody, named)))
        stranger = grpc.ssl_channel_credentials(pem("ca.pem"), pem("stranger.key"), pem("stranger.pem"))
        self.fails(CODE.UNAVAILABLE, lambda: self.search(self.channel(server, stranger, named)))
        self.fails(CODE.UNAVAILABLE, lambda: self.search(self.channel(server)))


@need_model("multilingual-e5-small", "e5-small-q4.bin")
class Embedding(GrpcTest):
    def test_vectors_equal_the_command_lines(self):
        server = Server(self.home)
        self.addCleanup(server.stop)
        stub = models_pb2_grpc.ModelsStub(self.channel(server))
        texts = ["granite from the quarry", "grün"]
        got = stub.Embed(models_pb2.EmbedRequest(texts=texts), timeout=LIMIT)
        lines = "".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
        out = self.run_cairn("model", "embed", "--model", got.model, "--jsonl", stdin=lines).stdout
        for vector, line in zip(got.vectors, out.splitlines()):
            want = json.loads(line)["vector"]
            self.assertEqual(len(want), got.dimension)
            for a, b in zip(vector.values, want):
                self.assertAlmostEqual(a, struct.unpack("f", struct.pack("f", b))[0], places=5)


@need_model("smollm2-135m", "model.gguf")
class Generating(GrpcTest):
    def setUp(self):
        super().setUp()
        server = self.serve("--generator", "smollm2-135m")
        self.c = self.channel(server)

    def test_text_streams_and_equals_its_end(self):
        stub = models_pb2_grpc.ModelsStub(self.c)
        events = list(stub.Generate(models_pb2.GenerateRequest(prompt="The sea is", max_tokens=12), timeout=LIMIT))
        self.assertGreater(len(events), 2)
        self.assertEqual("".join(e.text for e in events[:-1]), events[-1].done.text)
        self.assertEqual(events[-1].done.completion_tokens, 12)
        self.assertEqual(events[-1].done.finish, "length")

    def test_answers_stream_with_their_sources(self):
        stub = ask_pb2_grpc.AskStub(self.c)
        events = list(stub.Answer(ask_pb2.AnswerRequest(question="Where did the granite come from?"), timeout=LIMIT))
        done = events[-1].done
        self.assertEqual(done.evidence[0].uri, os.path.join(self.docs, "quarry.txt"))
        if not done.refused:
            self.assertTrue(done.answer.startswith("".join(e.text for e in events[:-1]).strip()[:10]))

    def test_plans_show_their_steps(self):
        question = "How many blocks of granite are 3 times 4?"
        here = self.json("ask", "--tools=3", "--model", "smollm2-135m", "--mode", "lexical", question, code=None)
        stub = ask_pb2_grpc.AskStub(self.c)
        request = ask_pb2.AnswerRequest(question=question, tools=3, mode=search_pb2.MODE_LEXICAL)
        done = list(stub.Answer(request, timeout=LIMIT))[-1].done
        self.assertTrue(done.steps)
        self.assertEqual([(s.tool, json.loads(s.call), s.result, s.problem, s.writes) for s in done.steps],
                         [(s["tool"], s["call"], s["result"] or "", s["problem"] or "", s["writes"]) for s in here["steps"]])
        self.assertEqual((done.answer, done.out_of_steps), (here["answer"], here["out_of_steps"]))
        self.fails(CODE.INVALID_ARGUMENT, lambda: list(stub.Answer(ask_pb2.AnswerRequest(question=question, tools=17), timeout=LIMIT)))
        both = ask_pb2.AnswerRequest(question=question, tools=3, extractive=True)
        self.fails(CODE.INVALID_ARGUMENT, lambda: list(stub.Answer(both, timeout=LIMIT)))

    def test_cancelling_frees_the_model(self):
        stub = models_pb2_grpc.ModelsStub(self.c)
        call = stub.Generate(models_pb2.GenerateRequest(prompt="Once upon a time", max_tokens=100000))
        self.assertTrue(next(call).text)
        call.cancel()
        admin = admin_pb2_grpc.AdminStub(self.c)
        until = time.monotonic() + LIMIT
        while admin.Status(admin_pb2.StatusRequest(), timeout=LIMIT).calls_active > 1:
            self.assertLess(time.monotonic(), until, "the cancelled call goes on")
            time.sleep(0.02)
        again = stub.Generate(models_pb2.GenerateRequest(prompt="Again", max_tokens=2), timeout=LIMIT)
        self.assertEqual(list(again)[-1].done.completion_tokens, 2)

    def test_a_deadline_stops_the_model(self):
        stub = models_pb2_grpc.ModelsStub(self.c)
        self.fails(CODE.DEADLINE_EXCEEDED, lambda: list(stub.Generate(
            models_pb2.GenerateRequest(prompt="Once upon a time", max_tokens=100000), timeout=2)))


if __name__ == "__main__":
    main()
