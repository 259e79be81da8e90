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
