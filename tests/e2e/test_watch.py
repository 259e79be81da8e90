"""cairn watch: what is told after a change is true in the index by then. Every wait is for an event.

Everything is asked twice: by a watch for each folder (inotify) and by one mark for the file system (fanotify), the latter
where it is allowed."""
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time

from harness import CAIRN, CairnTest, main

LIMIT = float(os.environ.get("CAIRN_TEST_LIMIT", 240))  # seconds an event may take on the slowest machine


class Watcher:
    def __init__(self, test, *args):
        env = dict(os.environ, CAIRN_HOME=test.home)
        self.process = subprocess.Popen([CAIRN, "watch", "--json", "--no-vectors", "--priority", "normal", "--by", test.by,
                                         *args, test.docs],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.events = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def wait(self, kind, name=None):
        """The next event of this kind (about a path that ends so)."""
        end = time.monotonic() + LIMIT
        while True:
            e = self.events.get(timeout=max(0.1, end - time.monotonic()))
            if e is None:
                raise AssertionError(f"ended while {kind} {name} was awaited; {self.seen[-5:]}; "
                                     f"{self.process.stderr.read()[-500:]}")
            self.seen.append(e)
            if e["event"] == kind and (name is None or e.get("path", "").endswith(name)):
                return e

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.reader.join(LIMIT)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Watch(CairnTest):
    by = "inotify"
    how = "a watch for each folder (inotify)"

    def watch(self, *args):
        w = Watcher(self, *args)
        self.addCleanup(w.stop)
        w.wait("ready")
        return w

    def put(self, name, text):
        """The whole file at once, so that no run can read half of it."""
        made = self.write("made", text, folder=self.top)
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        os.replace(made, self.path(name))

    def until(self, w, true):
        while not true():
            w.wait("done")

    def path(self, *parts):
        return os.path.join(self.docs, *parts)

    def doc(self, path):
        done = self.run_cairn("get", "--json", path, code=None)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def test_add_change_move_and_remove(self):
        self.write("first.txt", "basalt")
        w = self.watch()
        self.assertEqual(self.uris("basalt"), [self.path("first.txt")])
        self.put("new.txt", "marble")
        w.wait("add", "new.txt")
        self.assertEqual(self.uris("marble"), [self.path("new.txt")])
        self.put("new.txt", "granite is what it says now")
        w.wait("change", "new.txt")
        self.assertEqual(self.uris("marble"), [])
        self.assertEqual(self.uris("granite"), [self.path("new.txt")])
        before = self.doc(self.path("new.txt"))["doc"]
        os.rename(self.path("new.txt"), self.path("renamed.txt"))
        moved = w.wait("move", "renamed.txt")
        self.assertEqual(moved["from"], self.path("new.txt"))
        self.assertEqual(self.doc(self.path("renamed.txt"))["doc"], before)  # the same document
        os.remove(self.path("renamed.txt"))
        w.wait("remove", "renamed.txt")
        self.assertEqual(self.uris("granite"), [])
        self.assertEqual(w.stop(), 0)
        self.assert_clean()

    def test_folders_come_move_and_go_with_what_is_in_them(self):
        self.write("a/deep/one.txt", "basalt")
        w = self.watch()
        self.put("b/deeper/two.txt", "marble")
        w.wait("add", "b/deeper/two.txt")
        self.put("b/deeper/three.txt", "granite")  # the new folders are watched, too
        w.wait("add", "b/deeper/three.txt")
        os.rename(self.path("a"), self.path("b/a"))
        w.wait("move", "b/a/deep/one.txt")
        self.put("b/a/deep/four.txt", "gneiss")  # by the new name
        w.wait("add", "b/a/deep/four.txt")
        shutil.rmtree(self.path("b"))
        while self.run_cairn("list", code=None).stdout.strip():
            w.wait("done")
        self.assertEqual(w.stop(), 0)
        self.assert_clean()

    def test_the_way_is_told(self):
        self.write("a.txt", "basalt")
        w = Watcher(self)
        self.addCleanup(w.stop)
        self.assertEqual(w.wait("watching")["reason"], self.how)
        w.wait("ready")
        told = json.loads(self.run_cairn("status", "--json").stdout)["watching"]
        self.assertEqual((told["pid"], told["folders"], told["unwatched"]), (w.process.pid, 1, 0))
        self.assertEqual([p["how"] for p in told["places"]], [self.how])
        self.assertIn(self.how, self.run_cairn("status").stdout)
        self.assertEqual(w.stop(), 0)
        self.assertIsNone(json.loads(self.run_cairn("status", "--json").stdout)["watching"])

    def test_what_is_watched_is_told_by_the_names_it_was_given(self):
        self.write("a.txt", "basalt")
        more = [os.path.join(self.top, f"more{i}") for i in range(9)]
        for folder in more:
            os.makedirs(folder)
        top, docs = os.path.realpath(self.top), os.path.realpath(self.docs)
        w = Watcher(self, more[0])
        self.addCleanup(w.stop)
        told = [w.wait("watching") for _ in range(2)]
        self.assertEqual({e["path"] for e in told}, {docs, os.path.join(top, "more0")})
        self.assertEqual({e["reason"] for e in told}, {self.how})
        self.assertEqual(w.stop(), 0)
        w = Watcher(self, *more)
        self.addCleanup(w.stop)
        told = w.wait("watching")
        self.assertEqual((told["path"], told["reason"]), (top, f"10 files and folders in it: {self.how}"))
        self.assertEqual(w.stop(), 0)

    def test_the_index_itself_is_left_alone(self):
        """A store below the watched folder: what runs write there must not start the next run."""
        self.home = self.path("index")
        self.write("a.txt", "basalt")
        self.write("sub/b.txt", "marble")
        w = self.watch()
        for i in range(3):
            self.put(f"sub/c{i}.txt", f"granite {i}")
            w.wait("add", f"c{i}.txt")
            w.wait("done")
        self.assertEqual(w.stop(), 0)
        self.assertEqual([e["path"] for e in w.seen if "/index/" in e.get("path", "")], [])

    def test_saving_in_place_and_by_rename_and_failures(self):
        w = self.watch()
        self.write("a.txt", "basalt, written in place")
        self.until(w, lambda: self.uris("place") == [self.path("a.txt")])
        self.put("a.txt", "marble instead")
        self.until(w, lambda: self.uris("marble") == [self.path("a.txt")])
        self.put("bad.bin", bytes(range(256)) * 8)
        self.assertIn("no parser", w.wait("fail", "bad.bin")["reason"])
        self.assertEqual(w.stop(), 0)

    def test_the_named_folder_goes_and_comes_back(self):
        self.write("a.txt", "basalt")
        w = self.watch()
        for i in range(2):  # removed, as by who unmounts a disk: nothing is forgotten
            os.rename(self.docs, os.path.join(self.top, f"away{i}"))  # the watch goes with it
            self.assertIn("No such file", w.wait("fail", self.docs)["reason"])
            w.wait("done")
            self.assertEqual(self.uris("basalt"), [self.path("a.txt")])
            os.makedirs(self.docs)  # another folder, by the same name
            self.put("a.txt", "basalt")
            self.put("b.txt", "marble")
            self.until(w, lambda: self.uris("marble") == [self.path("b.txt")])
            self.put("c.txt", "granite")  # which is watched like the first
            self.until(w, lambda: self.uris("granite") == [self.path("c.txt")])
            os.remove(self.path("b.txt"))
            os.remove(self.path("c.txt"))
            self.until(w, lambda: self.uris("marble") + self.uris("granite") == [])
        self.assertEqual(w.stop(), 0)
        self.assert_clean()

    def test_rules_hold_and_their_change_is_followed(self):
        self.write("a.txt", "basalt one")
        self.write("b.tmp", "basalt two")
        self.write(".cairnignore", "*.tmp\n")
        w = self.watch()
        self.put("c.tmp", "basalt three")
        self.put("d.txt", "basalt four")
        w.wait("add", "d.txt")
        w.wait("done")
        self.assertEqual(sorted(map(os.path.basename, self.uris("basalt"))), ["a.txt", "d.txt"])
        self.put(".cairnignore", "a.txt\n")
        w.wait("remove", "a.txt")
        w.wait("done")
        self.assertEqual(sorted(map(os.path.basename, self.uris("basalt"))), ["b.tmp", "c.tmp", "d.txt"])

    def test_other_writers_get_their_turn(self):
        path = self.write("a.txt", "basalt")
        w = self.watch()
        self.run_cairn("delete", path)
        self.assertEqual(self.uris("basalt"), [])
        self.put("b.txt", "basalt")
        w.wait("add", "b.txt")
        self.assertEqual(w.stop(), 0)
        self.assert_clean()

    def test_too_few_watches_are_warned_of_and_made_up_for(self):
        for i in range(6):
            self.write(f"f{i}/x.txt", f"basalt {i}")
        w = Watcher(self, "--max-folders", "2", "--rescan", "1")
        self.addCleanup(w.stop)
        w.wait("ready")
        self.assertIn("are not", w.wait("warning")["reason"])
        self.put("f5/y.txt", "marble")  # in a folder that is not watched
        w.wait("rescan")
        w.wait("add", "f5/y.txt")
        self.assertEqual(self.uris("marble"), [self.path("f5/y.txt")])

    def test_a_storm_ends_in_the_index_of_a_fresh_run(self):
        import random
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 30)))
        print("CAIRN_SEED", seed)
        rng = random.Random(seed)
        w = self.watch("--settle", "20")
        words = ["basalt", "marble", "granite", "gneiss"]
        for step in range(400):
            name = f"d{rng.randrange(4)}/f{rng.randrange(12)}.txt"
            kind = rng.randrange(4)
            if kind < 2:
                self.write(name, f"{rng.choice(words)} number {step} {'x' * step}")
            elif os.path.exists(self.path(name)) and kind == 2:
                os.remove(self.path(name))
            elif os.path.exists(self.path(name)):
                to = self.path(f"d{rng.randrange(4)}/g{rng.randrange(12)}.txt")
                os.makedirs(os.path.dirname(to), exist_ok=True)
                os.rename(self.path(name), to)
        self.put("last.txt", "the last one")
        w.wait("add", "last.txt")
        w.wait("done")
        self.assertEqual(w.stop(), 0)
        mine = self.contents()
        report = self.index()
        self.assertEqual((report["indexed"], report["moved"], report["removed"]), (0, 0, 0))
        self.home += "-fresh"
        self.index()
        self.assertEqual(self.contents(), mine)
        self.assert_clean()

    def contents(self):
        lines = self.run_cairn("list", "--json").stdout.splitlines()
        uris = sorted(json.loads(x)["uri"] for x in lines)
        return [(u, self.doc(u)["text"]) for u in uris[:12]], uris


class WatchByMark(Watch):
    by = "fanotify"
    how = "one mark for the file system (fanotify)"

    told = None  # what the first try said

    def setUp(self):
        super().setUp()
        if WatchByMark.told is None:
            probe = Watcher(self)
            try:
                WatchByMark.told = probe.wait("watching")["reason"]
            except AssertionError as refused:
                WatchByMark.told = str(refused)
            probe.stop()
        if WatchByMark.told != self.how:
            self.skipTest(f"fanotify is not allowed here: {WatchByMark.told}")


class WatchByTime(CairnTest):
    by = "time"

    def test_everything_is_looked_at(self):
        path = self.write("a.txt", "basalt")
        w = Watcher(self, "--rescan", "1")
        self.addCleanup(w.stop)
        self.assertIn("by time", w.wait("watching")["reason"])
        w.wait("ready")
        self.write("b/c.txt", "marble")
        w.wait("add", "b/c.txt")
        os.remove(path)
        w.wait("remove", "a.txt")
        self.assertEqual(w.stop(), 0)


if __name__ == "__main__":
    main()
