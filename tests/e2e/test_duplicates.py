"""cairn duplicates: the same bytes in several places, and versions of one text, against a count by hand."""
import json
import os
import random

from harness import CairnTest, main


def triples(text):
    words = text.lower().split()
    return {tuple(words[i:i + 3]) for i in range(len(words) - 2)}


def jaccard(a, b):
    a, b = triples(a), triples(b)
    return len(a & b) / len(a | b)


class Duplicates(CairnTest):
    def groups(self, *args, code=0):
        lines = self.run_cairn("duplicates", "--json", *args, code=code).stdout.splitlines()
        return [[(os.path.relpath(c["uri"], self.docs), c["same_bytes"], c["likeness"]) for c in json.loads(x)["copies"]]
                for x in lines]

    def put(self, name, text, when):
        os.utime(self.write(name, text), (when, when))

    def test_same_bytes_and_versions(self):
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 30)))
        print("CAIRN_SEED", seed)
        rng = random.Random(seed)
        text = lambda n: " ".join(f"w{rng.randrange(5000)}" for _ in range(n))
        one, other = text(400), text(400)
        words = one.split()
        second = " ".join(words[:300] + [f"new{i}" for i in range(20)] + words[300:])
        third = " ".join(words[:60] + [f"other{i}" for i in range(340)])
        self.put("lease-v1.txt", one, 1_600_000_000)
        self.put("copy/lease.txt", one, 1_500_000_000)
        self.put("lease-v2.txt", second, 1_700_000_000)
        self.put("unlike.txt", third, 1_650_000_000)
        self.put("else.txt", other, 1_650_000_000)
        self.put("short-a.txt", "yes indeed", 1)
        self.put("short-b.txt", "yes indeed.", 1)
        self.index()
        self.assertEqual([[x[:2] for x in g] for g in self.groups("--near", "1")],
                         [[("lease-v1.txt", True), ("copy/lease.txt", True)]])
        (group,) = self.groups()
        self.assertEqual([x[:2] for x in group],
                         [("lease-v2.txt", True), ("lease-v1.txt", False), ("copy/lease.txt", False)])
        for name, _, likeness in group[1:]:
            self.assertAlmostEqual(likeness, jaccard(one, second), places=5)
        # Of one document alone, as it is asked for; the copy stands for it.
        for name in ("lease-v1.txt", "copy/lease.txt"):
            (alone,) = self.groups(os.path.join(self.docs, name))
            self.assertEqual([x[:2] for x in alone],
                             [("lease-v2.txt", False), ("lease-v1.txt", True), ("copy/lease.txt", True)])
            self.assertAlmostEqual(alone[0][2], jaccard(one, second), places=5)
        self.assertEqual(self.groups(os.path.join(self.docs, "else.txt"), code=1), [])
        hits = self.json("search", "--mode", "lexical", "--versions", " ".join(words[:5]))["hits"]
        versions = {os.path.relpath(h["uri"], self.docs): [os.path.relpath(v["uri"], self.docs) for v in h.get("versions", [])]
                    for h in hits}
        self.assertEqual(versions["copy/lease.txt"], ["lease-v2.txt"])
        self.assertEqual(versions["lease-v2.txt"], ["copy/lease.txt"])
        # Without being asked, too, on the screen as well; not while somebody types.
        plain = self.json("search", "--mode", "lexical", " ".join(words[:5]))["hits"]
        self.assertEqual([h.get("versions") for h in plain], [h.get("versions") for h in hits])
        shown = self.run_cairn("search", "--mode", "lexical", " ".join(words[:5])).stdout
        self.assertRegex(shown, r"newer version, \d+ % alike, .*lease-v2\.txt")
        typed = self.json("search", "--mode", "lexical", "--as-you-type", " ".join(words[:5]))["hits"]
        self.assertFalse(any(h.get("versions") for h in typed))
        # In the list of documents.
        listed = {os.path.relpath(d["uri"], self.docs): [os.path.relpath(v["uri"], self.docs) for v in d["versions"]]
                  for d in map(json.loads, self.run_cairn("--json", "list", "--versions").stdout.splitlines())}
        self.assertEqual(listed["lease-v2.txt"], ["copy/lease.txt"])
        self.assertEqual(listed["lease-v1.txt"], ["lease-v2.txt", "copy/lease.txt"])
        self.assertEqual(listed["else.txt"], [])
        lines = self.run_cairn("list", "--versions", os.path.join(self.docs, "copy")).stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[1], r"^ +\d+ % alike .*lease-v2\.txt$")

    def test_versions_follow_changes(self):
        """Edits, moves, deletes and a compaction: always as in a collection that was made afresh."""
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 30)))
        print("CAIRN_SEED", seed)
        rng = random.Random(seed)
        base = [[f"w{rng.randrange(3000)}" for _ in range(250)] for _ in range(4)]

        def edited(i):
            words = list(base[i])
            for k in rng.sample(range(250), rng.randrange(1, 6)):
                words[k] = f"new{rng.randrange(10**6)}"
            return " ".join(words)

        def versions():
            lines = self.run_cairn("--json", "list", "--versions").stdout.splitlines()
            return {d["uri"]: [v["uri"] for v in d["versions"]] for d in map(json.loads, lines)}

        for i in range(16):
            self.put(f"{i}.txt", edited(i % 4), 1_600_000_000 + i)
        self.index()
        self.assertEqual(sorted(len(v) for v in versions().values()), [3] * 16)
        self.put("0.txt", " ".join(f"else{k}" for k in range(200)), 1_650_000_000)
        os.rename(os.path.join(self.docs, "1.txt"), os.path.join(self.docs, "moved.txt"))
        os.remove(os.path.join(self.docs, "2.txt"))
        self.index()
        changed = versions()
        self.run_cairn("compact")
        self.assertEqual(versions(), changed)
        path = lambda *names: [os.path.join(self.docs, n) for n in names]
        self.assertEqual(changed[path("0.txt")[0]], [])
        self.assertEqual(changed[path("4.txt")[0]], path("12.txt", "8.txt"))
        self.assertEqual(changed[path("moved.txt")[0]], path("13.txt", "9.txt", "5.txt"))
        self.assertEqual(changed[path("6.txt")[0]], path("14.txt", "10.txt"))

    def test_every_pair_is_found(self):
        """Forty texts with an edited twin each, beside a plain comparison of all pairs."""
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 30)))
        print("CAIRN_SEED", seed)
        rng = random.Random(seed)
        for i in range(40):
            words = [f"w{rng.randrange(3000)}" for _ in range(300)]
            self.write(f"{i:02}-a.txt", " ".join(words))
            for k in rng.sample(range(300), 10):
                words[k] = f"edit{i}x{k}"
            self.write(f"{i:02}-b.txt", " ".join(words))
        self.index()
        found = sorted(sorted(x[0] for x in g) for g in self.groups())
        self.assertEqual(found, [[f"{i:02}-a.txt", f"{i:02}-b.txt"] for i in range(40)])

    def test_none(self):
        self.write("a.txt", "basalt")
        self.index()
        self.assertEqual(self.groups(code=1), [])


if __name__ == "__main__":
    main()
