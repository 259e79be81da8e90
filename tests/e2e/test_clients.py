#!/usr/bin/env python3
"""Other people's clients, as they come from their registries: the official MCP client over standard input and over
HTTP, and OpenAI's Python client against /v1. Skipped where the packages are not reached."""
import asyncio
import os
import unittest

import packages

packages.need("mcp", "openai")

import openai  # noqa: E402
from mcp import ClientSession, StdioServerParameters  # noqa: E402
from mcp.client.stdio import stdio_client  # noqa: E402

from harness import CAIRN, LIBRARY, main, model_path, need_model  # noqa: E402
from serving import ServerTest  # noqa: E402

try:
    from mcp.client.streamable_http import streamable_http_client as http_client
except ImportError:
    from mcp.client.streamable_http import streamablehttp_client as http_client


def plain(value):
    """A model of the client library as plain JSON."""
    return value.model_dump(by_alias=True) if hasattr(value, "model_dump") else value


class Mcp(ServerTest):
    def setUp(self):
        super().setUp()
        self.index(LIBRARY)

    async def look_around(self, session):
        await session.initialize()
        tools = plain(await session.list_tools())["tools"]
        self.assertEqual(sorted(t["name"] for t in tools),
                         ["ask", "calculate", "dates", "get", "multi_get", "search", "sql", "status", "tables"])
        found = plain(await session.call_tool("search", {"query": "lease", "mode": "lexical"}))
        self.assertFalse(found["isError"])
        self.assertTrue(found["structuredContent"]["hits"])
        resources = plain(await session.list_resources())["resources"]
        self.assertEqual(len(resources), 55)
        read = plain(await session.read_resource(resources[0]["uri"]))
        self.assertTrue(read["contents"][0]["text"])

    def test_over_standard_input(self):
        async def run():
            parameters = StdioServerParameters(command=CAIRN, args=["mcp", "--embedder", "/nonexistent/model"],
                                               env=dict(os.environ, CAIRN_HOME=self.home))
            async with stdio_client(parameters) as streams:
                async with ClientSession(*streams[:2]) as session:
                    await self.look_around(session)
        asyncio.run(run())

    def test_over_http(self):
        server = self.serve()

        async def run():
            async with http_client(f"http://{server.address}/mcp") as streams:
                async with ClientSession(*streams[:2]) as session:
                    await self.look_around(session)
        asyncio.run(run())


class OpenAI(ServerTest):
    models = True

    def client(self, *options):
        server = self.serve(*options)
        return openai.OpenAI(base_url=f"http://{server.address}/v1", api_key="none", max_retries=0)

    def test_models_and_errors(self):
        self.index(self.docs)
        client = self.client()
        self.assertIn("cairn", [m.id for m in client.models.list()])
        with self.assertRaises(openai.NotFoundError):
            client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "a"}])
        with self.assertRaises(openai.BadRequestError):
            client.chat.completions.create(model="cairn", messages=[{"role": "user", "content": "a"}], temperature=99)

    @need_model("smollm2-135m", "model.gguf")
    def test_chat_whole_and_streamed(self):
        client = self.client("--generator", "smollm2-135m")
        ask = dict(model="smollm2-135m", max_tokens=8, messages=[{"role": "user", "content": "Say hello."}])
        whole = client.chat.completions.create(**ask)
        parts = client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **ask)
        text, usage = "", None
        for chunk in parts:
            usage = chunk.usage or usage
            text += "".join(c.delta.content or "" for c in chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_embeddings(self):
        client = self.client()
        got = client.embeddings.create(model="multilingual-e5-small", input=["one", "two"])
        self.assertEqual([len(d.embedding) for d in got.data], [384, 384])
        self.assertAlmostEqual(sum(x * x for x in got.data[0].embedding), 1, 3)

    @unittest.skipUnless(model_path("qwen2.5-coder-0.5b", "model.gguf"), "the model qwen2.5-coder-0.5b is not on this machine")
    def test_an_answer_from_documents(self):
        self.index(os.path.join(LIBRARY, "mail"))
        question = "Wie viele Geräte sind vom Rückruf der Netzkabel betroffen?"
        told = self.json("ask", question, code=None)
        got = self.client().chat.completions.create(model="cairn", messages=[{"role": "user", "content": question}])
        self.assertEqual(got.choices[0].message.content, told["answer"])
        self.assertEqual([c["text"] for c in got.model_extra["citations"]], [c["text"] for c in told["citations"]])


if __name__ == "__main__":
    main()
