"""Settings of a folder (.cairn.conf), and what `cairn status` says of the work that is left."""
import json
import os
import subprocess

from harness import CAIRN, CairnTest, main

WORDS = " ".join(f"word{i}" for i in range(400)) + ".\n"


class Folders(CairnTest):
    def index(self, code=0):
        return self.json("index", "--no-vectors", self.docs, code=code)

    def chunks(self, name):
        return self.json("get", os.path.join(self.docs, name))["chunks"]

    def test_settings_of_a_folder(self):
        self.write("a/text.txt", WORDS + "one")
        self.write("b/text.txt", WORDS + "two")
        self.write("b/deep/text.txt", WORDS + "three")
        self.index()
        whole = self.chunks("b/text.txt")
        conf = self.write("b/.cairn.conf", "[index]\nchunk_tokens = 40\nchunk_overlap = 0\nlanguage = de\n")
        report = self.index()
        self.assertEqual((report["indexed"], report["unchanged"]), (2, 1))
        self.assertGreater(self.chunks("b/text.txt"), whole)
        self.assertEqual(self.chunks("b/text.txt"), self.chunks("b/deep/text.txt"))
        self.assertEqual(self.chunks("a/text.txt"), whole)
        self.assertEqual(self.json("get", os.path.join(self.docs, "b/deep/text.txt"))["lang"], "de")
        self.assertEqual(self.index()["unchanged"], 3)
        self.write("b/deep/.cairn.conf", "[index]\nchunk_tokens = 256\n")
        self.assertEqual(self.index()["indexed"], 1)
        self.assertLess(self.chunks("b/deep/text.txt"), self.chunks("b/text.txt"))
        os.remove(conf)
        self.assertEqual(self.index()["indexed"], 2)
        self.assertEqual(self.chunks("b/text.txt"), whole)

    def test_an_empty_mount_point_keeps_its_documents(self):
        """In mounts of its own, which end with the process."""
        self.write("sub/a.txt", "basalt")  # on the file system below the mount point: never seen while it is mounted
        steps = f"""
            mount --make-rprivate / && mount -t tmpfs none {self.docs} || exit 99
            echo marble > {self.docs}/m.txt
            $CAIRN index --no-vectors {self.docs} || exit 1
            umount {self.docs} || exit 2
            $CAIRN index --no-vectors {self.docs}; test $? = 3 || exit 3
            $CAIRN index --no-vectors {self.top}/docs {self.top}; test $? = 3 || exit 4
            $CAIRN search marble | grep -q m.txt || exit 5
            mount -t tmpfs none {self.docs} || exit 6
            echo granite > {self.docs}/g.txt
            $CAIRN index --no-vectors {self.docs} || exit 7
            $CAIRN search marble | grep -q m.txt && exit 8
            umount {self.docs} || exit 9
            $CAIRN delete {self.docs} || exit 10
            $CAIRN index --no-vectors {self.docs} || exit 11
            $CAIRN search basalt | grep -q a.txt || exit 12
        """
        done = subprocess.run(["unshare", "--mount", "sh", "-c", steps], capture_output=True, text=True,
                              env=dict(os.environ, CAIRN_HOME=self.home, CAIRN=CAIRN))
        if done.returncode == 99 or "unshare:" in done.stderr:
            self.skipTest("no file system may be mounted here")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("is not; its documents are kept", done.stdout + done.stderr)

    def test_a_bad_file_is_named_and_says_nothing(self):
        self.write("a/text.txt", WORDS)
        for bad, line in (("[index]\nchunk_tokens = 3\n", "line 2"), ("[search]\nk1 = 1\n", "line 2"),
                          ("[index]\nignore_file = /etc/passwd\n", "line 2"), ("chunk_tokens\n", "line 1"),
                          ("[index]\nlanguage = German\n", "language")):
            conf = self.write("a/.cairn.conf", bad)
            report = self.index(code=None)
            self.assertIn("a/text.txt", " ".join(json.loads(x)["uri"] for x in
                                                 self.run_cairn("--json", "list").stdout.splitlines()))
            self.assertEqual([f["path"] for f in report["failed"]], [conf])
            self.assertIn(line, report["failed"][0]["reason"])

    def test_status_of_a_run(self):
        self.write("a.txt", WORDS)
        self.index()
        status = self.json("status")
        self.assertIsNone(status["running"])
        self.assertEqual(status["pending_vectors"], status["chunks"])
        folder = os.path.join(self.home, "collections", "default")
        self.assertFalse(os.path.exists(os.path.join(folder, "run.state")))
        # What a run at work says: this process stands in for it.
        state = {"pid": os.getpid(), "stage": "embed", "done": 30, "total": 90, "seconds": 10, "seconds_left": 20}
        with open(os.path.join(folder, "run.state"), "w") as f:
            json.dump(state, f)
        running = self.json("status")["running"]
        self.assertEqual((running["stage"], running["done"], running["total"], running["per_second"],
                          running["seconds_left"]), ("embed", 30, 90, 3, 20))
        said = self.run_cairn("status").stdout
        self.assertIn("30 of 90 chunks, 3 a second, 20 s left", said)
        # It is the only one to say when: nothing else on the screen guesses.
        self.assertEqual(said.count("a second"), 1, said)
        status = self.json("status")
        self.assertEqual((status["vectors_per_second"], status["vectors_seconds_left"]), (3, 20))
        # A run that reads files says so of them, and not of vectors.
        with open(os.path.join(folder, "run.state"), "w") as f:
            json.dump(dict(state, stage="index"), f)
        status = self.json("status")
        self.assertEqual((status["vectors_per_second"], status["vectors_seconds_left"]), (0, None))
        # One that was killed left this behind.
        with open("/proc/sys/kernel/pid_max", encoding="ascii") as f:
            gone = int(f.read())  # none is as high
        for text in (json.dumps(dict(state, pid=gone)), "{", "[]", '{"pid": "x"}'):
            with open(os.path.join(folder, "run.state"), "w") as f:
                f.write(text)
            self.assertIsNone(self.json("status")["running"])


if __name__ == "__main__":
    main()
