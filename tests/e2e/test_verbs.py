#!/usr/bin/env python3
"""The same verbs and options everywhere: what --help tells of, the shell completes and the manual page explains."""
import os
import re
import shutil
import subprocess
import unittest

from harness import CAIRN, main

SOURCE = os.environ["CAIRN_SOURCE"]
COMPLETION = os.path.join(SOURCE, "cli", "completion", "cairn.bash")
BASH = shutil.which("bash")


def help_of(*verb):
    return subprocess.run([CAIRN, *verb, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout


def verbs():
    listed = help_of().split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options(text):
    """The long options that a help text explains: those that begin a line."""
    found = set()
    for line in text.splitlines():
        begin = re.match(r"\s+((-\w|--[a-z][-a-z0-9]*)(\[?[ =][^\s,]+)?(,\s+)?)+", line)
        if begin and line.startswith("  "):
            found.update(re.findall(r"--[a-z][-a-z0-9]*", begin.group(0)))
    return found


def completed(*words):
    """What bash offers for the last of these words."""
    script = f"source '{COMPLETION}'; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _cairn; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run([BASH, "--norc", "-c", script, "bash", "cairn", *words], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


class Verbs(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(SOURCE, "docs", "man", "cairn.1"), encoding="utf-8") as f:
            self.manual = f.read().replace("\\-", "-")

    def test_there_are_verbs(self):
        self.assertGreater(len(verbs()), 20)
        self.assertIn("--explain", options(help_of("search")))

    @unittest.skipUnless(BASH, "no bash here")
    def test_the_shell_completes_them(self):
        offered, there, common = completed(""), set(verbs()), options(help_of())
        self.assertEqual(offered, there)
        for verb in sorted(there):
            if verb not in ("model", "eval"):  # theirs go by what follows
                with self.subTest(verb=verb):
                    self.assertEqual(options(help_of(verb)) - common - completed(verb, "--"), set())
        self.assertLessEqual(common, completed("--"))

    def test_each_has_an_example(self):
        for verb in verbs():
            with self.subTest(verb=verb):
                self.assertRegex(help_of(verb).split("Global options")[0], rf"Examples?\b[^\n]*:\n(.*\n)*.*\b{verb}\b")

    def test_the_manual_explains_them(self):
        for verb in verbs():
            entry = re.search(rf"(?m)^(\.[BIR]+ \"?|\\fB){re.escape(verb)}\b", self.manual)
            with self.subTest(verb=verb):
                self.assertTrue(entry, "no entry")
                if verb not in ("model", "eval"):  # of many forms: their --help has all options
                    self.assertEqual([o for o in sorted(options(help_of(verb))) if o not in self.manual], [])


if __name__ == "__main__":
    main()
