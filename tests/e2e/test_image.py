#!/usr/bin/env python3
"""The tree of files that the container image holds: below 150 MB, and what is in it runs by itself. Needs root, for chroot."""
import json
import os
import re
import shutil
import stat
import subprocess
import unittest

from harness import CAIRN, SOURCE, CairnTest, main

REFUSED = 99
BUILD = os.path.dirname(os.path.dirname(os.path.abspath(CAIRN)))


class Image(CairnTest):
    def setUp(self):
        super().setUp()
        if os.geteuid():
            raise unittest.SkipTest("chroot needs root")
        if "address" in subprocess.run(["grep", "CAIRN_SANITIZE", BUILD + "/CMakeCache.txt"], capture_output=True, text=True, check=False).stdout:
            raise unittest.SkipTest("the image is made of a build without sanitizers")
        self.tree = os.path.join(self.home, "tree")
        done = subprocess.run([os.path.join(SOURCE, "scripts/image-tree"), BUILD, self.tree], capture_output=True, text=True, timeout=1200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        try:
            os.mknod(self.tree + "/dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            with open(self.tree + "/dev/null", "rb"):
                pass
        except OSError as problem:
            raise unittest.SkipTest(f"no devices can be made here: {problem}") from None
        tried = subprocess.run(self.chroot("--version"), capture_output=True, text=True, check=False)
        if tried.returncode == REFUSED or tried.stderr.startswith("unshare:"):
            raise unittest.SkipTest("no mounts of one's own here")

    def chroot(self, *args):
        """In a namespace of its own, with /proc as a container has it: what is mounted goes with it."""
        return ["unshare", "--mount", "sh", "-c", f'mount -t proc proc "$0/proc" || exit {REFUSED}; exec chroot "$0" /usr/bin/cairn --home /data "$@"', self.tree, *args]

    def inside(self, *args, code=0):
        done = subprocess.run(self.chroot(*args), env=dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin", LANG="C.UTF-8"), capture_output=True, text=True,
                              timeout=600, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def test_it_is_small_and_runs_by_itself(self):
        files = [os.lstat(os.path.join(folder, name)) for folder, _, names in os.walk(self.tree) for name in names]
        self.assertLess(sum(x.st_size for x in files), 150e6)
        for package in ("libpoppler126", "libicu72", "libc6"):
            self.assertTrue(os.path.exists(f"{self.tree}/usr/share/doc/{package}/copyright") or
                            subprocess.run(["dpkg-query", "-W", package], capture_output=True, check=False).returncode, package)
        shutil.copytree(os.path.join(SOURCE, "fixtures/parse"), self.tree + "/data/parse")
        ours = json.loads(self.run_cairn("--json", "--embedder", "/nonexistent", "index", "--no-vectors", os.path.join(SOURCE, "fixtures/parse"), code=None).stdout)
        told = json.loads(self.inside("--json", "--embedder", "/nonexistent", "index", "--no-vectors", "/data/parse"))
        self.assertEqual([told[k] for k in ("seen", "indexed", "chunks")], [ours[k] for k in ("seen", "indexed", "chunks")])
        found = [[h["text"] for h in json.loads(hits)["hits"]] for hits in (self.inside("--json", "search", "--mode", "lexical", "notice period"),
                                                                             self.run_cairn("--json", "search", "--mode", "lexical", "notice period").stdout)]
        self.assertEqual(*found)
        self.assertTrue(found[0])
        self.assertFalse(re.search(r"^(warning|bad) .*(extractor|PDF tables|fonts|time zones)", self.inside("doctor"), re.M))


if __name__ == "__main__":
    main()
