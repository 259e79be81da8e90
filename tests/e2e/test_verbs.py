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
        offered, there = completed(""), set(verbs())
        self.assertEqual(offered, there)
        for verb in sorted(there):
            missing = options(help_of(verb)) - completed(verb, "--") if verb not in ("model", "eval") else set()
            self.assertEqual(missing, set(), f"completion of cairn {verb}")
        self.assertLessEqual(options(help_of()), completed("--") | {"--version"})

    def test_the_manual_explains_them(self):
        for verb in verbs():
            entry = re.search(rf"(?m)^(\\.[BIR]+ \"?|\\\\fB){re.escape(verb)}\\b", self.manual)
            self.assertTrue(entry, f"no entry of cairn {verb}")
            if verb not in ("model", "eval"):  # those have many forms: `cairn VERB --help` has them all
                missing = [o for o in sorted(options(help_of(verb))) if o not in self.manual]
                self.assertEqual(missing, [], f"options of cairn {verb} that the manual page lacks")


if __name__ == "__main__":
    main()
