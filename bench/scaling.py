#!/usr/bin/env python3
"""From one machine to ten billion chunks: what it takes, and how long a question waits for the slowest shard.

    bench/scaling.py plan [--set NAME=VALUE ...] [--chunks 1e6 1e7 ...]      tables of sizes, nodes, fleets and cost
    bench/scaling.py wait [--shards 1 10 100 1000] [--load 0.5] [--hedge 95] [--seed 1]   a simulation of the fan-out
    bench/scaling.py inputs                                                 every figure that goes in, and where it is from

The plan is arithmetic over INPUTS: figures that were measured with Cairn and an OpenSearch cluster on one machine, and
assumptions (prices, sizes of rented machines), each marked as what it is. `--set` changes any of them, so a reader with other
hardware gets their own table.

The simulation answers what arithmetic does not: every question goes to all shards and is answered by the slowest, so rare
slow shards become common slow questions (Dean and Barroso, The Tail at Scale, 2013). Questions arrive at random (Poisson), each
node serves its queue with a number of cores, a shard's work is log-normal around its measured median, and a node sometimes
stops for a while (a collector's pause, a merge). A shard is asked on the replica whose node has the least to do; with
`--hedge P` once more on another replica when it has taken longer than P percent of the earlier ones. Same seed, same figures.
docs/scaling.md reads the results."""
import argparse
import bisect
import heapq
import math
import random
import sys

M, A = "measured", "assumed"
# name: (value, unit, where from, what)
INPUTS = {
    # what a chunk takes
    "text_bytes": (1000, "B", A, "text of a chunk: 250 tokens of a Latin script"),
    "source_ratio": (0.55, "", A, "stored text and metadata over text, deflated by the engine"),
    "posting_bytes": (0.35, "", A, "inverted index with positions and offsets over text"),
    "dims": (384, "", M, "components of the default embedder's vectors"),
    "component_bytes": (4, "B", M, "of what the graph's walk reads: 4 fp32, as Cairn's mapping has it; 1 bytes; 0.125 bits"),
    "original_bytes": (0, "B", M, "of originals beside it on disk, for scoring again; 4 where the walk reads less than fp32"),
    "graph_links": (32, "", A, "links a row in the lowest layer: twice m, m 16"),
    "link_bytes": (2.2, "B", A, "a link, as a gap between sorted numbers"),
    "replicas": (1, "", A, "copies besides the first"),
    # what a machine is
    "node_ram": (64, "GiB", A, "memory of a data node"),
    "heap_share": (0.25, "", A, "of it for the engine's heap; the rest caches files"),
    "node_cores": (16, "", A, "cores of a data node"),
    "node_disk": (2000, "GB", A, "local disk of a data node"),
    "disk_fill": (0.7, "", A, "of the disk in use: merges and moving shards need the rest"),
    "shard_chunks": (1e7, "", A, "chunks of a shard"),
    # what work takes, CPU seconds
    "embed_rate": (16, "texts/s", M, "passages of 256 pieces a core, multilingual-e5-small (docs/performance.md)"),
    "extract_rate": (750, "files/s", M, "files read a core (docs/performance.md)"),
    "chunks_per_file": (20, "", A, "chunks of a document"),
    "bulk_rate": (1500, "chunks/s", A, "chunks that a data node's core takes in, graph included, before replicas"),
    "shard_ms": (6.0, "ms", A, "CPU of one shard for both lists of a question, at shard_chunks"),
    "merge_ms": (0.02, "ms", A, "coordinator's CPU for one shard's reply"),
    "cairn_ms": (17.0, "ms", M, "Cairn's own work for a question: embedding 3 (docs/performance.md), the rest 14 (docs/opensearch.md)"),
    "cores_busy": (0.5, "", A, "load that leaves the 99th percentile alone"),
    # what it costs
    "core_hour": (0.04, "USD", A, "a rented core with its 4 GiB, an hour"),
    "disk_month": (0.08, "USD", A, "a GB of disk, a month"),
    "questions_day": (0.1, "", A, "questions a day for each 1,000 chunks"),
}
MONTH = 730.0  # hours


def human(x):
    """1234567 -> '1.23 M'"""
    for step, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(x) >= step:
            return f"{x / step:.3g} {name}"
    return f"{x:.3g}"


def values(settings):
    v = {k: t[0] for k, t in INPUTS.items()}
    for s in settings:
        name, eq, number = s.partition("=")
        if not eq or name not in v:
            sys.exit(f"scaling.py: --set {s}: one of {', '.join(v)} and a number, as in replicas=2")
        try:
            v[name] = float(number)
        except ValueError:
            sys.exit(f"scaling.py: --set {s}: {number!r} is not a number")
    return v


def plan(v, chunks):
    """What `chunks` chunks take under the inputs `v`: a dict of figures, units in the names."""
    p = {"chunks": chunks}
    graph = v["graph_links"] * v["link_bytes"]
    codes = v["dims"] * v["component_bytes"] + 4 * (v["component_bytes"] < 4)
    lexical = v["text_bytes"] * v["posting_bytes"]
    p["disk_b"] = v["text_bytes"] * v["source_ratio"] + lexical + codes + v["dims"] * v["original_bytes"] + graph
    # What a walk touches at random must be in memory: codes and links. Of the postings a tenth is hot.
    p["hot_b"] = codes + graph + 0.1 * lexical
    copies = 1 + v["replicas"]
    p["shards"] = max(1, math.ceil(chunks / v["shard_chunks"]))
    p["disk_tb"] = chunks * p["disk_b"] * copies / 1e12
    p["hot_tb"] = chunks * p["hot_b"] * copies / 1e12
    cache = v["node_ram"] * (1 - v["heap_share"]) * 2**30 * 0.9
    per_day = chunks / 1000 * v["questions_day"]
    p["qps"] = per_day / 86400 * 3  # the busy hour has three times the mean
    # A small shard answers faster: a walk grows with the logarithm, a posting list with the rows.
    rows = chunks / p["shards"]
    shard_ms = v["shard_ms"] * (0.3 * math.log(rows + 2) / math.log(v["shard_chunks"] + 2) + 0.7 * rows / v["shard_chunks"])
    p["shard_ms"] = shard_ms
    p["question_ms"] = p["shards"] * (shard_ms + v["merge_ms"]) + v["cairn_ms"]
    by = {
        "memory": p["hot_tb"] * 1e12 / cache,
        "disk": p["disk_tb"] * 1e12 / (v["node_disk"] * 1e9 * v["disk_fill"]),
        "questions": p["qps"] * p["shards"] * (shard_ms + v["merge_ms"]) / 1e3 / (v["node_cores"] * v["cores_busy"]),
        "copies": copies if chunks > 1e6 else 1,
    }
    p["by"] = max(by, key=by.get)
    p["needs"] = by
    p["nodes"] = max(1, math.ceil(max(by.values())))
    if copies > 1 and p["nodes"] > 1:
        p["nodes"] = max(3, p["nodes"])  # of two, the loss of the voting one stops writes
    p["serve_cores"] = max(1, math.ceil(p["qps"] * v["cairn_ms"] / 1e3 / v["cores_busy"]))
    p["embed_core_h"] = chunks / v["embed_rate"] / 3600
    p["extract_core_h"] = chunks / v["chunks_per_file"] / v["extract_rate"] / 3600
    p["bulk_core_h"] = chunks * copies / v["bulk_rate"] / 3600
    p["bulk_h"] = p["bulk_core_h"] / (p["nodes"] * v["node_cores"] * 0.5)
    p["embed_cores_week"] = math.ceil(p["embed_core_h"] / (7 * 24))
    month = (p["nodes"] * v["node_cores"] + p["serve_cores"]) * v["core_hour"] * MONTH + p["disk_tb"] * 1e3 * v["disk_month"]
    p["month"] = month
    p["month_per_million"] = month / (chunks / 1e6)
    p["once_per_million"] = (p["embed_core_h"] + p["extract_core_h"] + p["bulk_core_h"]) * v["core_hour"] / (chunks / 1e6)
    p["per_1000_questions"] = 1000 * p["question_ms"] / 1e3 / 3600 * v["core_hour"] / v["cores_busy"]
    return p


def print_plan(v, sizes):
    ps = [plan(v, c) for c in sizes]
    rows = [
        ("shards", lambda p: human(p["shards"])),
        ("on disk, copies included, TB", lambda p: f"{p['disk_tb']:.3g}"),
        ("must be in memory, copies included, TB", lambda p: f"{p['hot_tb']:.3g}"),
        ("data nodes", lambda p: human(p["nodes"])),
        ("what asks for them", lambda p: p["by"]),
        ("questions a second in the busy hour", lambda p: f"{p['qps']:.3g}"),
        ("CPU of a question, ms", lambda p: human(p["question_ms"])),
        ("cores of `cairn serve`", lambda p: human(p["serve_cores"])),
        ("embedding, core hours", lambda p: human(p["embed_core_h"])),
        ("cores to embed it in a week", lambda p: human(p["embed_cores_week"])),
        ("taking it in at half the cluster, hours", lambda p: f"{p['bulk_h']:.3g}"),
        ("a month, USD", lambda p: human(p["month"])),
        ("a month and million chunks, USD", lambda p: f"{p['month_per_million']:.3g}"),
        ("once for a million chunks, USD", lambda p: f"{p['once_per_million']:.3g}"),
        ("1,000 questions, CPU alone, USD", lambda p: f"{p['per_1000_questions']:.2g}"),
    ]
    print("| chunks | " + " | ".join(human(c) for c in sizes) + " |")
    print("| --- " * (len(sizes) + 1) + "|")
    for name, f in rows:
        print(f"| {name} | " + " | ".join(f(p) for p in ps) + " |")


class Node:
    """A machine that serves its queue, first come first served, with `cores` servers: each holds when it is next free."""

    def __init__(self, cores):
        self.free = [0.0] * cores

    def backlog(self, now):
        return max(0.0, self.free[0] - now)

    def serve(self, now, work):
        """Takes `work` at `now`; returns when it is done. The core free first takes it, as a queue in order of arrival does."""
        start = max(now, self.free[0])
        heapq.heapreplace(self.free, start + work)
        return start + work


def simulate(shards, load, cores=16, replicas=1, median_ms=6.0, sigma=0.4, pause_ms=80.0, pause_share=0.002,
             per_node=4, hedge=0.0, questions=2000, seed=1):
    """Waits of `questions` questions that go to all `shards`: dict of percentiles in ms, and the share of shards asked twice.

    `per_node` copies of shards share a node. `load` is the share of the cluster's cores that is busy on average, hedged
    requests not counted. `pause_share` of the shards' requests meet a pause of `pause_ms` on top of their work."""
    rng = random.Random(seed)
    copies = 1 + replicas
    count = max(copies, math.ceil(shards * copies / per_node))
    nodes = [Node(cores) for _ in range(count)]
    # copy c of shard s lies on another node for each c
    home = [[nodes[(s + c * max(1, count // copies)) % count] for c in range(copies)] for s in range(shards)]
    mean_ms = median_ms * math.exp(sigma * sigma / 2) + pause_share * pause_ms
    gap = shards * mean_ms / (load * cores * count)
    mu = math.log(median_ms)

    def work():
        w = rng.lognormvariate(mu, sigma)
        return w + pause_ms if rng.random() < pause_share else w

    # A request's end is known when it joins a queue, since nothing overtakes; so only the order of joining matters, and
    # requests that are asked again wait in a heap until their time comes.
    now, waits, asked_twice = 0.0, [], 0
    seen = []  # waits of single shards, sorted: a sample, for the time after which to ask again
    late = []  # (time, number, question, node, end of the first request)
    warm = questions // 5
    sample = max(0.02, min(1.0, 5000 / (questions * shards)))
    worst, open_requests, asked = {}, {}, {}

    def settle(q, wait):
        worst[q] = max(worst[q], wait)
        open_requests[q] -= 1
        if not open_requests[q]:
            if q >= warm:
                waits.append(worst[q])
            del worst[q], open_requests[q], asked[q]

    def ask_late(until):
        while late and late[0][0] <= until:
            t, _, q, others, first_end = heapq.heappop(late)
            node = min(others, key=lambda n: n.backlog(t))
            settle(q, min(first_end, node.serve(t, work())) - asked[q])

    for q in range(questions + warm):
        now += rng.expovariate(1 / gap)
        ask_late(now)
        worst[q], open_requests[q], asked[q] = 0.0, shards, now
        limit = seen[int(len(seen) * hedge / 100)] if hedge and len(seen) > 200 else math.inf
        for s in range(shards):
            first = min(home[s], key=lambda n: n.backlog(now))
            end = first.serve(now, work())
            if hedge and rng.random() < sample:
                bisect.insort(seen, end - now)
            if end - now > limit and copies > 1:
                asked_twice += q >= warm
                heapq.heappush(late, (now + limit, q * shards + s, q, [n for n in home[s] if n is not first], end))
            else:
                settle(q, end - now)
    ask_late(math.inf)
    waits.sort()
    pick = lambda p: waits[min(len(waits) - 1, int(p / 100 * len(waits)))]
    return {"mean": sum(waits) / len(waits), "p50": pick(50), "p90": pick(90), "p99": pick(99),
            "twice": asked_twice / (questions * shards)}


def print_wait(a):
    print(f"A shard's work: median {a.median:g} ms; {100 * a.pause_share:g} % of requests meet a pause of {a.pause:g} ms. Seed {a.seed}.\n")
    print("| shards | load | p50, ms | p90 | p99 | p99, asked again after p%g | asked twice |" % a.hedge)
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for load in a.load:
        for s in a.shards:
            n = max(200, min(a.questions, 400_000 // s))
            common = dict(load=load, median_ms=a.median, pause_ms=a.pause, pause_share=a.pause_share, replicas=a.replicas,
                          questions=n, seed=a.seed)
            one, two = simulate(s, **common), simulate(s, hedge=a.hedge, **common)
            print(f"| {s:,} | {load:g} | {one['p50']:.1f} | {one['p90']:.1f} | {one['p99']:.1f} | {two['p99']:.1f} | {100 * two['twice']:.1f} % |")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="what", required=True)
    p = sub.add_parser("plan", help="tables of sizes, nodes, fleets and cost")
    p.add_argument("--chunks", type=float, nargs="+", default=[1e6, 1e7, 1e8, 1e9, 1e10])
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    w = sub.add_parser("wait", help="simulate how long a question waits for its slowest shard")
    w.add_argument("--shards", type=int, nargs="+", default=[1, 10, 100, 1000])
    w.add_argument("--load", type=float, nargs="+", default=[0.3, 0.6])
    w.add_argument("--replicas", type=int, default=1)
    w.add_argument("--median", type=float, default=INPUTS["shard_ms"][0], help="a shard's work, ms")
    w.add_argument("--pause", type=float, default=80.0, help="length of a pause, ms")
    w.add_argument("--pause-share", type=float, default=0.002)
    w.add_argument("--hedge", type=float, default=95.0, help="ask again after this percentile of earlier waits")
    w.add_argument("--questions", type=int, default=4000)
    w.add_argument("--seed", type=int, default=1)
    sub.add_parser("inputs", help="every figure that goes in, and where it is from")
    a = ap.parse_args()
    if a.what == "plan":
        if min(a.chunks) < 1:
            ap.error("--chunks: at least 1")
        print_plan(values(a.set), a.chunks)
    elif a.what == "wait":
        if min(a.shards) < 1 or not all(0 < x < 1 for x in a.load) or not 0 < a.hedge < 100:
            ap.error("--shards at least 1, --load between 0 and 1, --hedge between 0 and 100")
        print_wait(a)
    else:
        print("| input | value | | what |\n| --- | --- | --- | --- |")
        for k, (x, unit, src, what) in INPUTS.items():
            print(f"| `{k}` | {x:g} {unit} | {src} | {what} |")


if __name__ == "__main__":
    main()
