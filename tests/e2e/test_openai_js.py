#!/usr/bin/env python3
"""OpenAI's official JavaScript client, as npm has it. Skipped where Node or the package is not reached."""
import json
import os
import shutil
import subprocess

import grpc_clients
from harness import LIBRARY, main
from serving import LIMIT, ServerTest

VERSION = "6.49.0"
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "openai_client.mjs")


def client():
    """The folder with the package and the script."""

    def make(folder):
        with open(os.path.join(folder, "package.json"), "w", encoding="utf-8") as f:
            json.dump({"private": True, "dependencies": {"openai": VERSION}}, f)
        grpc_clients.step("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1",
                          "--fetch-timeout=20000", cwd=folder)

    grpc_clients.step("node", "--version")
    folder = grpc_clients.once("openai-js-" + VERSION, make)
    shutil.copy(SCRIPT, folder)
    return folder


class OpenAI(ServerTest):
    def test_models_answers_streams_and_errors(self):
        try:
            folder = client()
        except grpc_clients.Missing as e:
            self.skipTest(f"not to be had here: {e}")
        self.index(LIBRARY)
        server = self.serve(env=self.without_a_generator())
        question = "How long is the warranty on the burrs?"
        done = subprocess.run(["node", os.path.join(folder, os.path.basename(SCRIPT)), f"http://{server.address}", question],
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        told, want = json.loads(done.stdout), server.json("POST", "/api/v1/ask", {"question": question})
        self.assertIn("cairn", told["models"])
        self.assertIn("18 months", want["answer"])
        self.assertEqual(told["answer"], want["answer"])
        self.assertEqual(told["streamed"], want["answer"])
        self.assertEqual(told["finish"], "stop")
        self.assertEqual([c["text"] for c in told["citations"]], [c["text"] for c in want["citations"]])
        self.assertEqual(told["refusals"], ["NotFoundError", "BadRequestError"])


if __name__ == "__main__":
    main()
