"""What is indexed and what is left out: ignore files, globs, a dry run that changes nothing."""
import json
import os

from harness import CairnTest, main


class Rules(CairnTest):
    def names(self):
        lines = self.run_cairn("list", "--json").stdout.splitlines()
        return sorted(os.path.relpath(json.loads(x)["uri"], self.docs) for x in lines)

    def events(self, *args):
        lines = self.run_cairn("index", "--json", "--dry-run", *args, self.docs).stdout.splitlines()
        return {os.path.relpath(e["path"], self.docs): e for e in map(json.loads, lines) if "event" in e}

    def test_ignore_files_decide_and_a_later_rule_takes_documents_out(self):
        self.write("a.txt", "basalt")
        self.write("drafts/b.txt", "basalt")
        self.write("repo/.gitignore", "*.out\n")
        os.makedirs(os.path.join(self.docs, "repo/.git"))
        self.write("repo/x.out", "basalt")
        self.write("repo/x.txt", "basalt")
        self.index()
        self.assertEqual(self.names(), ["a.txt", "drafts/b.txt", "repo/x.txt"])
        self.write(".cairnignore", "drafts/\n")
        self.index()
        self.assertEqual(self.names(), ["a.txt", "repo/x.txt"])
        self.index(self.docs, "--no-ignore")
        self.assertEqual(self.names(), ["a.txt", "drafts/b.txt", "repo/x.out", "repo/x.txt"])

    def test_globs_of_one_run(self):
        for name in ("a.txt", "b.md", "c.csv", "sub/d.md"):
            self.write(name, "basalt, marble")
        self.index(self.docs, "--include", "*.md", "--exclude", "sub/")
        self.assertEqual(self.names(), ["b.md"])

    def test_a_dry_run_says_what_would_be(self):
        self.write("a.txt", "basalt")
        shown = self.run_cairn("index", "--dry-run", self.docs).stdout
        self.assertIn("1 seen: 1 would be indexed", shown)
        self.assertIn("nothing was changed", shown)

    def test_a_dry_run_tells_and_changes_nothing(self):
        self.write("same.txt", "basalt stays")
        self.write("old.txt", "basalt moves")
        self.write("gone.txt", "basalt goes")
        self.write("edit.txt", "basalt before")
        self.index()
        before = self.names()
        os.rename(os.path.join(self.docs, "old.txt"), os.path.join(self.docs, "new.txt"))
        os.remove(os.path.join(self.docs, "gone.txt"))
        self.write("edit.txt", "basalt is edited now")
        self.write("add.txt", "basalt is new")
        self.write("no.iso", "basalt")
        self.write(".cairnignore", "*.iso\n")
        events = self.events()
        self.assertEqual({k: e["event"] for k, e in events.items()},
                         {"new.txt": "move", "gone.txt": "remove", "edit.txt": "change", "add.txt": "add",
                          "no.iso": "skip", ".cairnignore": "skip"})
        self.assertTrue(events["no.iso"]["reason"].endswith(".cairnignore line 1: *.iso"))
        self.assertTrue(events["new.txt"]["from"].endswith("old.txt"))
        self.assertEqual(self.names(), before)
        self.assert_clean()

    def test_an_ignore_file_for_every_run(self):
        self.write("a.txt", "basalt")
        self.write("b.tmp", "basalt")
        self.write(".hidden.txt", "basalt")
        config = self.write("cairn.conf", "[index]\nignore_file = ignore\nhidden = on\n", folder=self.top)
        self.write("ignore", "*.tmp\n", folder=self.top)
        self.index(self.docs, "--config", config)
        self.assertEqual(self.names(), [".hidden.txt", "a.txt"])
        os.remove(os.path.join(self.top, "ignore"))
        done = self.run_cairn("index", "--no-vectors", self.docs, "--config", config, code=3)
        self.assertIn("ignore file", done.stderr)

    def test_a_hidden_folder_that_is_named_beside_its_parent(self):
        self.write("a.txt", "basalt")
        self.write(".notes/n.txt", "basalt")
        self.index(self.docs, os.path.join(self.docs, ".notes"))
        self.assertEqual(self.names(), [".notes/n.txt", "a.txt"])


class Failures(CairnTest):
    def test_many_of_one_reason_are_told_in_one_line(self):
        for i in range(30):
            self.write(f"{i}.bin", bytes(range(256)) * 8 + bytes([i]))
        self.write("bad.pdf", "%PDF-1.4 nothing of the kind")
        told = self.run_cairn("index", "--no-vectors", self.docs).stderr
        self.assertIn("not indexed: 30 files: no parser for", told)
        self.assertIn("bad.pdf: broken PDF", told)
        self.assertEqual(told.count("not indexed"), 2)
        self.assertEqual(len(self.json("status")["failed"]), 31)


if __name__ == "__main__":
    main()
