#!/usr/bin/env python3
"""schemathesis against server/web/openapi.json: whatever it makes up, the server answers as the file says, and never
with a failure of its own. Skipped where the package is not reached."""
import os
import subprocess
import sys

import packages

packages.need("schemathesis", group="openapi")

from harness import main  # noqa: E402
from serving import ServerTest  # noqa: E402

EXAMPLES = "4"  # made up for each operation, beside those that cover each parameter's bounds
SEED = os.environ.get("CAIRN_SEED", "7")


class Contract(ServerTest):
    def test_the_server_does_as_its_file_says(self):
        self.write("quarry.txt", "The granite came from the quarry in autumn 2024.\n")
        self.index()
        # Not the desktop's program, which is not on every machine: 501 would be its answer then.
        server = self.serve(env={**self.without_a_generator(), "CAIRN_OPENER": "/bin/true"})
        done = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", f"http://{server.address}/api/v1/openapi.json",
             "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
             "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED, "--request-timeout", "120", "--suppress-health-check", "all", "--generation-database", "none",
             "--exclude-path", "/api/v1/jobs/{id}/events", "--no-color"],
            capture_output=True, text=True, timeout=800, check=False, cwd=self.home)
        self.assertEqual(done.returncode, 0, f"CAIRN_SEED={SEED}\n" + done.stdout[-6000:] + done.stderr[-2000:])
        self.assertEqual(server.request("GET", "/livez")[0], 200)


if __name__ == "__main__":
    main()
