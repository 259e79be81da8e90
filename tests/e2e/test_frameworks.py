#!/usr/bin/env python3
"""LangChain and LlamaIndex as they come from their registry: against /v1 as a model, and with Cairn's search as their
retriever. Answers are the documents' own sentences here, so no model is needed. Skipped where the packages are not
reached."""
import os

import packages

packages.need("langchain_openai", "llama_index", group="frameworks")

from langchain_core.documents import Document  # noqa: E402
from langchain_core.retrievers import BaseRetriever  # noqa: E402
from langchain_core.runnables import RunnablePassthrough  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from llama_index.core import Settings, get_response_synthesizer  # noqa: E402
from llama_index.core.base.llms.types import ChatMessage  # noqa: E402
from llama_index.core.query_engine import RetrieverQueryEngine  # noqa: E402
from llama_index.core.retrievers import BaseRetriever as NodeRetriever  # noqa: E402
from llama_index.core.schema import NodeWithScore, TextNode  # noqa: E402
from llama_index.llms.openai_like import OpenAILike  # noqa: E402

from harness import LIBRARY, main  # noqa: E402
from serving import LIMIT, ServerTest  # noqa: E402

QUESTION = "How long is the warranty on the burrs?"
FUSE = "thermal fuse winding"
MANUAL = os.path.join(LIBRARY, "manual", "k2-service-manual.pdf")


def search(server, query, k=3):
    return server.json("POST", "/api/v1/search", {"q": query, "k": k, "mode": "lexical"})["hits"]


class LangRetriever(BaseRetriever):
    server: object

    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(page_content=h["text"], metadata={"source": h["uri"], "page": h["page"], "score": h["score"]})
                for h in search(self.server, query)]


class LlamaRetriever(NodeRetriever):
    def __init__(self, server):
        self.server = server
        super().__init__()

    def _retrieve(self, query_bundle):
        return [NodeWithScore(node=TextNode(text=h["text"], metadata={"uri": h["uri"]}), score=h["score"])
                for h in search(self.server, query_bundle.query_str)]


class Frameworks(ServerTest):
    def setUp(self):
        super().setUp()
        self.index(LIBRARY)
        self.server = self.serve(env=self.without_a_generator())
        self.url = f"http://{self.server.address}/v1"
        self.want = self.server.json("POST", "/api/v1/ask", {"question": QUESTION})["answer"]
        self.assertIn("18 months", self.want)

    def test_langchain(self):
        model = ChatOpenAI(base_url=self.url, api_key="none", model="cairn", max_retries=0, timeout=LIMIT)
        self.assertEqual(model.invoke(QUESTION).content, self.want)
        self.assertEqual("".join(part.content for part in model.stream(QUESTION)), self.want)
        retriever = LangRetriever(server=self.server)
        found = retriever.invoke(FUSE)
        self.assertEqual((found[0].metadata["source"], found[0].metadata["page"]), (MANUAL, 5))
        chain = {"found": retriever, "question": RunnablePassthrough()} | RunnablePassthrough.assign(
            answer=lambda given: model.invoke(given["question"]).content)
        told = chain.invoke(QUESTION)
        self.assertEqual((told["answer"], len(told["found"])), (self.want, 3))

    def test_llamaindex(self):
        model = OpenAILike(api_base=self.url, api_key="none", model="cairn", is_chat_model=True, max_retries=0, timeout=LIMIT)
        self.assertEqual(model.chat([ChatMessage(role="user", content=QUESTION)]).message.content, self.want)
        parts = list(model.stream_chat([ChatMessage(role="user", content=QUESTION)]))
        self.assertEqual(parts[-1].message.content, self.want)
        Settings.llm = model
        retriever = LlamaRetriever(self.server)
        self.assertEqual(retriever.retrieve(FUSE)[0].node.metadata["uri"], MANUAL)
        engine = RetrieverQueryEngine(retriever=retriever, response_synthesizer=get_response_synthesizer(llm=model, response_mode="no_text"))
        self.assertEqual(engine.query(FUSE).source_nodes[0].node.metadata["uri"], MANUAL)


if __name__ == "__main__":
    main()
