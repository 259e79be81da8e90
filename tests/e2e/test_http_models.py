#!/usr/bin/env python3
"""cairn serve with models: questions and answers over both interfaces. Skipped where the models are not here."""
import base64
import json
import struct

from harness import LIBRARY, main, need_model
from serving import ServerTest

QUESTION = "Wie viele Geräte sind vom Rückruf der Netzkabel betroffen?"


@need_model("multilingual-e5-small", "e5-small-q4.bin")
class Embeddings(ServerTest):
    models = True

    def test_vectors_are_those_of_the_command_line(self):
        s = self.serve()
        texts = ["the lease ends", "Größe"]
        lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts))
        told = [json.loads(x)["vector"] for x in self.run_cairn("model", "embed", "--model", "multilingual-e5-small", "--jsonl",
                                                                stdin=lines).stdout.splitlines()]
        plain = s.json("POST", "/v1/embeddings", {"model": "multilingual-e5-small", "input": texts})
        self.assertGreater(plain["usage"]["prompt_tokens"], 3)
        coded = s.json("POST", "/v1/embeddings", {"model": "multilingual-e5-small", "input": texts, "encoding_format": "base64"})
        for i, row in enumerate(told):
            self.assertEqual(len(row), len(plain["data"][i]["embedding"]))
            data = base64.b64decode(coded["data"][i]["embedding"])
            floats = struct.unpack(f"<{len(data) // 4}f", data)
            for a, b, c in zip(row, plain["data"][i]["embedding"], floats):
                self.assertAlmostEqual(a, b, 5)
                self.assertAlmostEqual(b, c, 6)
        query = s.json("POST", "/v1/embeddings", {"model": "multilingual-e5-small", "input": texts[0], "input_type": "query"})
        self.assertNotEqual(query["data"][0]["embedding"], plain["data"][0]["embedding"])
        for body, status in (({"model": "/etc/passwd", "input": "a"}, 404), ({"model": "multilingual-e5-small", "input": []}, 400),
                             ({"model": "multilingual-e5-small", "input": [1, 2]}, 400), ({"model": "multilingual-e5-small"}, 400),
                             ({"model": "multilingual-e5-small", "input": "a", "dimensions": 7}, 400),
                             ({"model": "multilingual-e5-small", "input": "a", "encoding_format": "hex"}, 400)):
            error = s.json("POST", "/v1/embeddings", body, status=status)["error"]
            self.assertEqual(sorted(error), ["code", "message", "param", "type"])


@need_model("smollm2-135m", "model.gguf")
class Generation(ServerTest):
    models = True

    def test_chat_and_completion_without_documents(self):
        s = self.serve("--generator", "smollm2-135m")
        chat = {"model": "smollm2-135m", "max_tokens": 8, "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Say "}, {"type": "text", "text": "hello."}]}]}
        whole = s.json("POST", "/v1/chat/completions", chat)
        self.assertEqual(whole["object"], "chat.completion")
        self.assertIn(whole["choices"][0]["finish_reason"], ("stop", "length"))
        self.assertLessEqual(whole["usage"]["completion_tokens"], 9)
        chunks = [d for _, d in s.events("POST", "/v1/chat/completions", dict(chat, stream=True, stream_options={"include_usage": True}))]
        self.assertEqual(chunks[-1], "[DONE]")
        parsed = [json.loads(c) for c in chunks[:-1]]
        text = "".join(c["choices"][0]["delta"].get("content", "") for c in parsed if c["choices"])
        self.assertEqual(text, whole["choices"][0]["message"]["content"])
        self.assertEqual(parsed[-1]["usage"], whole["usage"])
        self.assertEqual(parsed[-2]["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"])
        one = s.json("POST", "/v1/completions", {"model": "smollm2-135m", "prompt": "One two three", "max_tokens": 5, "stop": ["\n"]})
        self.assertEqual(one["object"], "text_completion")
        self.assertNotIn("\n", one["choices"][0]["text"])
        sampled = [s.json("POST", "/v1/completions", {"model": "smollm2-135m", "prompt": "Once", "max_tokens": 6, "temperature": 1.2, "seed": 7})
                   ["choices"][0]["text"] for _ in range(2)]
        self.assertEqual(sampled[0], sampled[1])
        for more in ({"tools": [{"type": "function"}]}, {"response_format": {"type": "xml"}}, {"response_format": {"type": "json_schema"}}, {"n": 2}, {"messages": []},
                     {"messages": [{"role": "robot", "content": "a"}]}, {"logprobs": True}, {"stop": [1]}, {"temperature": 11}):
            s.json("POST", "/v1/chat/completions", dict(chat, **more), status=400)
        schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}, "n": {"type": "integer"}}, "required": ["city", "n"],
                  "additionalProperties": False}
        held = s.json("POST", "/v1/chat/completions", dict(chat, max_tokens=80, response_format={
            "type": "json_schema", "json_schema": {"name": "city", "schema": schema}}))["choices"][0]
        if held["finish_reason"] == "stop":
            self.assertEqual(sorted(json.loads(held["message"]["content"])), ["city", "n"])
        else:
            self.assertTrue(held["message"]["content"].startswith("{"))
        s.json("POST", "/v1/chat/completions", dict(chat, model="cairn", response_format={"type": "json_object"}), status=400)
        for model in ("/etc/passwd", "../x", "gpt-4", "multilingual-e5-small"):
            s.json("POST", "/v1/chat/completions", dict(chat, model=model), status=404)

    def test_a_client_that_hangs_up_stops_its_answer(self):
        s = self.serve("--generator", "smollm2-135m")
        body = {"model": "smollm2-135m", "prompt": "Count: 1, 2, 3,", "max_tokens": 100000, "stream": True}
        stream = s.events("POST", "/v1/completions", body)
        next(stream)
        stream.close()
        # The model has one line: this answer comes only when the other one has ended.
        s.json("POST", "/v1/completions", {"model": "smollm2-135m", "prompt": "a", "max_tokens": 1})
        s.stop()
        self.assertTrue(any(x.get("end") == "broken off" for x in s.log_lines()))


@need_model("qwen2.5-coder-0.5b", "model.gguf")
class Answers(ServerTest):
    models = True

    def test_an_answer_with_citations_over_both_interfaces(self):
        mail = LIBRARY + "/mail"
        self.index(mail)
        told = self.json("ask", "--mode", "lexical", QUESTION, code=None)
        s = self.serve()
        body = {"question": QUESTION, "mode": "lexical"}
        whole = s.json("POST", "/api/v1/ask", body)
        for field in ("answer", "refused", "model", "usage"):
            self.assertEqual(whole[field], told[field])
        self.assertEqual([c["text"] for c in whole["citations"]], [c["text"] for c in told["citations"]])
        events = list(s.events("POST", "/api/v1/ask", dict(body, stream=True)))
        self.assertEqual(events[-1][0], "answer")
        last = json.loads(events[-1][1])
        self.assertEqual(last["answer"], whole["answer"])
        self.assertEqual("".join(json.loads(d)["text"] for n, d in events if n == "token").strip(), whole["answer"])
        # A citation's place is a range of the document's text.
        for c in whole["citations"]:
            part = s.json("GET", f"/api/v1/document/text?uri={c['doc']}&start={c['start']}&end={c['end']}")
            self.assertIn(c["text"].split()[0], part["text"])
        chat = s.json("POST", "/v1/chat/completions", {"model": "cairn", "messages": [{"role": "user", "content": QUESTION}]})
        self.assertIn("citations", chat)
        self.assertEqual(chat["refused"], told["refused"])
        self.assertEqual(s.json("POST", "/v1/chat/completions", {"model": "cairn:default", "messages": [
            {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, status=400)["error"]["type"], "invalid_request_error")

    def test_several_ask_at_once(self):
        self.index(LIBRARY + "/mail")
        s = self.serve()
        from concurrent.futures import ThreadPoolExecutor
        body = {"question": QUESTION, "mode": "lexical", "max_tokens": 24}
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda _: s.json("POST", "/api/v1/ask", body)["answer"], range(3)))
        self.assertEqual(len(set(answers)), 1)
        self.assertTrue(answers[0])


if __name__ == "__main__":
    main()
