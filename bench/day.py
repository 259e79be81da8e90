#!/usr/bin/env python3
"""A day of use in fast motion: files are created, edited, moved and deleted while `cairn watch` follows and searches
run; then the index must equal one that is made afresh.

    bench/day.py [--steps 50000] [--files 1500] [--seed 1] [--rate 200] [--vectors] [--keep DIR]

Compared are all documents (path, title, type, language, dates, copies, number of passages), all extracted texts, and the
hits of random searches by words with their passages and scores (without the bonus for nearness and the stage of recurring
lines, which look at the best twenty: among equal scores which those are is chance). The collection is compacted before, because
passages that were deleted count in the statistics of words until a merge drops them. With --vectors the passages are
embedded, too, and `cairn check` looks at their rows; hits by meaning are not compared, because a renamed file keeps the
vectors that were made with its old name.

Prints one JSON line; exit code 1 when something differs. CAIRN_BIN names the program."""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

CAIRN = os.environ.get("CAIRN_BIN", "build/release/cli/cairn")
SUBJECTS = [f"{a}{b}" for a in ("gran", "bas", "slat", "mar", "quar", "chal", "flin", "obsi", "pum", "gneis")
            for b in ("ite", "alt", "ore", "ble", "tzer", "ken", "tern", "dian", "ice", "sory", "lands", "fields")]


class Tree:
    """The folder that changes, and what is known to be in it."""

    def __init__(self, top, rng, files):
        self.top, self.rng, self.most = top, rng, files
        self.folders = [top] + [os.path.join(top, f"dir{i}", f"sub{i % 3}") for i in range(12)]
        for f in self.folders:
            os.makedirs(f, exist_ok=True)
        self.live = {}  # path -> kind
        self.made = 0
        self.texts = collections.deque(maxlen=40)  # of late, for copies

    def sentence(self):
        n = self.rng.randint(4, 14)
        return " ".join(self.rng.choice(SUBJECTS) for _ in range(n)).capitalize() + "."

    def body(self, kind):
        r = self.rng
        if self.texts and r.random() < 0.1:
            old = r.choice(self.texts)
            if old[0] == kind:
                return old[1]
        paragraphs = ["  ".join(self.sentence() for _ in range(r.randint(1, 6))) for _ in range(r.randint(1, 6))]
        head = f"{r.choice(SUBJECTS).title()} {r.randint(1, 9999)}"
        if kind == "md":
            text = f"# {head}\n\n" + "\n\n".join(paragraphs) + "\n"
        elif kind == "html":
            text = f"<html><title>{head}</title><body><h1>{head}</h1>" + "".join(f"<p>{p}</p>" for p in paragraphs) + "</body></html>"
        elif kind == "csv":
            text = "stone,weight\n" + "".join(f"{r.choice(SUBJECTS)},{r.randint(1, 999)}\n" for _ in range(r.randint(2, 30)))
        elif kind == "py":
            text = "\n\n".join(f"def {r.choice(SUBJECTS)}_{i}():\n    return {r.randint(1, 999)}" for i in range(r.randint(1, 5))) + "\n"
        elif kind == "eml":
            text = (f"From: Eva <eva@example.org>\nTo: bob@example.org\nSubject: {head}\nDate: Mon, 03 Jun 2024 10:00:00 +0000\n"
                    f"Content-Type: text/plain; charset=utf-8\n\n" + "\n\n".join(paragraphs) + "\n")
        else:
            text = "\n\n".join(paragraphs) + "\n"
        self.texts.append((kind, text))
        return text

    def write(self, path, kind, by_rename):
        target = path + ".part~" if by_rename else path
        if kind == "zip":
            with zipfile.ZipFile(target, "w") as z:
                for i in range(self.rng.randint(1, 3)):
                    z.writestr(zipfile.ZipInfo(f"in/{i}.md"), self.body("md"))
        else:
            with open(target, "w") as f:
                f.write(self.body(kind))
        if by_rename:
            os.replace(target, path)
        self.live[path] = kind

    def create(self):
        kind = self.rng.choices(["md", "txt", "html", "csv", "py", "eml", "zip"], [30, 25, 15, 10, 10, 8, 2])[0]
        self.made += 1
        path = os.path.join(self.rng.choice(self.folders), f"{self.rng.choice(SUBJECTS)}-{self.made}.{kind}")
        self.write(path, kind, self.rng.random() < 0.5)

    def edit(self):
        path = self.rng.choice(list(self.live))
        self.write(path, self.live[path], self.rng.random() < 0.5)

    def move(self):
        path = self.rng.choice(list(self.live))
        self.made += 1
        name = os.path.basename(path) if self.rng.random() < 0.5 else f"moved-{self.made}.{self.live[path]}"
        target = os.path.join(self.rng.choice(self.folders), name)
        os.replace(path, target)
        self.live[target] = self.live.pop(path)

    def move_folder(self):
        old = self.rng.choice(self.folders[1:])
        self.made += 1
        new = os.path.join(os.path.dirname(old), f"folder{self.made}")
        os.rename(old, new)
        self.folders[self.folders.index(old)] = new
        for path in [p for p in self.live if p.startswith(old + "/")]:
            self.live[new + path[len(old):]] = self.live.pop(path)

    def delete(self):
        path = self.rng.choice(list(self.live))
        os.remove(path)
        del self.live[path]

    def step(self):
        full = len(self.live) / self.most
        kind = self.rng.random()
        if not self.live or kind < 0.30 * (2 if full < 0.5 else 1 if full < 1 else 0.3):
            self.create()
        elif kind < 0.66:
            self.edit()
        elif kind < 0.80:
            self.move()
        elif kind < 0.805:
            self.move_folder()
        else:
            self.delete()


class Day:
    def __init__(self, args, top):
        self.args, self.top = args, top
        self.docs, self.home = os.path.join(top, "docs"), os.path.join(top, "home")
        os.makedirs(self.docs)
        self.plain = os.path.join(top, "plain.conf")
        with open(self.plain, "w") as f:
            f.write("[search]\nproximity = 0\nboilerplate = 0\n")
        self.problems = []
        self.searches = 0

    def cairn(self, *args, home=None, code=(0,)):
        done = subprocess.run([CAIRN, *args], capture_output=True, text=True, errors="surrogateescape",
                              env=dict(os.environ, CAIRN_HOME=home or self.home))
        if done.returncode not in code:
            self.problems.append(f"{' '.join(args)}: exit {done.returncode}: {done.stderr[-500:]}")
        return done

    # ---- watching and searching ----

    def start_watch(self):
        vectors = [] if self.args.vectors else ["--no-vectors"]
        self.watch = subprocess.Popen([CAIRN, "watch", "--json", "--priority", "normal", *vectors, self.docs],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env=dict(os.environ, CAIRN_HOME=self.home))
        self.seen = {}  # "kind path" -> when
        self.changed = threading.Condition()
        self.events = 0

        def read():
            for line in self.watch.stdout:
                e = json.loads(line)
                with self.changed:
                    self.events += 1
                    if e.get("event", e.get("kind")) in ("ready", "done") or "sentinel" in e.get("path", ""):
                        self.seen[(e.get("event", e.get("kind")), e.get("path", ""))] = time.monotonic()
                    self.changed.notify_all()
            with self.changed:
                self.seen[("end", "")] = 0
                self.changed.notify_all()

        threading.Thread(target=read, daemon=True).start()
        self.wait_for(lambda: any(k[0] == "ready" for k in self.seen))

    def wait_for(self, what, limit=3600):
        end = time.monotonic() + limit
        with self.changed:
            while not what():
                if ("end", "") in self.seen or time.monotonic() > end:
                    raise SystemExit(f"day: cairn watch ended or said nothing for {limit} s: "
                                     f"{self.watch.stderr.read() if self.watch.poll() is not None else ''}")
                self.changed.wait(1)

    def search_all_day(self, rng):
        while not self.evening.is_set():
            words = " ".join(rng.choice(SUBJECTS) for _ in range(rng.randint(1, 3)))
            done = self.cairn("--json", "search", "--mode", "lexical", words, code=(0, 1))
            self.searches += 1
            if done.returncode == 0 and not all("text" in h for h in json.loads(done.stdout)["hits"]):
                self.problems.append(f"search {words}: a hit without a text")
            self.evening.wait(self.args.pause)

    def live_through(self):
        rng = random.Random(self.args.seed)
        tree = Tree(self.docs, rng, self.args.files)
        for _ in range(self.args.files // 2):
            tree.create()
        self.start_watch()
        self.evening = threading.Event()
        searching = threading.Thread(target=self.search_all_day, args=(random.Random(self.args.seed + 1),))
        searching.start()
        try:
            start = time.monotonic()
            for i in range(self.args.steps):
                tree.step()
                ahead = start + (i + 1) / self.args.rate - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
                if (i + 1) % max(self.args.steps // 5, 1) == 0 and i + 1 < self.args.steps:
                    self.cairn("check")
                    print(f"{i + 1} steps, {time.monotonic() - start:.0f} s, {len(tree.live)} files, {self.searches} searches",
                          file=sys.stderr, flush=True)
            sentinel = os.path.join(self.docs, "sentinel.txt")
            with open(sentinel, "w") as f:
                f.write("The sentinel stands last.\n")
            self.wait_for(lambda: ("add", sentinel) in self.seen or ("change", sentinel) in self.seen)
            # What is told is committed; its run must end before the next writer.
            self.watch.send_signal(signal.SIGINT)
            self.watch.wait(600)
        finally:
            self.evening.set()
            searching.join()
            if self.watch.poll() is None:
                self.watch.kill()
        return len(tree.live)

    # ---- comparing ----

    def documents(self, home):
        out = {}
        for line in self.cairn("--json", "list", home=home, code=(0, 1)).stdout.splitlines():
            d = json.loads(line)
            out[d["uri"]] = {k: d[k] for k in ("title", "mime", "lang", "size", "date_ns", "modified_ns", "author", "tags")}
            out[d["uri"]]["copy"] = d["same_as"] is not None
            out[d["uri"]]["chunks"] = d["chunks"]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for uri, text in pool.map(lambda u: (u, self.text(u, home)), list(out)):
                out[uri].update(text)
        return out

    def text(self, uri, home):
        d = json.loads(self.cairn("--json", "get", uri, home=home).stdout or "{}")
        return {"text": d.get("text"), "places": d.get("places")}

    def hits(self, query, home):
        done = self.cairn("--config", self.plain, "--json", "search", "--mode", "lexical", "-k", "10", query, home=home, code=(0, 1))
        hits = json.loads(done.stdout)["hits"] if done.returncode == 0 else []
        return sorted((round(-h["score"], 4), h["uri"], h["start"], h["text"]) for h in hits)

    def same_hits(self, a, b):
        """Equal but for which of several passages of the last score came in."""
        if len(a) != len(b) or [x[0] for x in a] != [x[0] for x in b]:
            return False
        last = a[-1][0] if a else 0
        return [x for x in a if x[0] != last] == [x for x in b if x[0] != last]

    def compare(self):
        fresh = os.path.join(self.top, "fresh")
        self.cairn("compact")
        self.cairn("index", "--no-vectors", self.docs, home=fresh)
        self.cairn("compact", home=fresh)
        self.cairn("check")
        old, new = self.documents(self.home), self.documents(fresh)
        for uri in sorted(set(old) | set(new)):
            if old.get(uri) != new.get(uri):
                a, b = old.get(uri), new.get(uri)
                keys = [k for k in (a or b) if a is None or b is None or a[k] != b[k]]
                self.problems.append(f"document {uri}: {'missing' if a is None else 'left over' if b is None else keys} "
                                     f"{[(a[k], b[k]) for k in keys if k != 'text'] if a and b else ''}")
        counts = [json.loads(self.cairn("--json", "status", home=h).stdout)["chunks"] for h in (self.home, fresh)]
        if counts[0] != counts[1]:
            self.problems.append(f"{counts[0]} passages, afresh {counts[1]}")
        rng = random.Random(self.args.seed + 2)
        for _ in range(self.args.queries):
            query = " ".join(rng.choice(SUBJECTS) for _ in range(rng.randint(1, 3)))
            if rng.random() < 0.3:
                query += rng.choice([" ext:md", " -ext:md", f" dir:sub{rng.randint(0, 2)}", " type:message/rfc822"])
            a, b = self.hits(query, self.home), self.hits(query, fresh)
            if not self.same_hits(a, b):
                other = [(x[:3], y[:3]) for x, y in zip(a, b) if x != y][:2]
                self.problems.append(f"hits of {query!r} differ: {len(a)} and {len(b)}, {other}")
        return len(new), counts[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--steps", type=int, default=50000)
    p.add_argument("--files", type=int, default=1500)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rate", type=float, default=200, help="steps a second at most")
    p.add_argument("--queries", type=int, default=200)
    p.add_argument("--pause", type=float, default=0.5, help="seconds between two searches")
    p.add_argument("--vectors", action="store_true")
    p.add_argument("--keep", help="work in this folder and leave it")
    args = p.parse_args()
    top = os.path.realpath(args.keep or tempfile.mkdtemp(prefix="cairn-day-"))
    os.makedirs(top, exist_ok=True)
    day = Day(args, top)
    start = time.monotonic()
    try:
        files = day.live_through()
        lived = time.monotonic() - start
        documents, chunks = day.compare()
    finally:
        if not args.keep:
            shutil.rmtree(top, ignore_errors=True)
    for problem in day.problems[:50]:
        print(problem, file=sys.stderr)
    print(json.dumps({"bench": "day", "steps": args.steps, "seed": args.seed, "files": files, "documents": documents,
                      "chunks": chunks, "searches": day.searches, "events": day.events, "seconds": round(lived, 1),
                      "problems": len(day.problems)}))
    return 1 if day.problems else 0


if __name__ == "__main__":
    sys.exit(main())
