#!/usr/bin/env python3
"""cairn serve with models: questions and answers over both interfaces. Skipped where the models are not here."""
import base64
import json
import struct

from harness import LIBRARY, main, need_model
from serving import ServerTest

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "The weather in a city now", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"]}}},
    {"type": "function", "function": {"name": "add", "description": "Add two whole numbers", "parameters": {
        "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "minimum": 0}}, "required": ["a", "b"]}}}]
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
        short = s.json("POST", "/v1/embeddings", {"model": "multilingual-e5-small", "input": texts, "dimensions": 7})["data"][1]["embedding"]
        long = plain["data"][1]["embedding"][:7]
        for a, b in zip(short, long):
            self.assertAlmostEqual(a, b / sum(x * x for x in long) ** 0.5, 5)
        for body, status in (({"model": "/etc/passwd", "input": "a"}, 404), ({"model": "multilingual-e5-small", "input": []}, 400),
                             ({"model": "multilingual-e5-small", "input": [1, 2]}, 400), ({"model": "multilingual-e5-small"}, 400),
                             ({"model": "multilingual-e5-small", "input": "a", "dimensions": 7000}, 400),
                             ({"model": "multilingual-e5-small", "input": "a", "encoding_format": "hex"}, 400)):
            error = s.json("POST", "/v1/embeddings", body, status=status)["error"]
            self.assertEqual(sorted(error), ["code", "message", "param", "type"])


@need_model("splade-tiny", "model.safetensors")
class Relevance(ServerTest):
    models = True

    def test_documents_are_ranked(self):
        s = self.serve()
        body = {"query": "how to brew coffee", "documents": ["The cat sleeps.", "Grind the beans, then brew the coffee.", {"text": "Tea and biscuits."}]}
        whole = s.json("POST", "/v1/rerank", body)
        self.assertEqual(whole["model"], "splade-tiny")
        self.assertEqual(whole["results"][0]["index"], 1)
        self.assertEqual(whole["results"][0]["document"]["text"], body["documents"][1])
        scores = [r["relevance_score"] for r in whole["results"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        top = s.json("POST", "/v1/rerank", dict(body, top_n=1, return_documents=False, model="splade-tiny"))["results"]
        self.assertEqual(top, [{"index": 1, "relevance_score": scores[0]}])
        for more, status in (({"documents": []}, 400), ({"documents": [1]}, 400), ({"query": ""}, 400), ({"top_n": 0}, 400),
                             ({"model": "gpt-4"}, 404), ({"model": "multilingual-e5-small"}, 404)):
            s.json("POST", "/v1/rerank", dict(body, **more), status=status)
        self.assertIn("splade-tiny", [m["id"] for m in s.json("GET", "/v1/models")["data"]])


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
        for more in ({"tools": {}}, {"tool_choice": "required"}, {"tools": TOOLS, "tool_choice": "sometimes"}, {"functions": []},
                     {"response_format": {"type": "xml"}}, {"response_format": {"type": "json_schema"}}, {"n": 17}, {"messages": []},
                     {"messages": [{"role": "robot", "content": "a"}]}, {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
                     {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
                     {"logprobs": 3}, {"top_logprobs": 3}, {"logit_bias": {"a": 1}}, {"stop": [1]}, {"temperature": 11}):
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

    def test_choices_log_probabilities_and_bias(self):
        s = self.serve("--generator", "smollm2-135m")
        body = {"model": "smollm2-135m", "prompt": ["One two", "A B"], "n": 2, "max_tokens": 3, "temperature": 1.5, "seed": 3, "logprobs": 2}
        whole = s.json("POST", "/v1/completions", body)
        self.assertEqual([c["index"] for c in whole["choices"]], [0, 1, 2, 3])
        self.assertEqual(whole["choices"], s.json("POST", "/v1/completions", body)["choices"])
        for c in whole["choices"]:
            told = c["logprobs"]
            self.assertEqual("".join(told["tokens"]), c["text"])
            self.assertTrue(all(len(top) <= 2 for top in told["top_logprobs"]))
            self.assertEqual(len({len(told[k]) for k in ("tokens", "token_logprobs", "top_logprobs", "text_offset")}), 1)
        echoed = s.json("POST", "/v1/completions", {"model": "smollm2-135m", "prompt": "One two", "max_tokens": 2, "echo": True})
        self.assertTrue(echoed["choices"][0]["text"].startswith("One two"))
        chat = {"model": "smollm2-135m", "max_tokens": 4, "messages": [{"role": "user", "content": "Count to three."}], "logprobs": True, "top_logprobs": 3}
        first = s.json("POST", "/v1/chat/completions", chat)["choices"][0]
        content = first["logprobs"]["content"]
        self.assertEqual(b"".join(bytes(t["bytes"]) for t in content).decode(), first["message"]["content"])
        for t in content:
            # Greedy: the token chosen is the likeliest one.
            self.assertEqual(t["token"], t["top_logprobs"][0]["token"])
            self.assertLessEqual(t["logprob"], 0)
        parsed = [json.loads(d) for _, d in s.events("POST", "/v1/chat/completions", dict(chat, stream=True)) if d != "[DONE]"]
        self.assertEqual(parsed[-1]["choices"][0]["logprobs"]["content"], content)
        # A token that is banned does not come: greedy text begins with another one.
        ids = json.loads(self.run_cairn("model", "tokenize", "--model", "smollm2-135m", "--jsonl",
                                        stdin=json.dumps({"id": 0, "text": content[0]["token"]}) + "\n").stdout)["tokens"]
        other = s.json("POST", "/v1/chat/completions", dict(chat, logit_bias={str(ids[0]): -100}))["choices"][0]
        self.assertNotEqual(other["logprobs"]["content"][0]["token"], content[0]["token"])

    def test_a_model_calls_functions(self):
        s = self.serve("--generator", "smollm2-135m")
        self.calls(s, "smollm2-135m")
        s.json("POST", "/v1/chat/completions", {"model": "cairn", "tools": TOOLS, "messages": [{"role": "user", "content": "a"}]}, status=400)

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_a_model_whose_template_knows_tools_calls_functions(self):
        self.calls(self.serve(), "qwen2.5-coder-0.5b")

    def calls(self, s, model):
        body = {"model": model, "max_tokens": 100, "tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
                "messages": [{"role": "user", "content": "What is the weather in Kiel?"}]}
        whole = s.json("POST", "/v1/chat/completions", body)["choices"][0]
        if whole["finish_reason"] == "tool_calls":
            call, = whole["message"]["tool_calls"]
            self.assertEqual((call["type"], call["function"]["name"], whole["message"]["content"]), ("function", "get_weather", None))
            arguments = json.loads(call["function"]["arguments"])
            self.assertIn("city", arguments)
            self.assertLessEqual(set(arguments), {"city", "unit"})
            self.assertIn(arguments.get("unit", "C"), ("C", "F"))
        else:
            self.assertEqual(whole["finish_reason"], "length")
        parsed = [json.loads(d) for _, d in s.events("POST", "/v1/chat/completions", dict(body, stream=True)) if d != "[DONE]"]
        pieces = [c["choices"][0]["delta"]["tool_calls"][0] for c in parsed if "tool_calls" in c["choices"][0]["delta"]]
        self.assertEqual(pieces[0]["function"]["name"], "get_weather")
        self.assertEqual("".join(p["function"]["arguments"] for p in pieces), whole["message"]["tool_calls"][0]["function"]["arguments"])
        self.assertEqual(parsed[-1]["choices"][0]["finish_reason"], whole["finish_reason"])
        # The call and its result go back, and the model answers; one without tools answers in words.
        back = dict(body, tool_choice="auto", max_tokens=8, messages=body["messages"] + [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {
                "name": "get_weather", "arguments": '{"city":"Kiel"}'}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees, rain"}])
        without = s.json("POST", "/v1/chat/completions", dict(back, messages=back["messages"][:1]))
        more = s.json("POST", "/v1/chat/completions", back)
        self.assertGreater(more["usage"]["prompt_tokens"], without["usage"]["prompt_tokens"])
        self.assertNotIn("tool_calls", s.json("POST", "/v1/chat/completions", dict(back, tool_choice="none"))["choices"][0]["message"])
        strict = [{"type": "function", "function": {"name": "get_weather", "strict": True, "parameters": {
            "type": "object", "properties": {"city": {"type": "string", "pattern": "a"}}}}}]
        self.assertIn("pattern", s.json("POST", "/v1/chat/completions", dict(body, tools=strict), status=501)["error"]["message"])

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
        # What the model holds when it has read the evidence counts here, too (it was looked for in the wrong place).
        for question in ("How many devices does the recall of the grinder's power cords concern?", "Who leads the recall?"):
            here = self.json("ask", "--mode", "lexical", "--no-cache", question, code=None)
            there = s.json("POST", "/api/v1/ask", {"question": question, "mode": "lexical"})
            self.assertEqual((there["answer"], there["refused"]), (here["answer"], here["refused"]))
            self.assertAlmostEqual(there["confidence"], here["confidence"], 5)
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
