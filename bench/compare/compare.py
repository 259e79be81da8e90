#!/usr/bin/env python3
"""Cairn beside its peers: run both sides in turn on the same data, print the ratios, draw the curves.

  compare.py ann     --data DIR [--peer hnswlib scann glass_sq4u_r ...] [--ours hnsw]
  compare.py filter  --data DIR --hnsw-cpp BIN [--peer hnswlib faiss_ivf flat]
  compare.py lexical --data DIR --lucene-cp JAR:JAR --java JDK21+/bin/java [--peer lucene tantivy bm25s]

Common: --peers DIR (the peers' scripts), --python PATH (an interpreter that has the peers' packages),
--build DIR (build/release), --work DIR (peers' index files), --out DIR (docs/benchmarks), --name NAME,
--rounds N (ours, peer, ours, peer ...; default 3), --repeats N (timed passes within a run; default 5).

Writes NAME.jsonl (every line either side printed), NAME.md (the ratios) and, for vectors, NAME.svg
(recall against queries a second). Queries a second are per second of the searching thread's CPU time,
which other work on the machine disturbs least; each figure is the median over the rounds.
Only the standard library is needed here; the peers bring their own interpreter."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import report

MORE = ("svs_", "glass_", "vsag_", "zvec", "scann", "turbovec", "voyager", "ngt")


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = p.add_argument
    add("what", choices=["ann", "filter", "lexical"])
    add("--data", required=True, help="folder of gen_vectors.py or gen_text.py")
    add("--peers", default="../shared/peers/scripts")
    add("--python", default=sys.executable)
    add("--build", default="build/release")
    add("--work", default="build/compare")
    add("--out", default="docs/benchmarks")
    add("--name", help="of the files written; default WHAT-DATA")
    add("--rounds", type=int, default=3)
    add("--repeats", type=int, default=5)
    add("--peer", nargs="+")
    add("--ours", nargs="+", help="arguments for our program, one string a variant", default=[])
    add("--ef", type=int, nargs="+", help="search widths for both sides")
    add("--hnsw-cpp", help="binary of hnsw_filter.cpp")
    add("--usearch-cpp", help="binary of usearch_filter.cpp")
    add("--lucene-cp")
    add("--java", default="java")
    add("--only-report", action="store_true", help="make the tables again from NAME.jsonl")
    return p.parse_args()


def lines_of(command, side, log):
    """Run a command; its JSON lines, each marked with the side and the load it met."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    print("+", " ".join(map(str, command)), file=sys.stderr, flush=True)
    before = os.getloadavg()[0]
    run = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, env=env)
    got = []
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            row.update(side=side, load=round(before, 2))
            got.append(row)
            log.write(json.dumps(row) + "\n")
    log.flush()
    if run.returncode or not got:
        sys.exit(f"compare: {command[0]} ended with {run.returncode} and {len(got)} lines; see above")
    return got


def flag(name, values):
    return [name, *map(str, values)] if values else []


def ann_commands(a):
    scripts, bench = pathlib.Path(a.peers), pathlib.Path(a.build) / "bench" / "bench_ann"
    for variant in a.ours or ["--peer hnsw"]:
        yield "cairn", [bench, "--data", a.data, "--repeats", a.repeats, "--build-threads", 1,
                        *variant.split(), *flag("--ef", a.ef)]
    for peer in a.peer or ["hnswlib"]:
        script = "peer_ann_more.py" if peer.startswith(MORE) else "peer_ann.py"
        threads = [] if script == "peer_ann_more.py" else ["--build-threads", 1]
        yield peer, [a.python, scripts / script, "--data", a.data, "--peer", peer, "--M", 16,
                     "--repeats", a.repeats, *threads, *flag("--ef", a.ef)]


def filter_commands(a):
    scripts, bench = pathlib.Path(a.peers), pathlib.Path(a.build) / "bench" / "bench_ann_filter"
    for variant in a.ours or [""]:
        yield "cairn", [bench, "--data", a.data, *variant.split(), *flag("--ef", a.ef)]
    for peer in a.peer or ["hnswlib", "faiss_ivf", "flat"]:
        extra = ["--hnsw-cpp", a.hnsw_cpp] if peer == "hnswlib" and a.hnsw_cpp else []
        extra += ["--usearch-cpp", a.usearch_cpp] if peer == "usearch" and a.usearch_cpp else []
        yield peer, [a.python, scripts / "peer_ann_filter.py", "--data", a.data, "--peer", peer,
                     *extra, *flag("--ef", a.ef)]


def lexical_commands(a):
    scripts, bench = pathlib.Path(a.peers), pathlib.Path(a.build) / "bench" / "bench_lexical"
    for variant in a.ours or [""]:
        yield "cairn", [bench, "--data", a.data, "--repeats", a.repeats, "--ranks", pathlib.Path(a.work) / "cairn.ranks",
                        *variant.split()]
    lucene = ["--lucene-cp", a.lucene_cp, "--java", a.java] if a.lucene_cp else []
    for peer in a.peer or ["lucene", "tantivy", "bm25s"]:
        yield peer, [a.python, scripts / "peer_bm25.py", "--data", a.data, "--work", a.work,
                     "--peer", peer, "--repeats", a.repeats, *(lucene if peer == "lucene" else [])]


def parity(work):
    """How many of Lucene's first ten of each query are Cairn's, from the files that both sides left in `work`."""
    def ranks(name):
        path = pathlib.Path(work) / f"{name}.ranks"
        text = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [[hit.split(":")[0] for hit in line.split()] for line in text]
    pairs = [(theirs, ours) for theirs, ours in zip(ranks("lucene"), ranks("cairn")) if theirs]
    if not pairs:
        return None
    return {"bench": "bm25_parity", "peer": "cairn", "against": "lucene", "queries": len(pairs),
            "identical_top10": round(sum(x == y for x, y in pairs) / len(pairs), 4),
            "overlap10": round(sum(len(set(x) & set(y)) / len(x) for x, y in pairs) / len(pairs), 4)}


def main():
    a = parse()
    commands = {"ann": ann_commands, "filter": filter_commands, "lexical": lexical_commands}[a.what]
    name = a.name or f"{a.what}-{pathlib.Path(a.data).name}"
    out = pathlib.Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    pathlib.Path(a.work).mkdir(parents=True, exist_ok=True)
    raw = out / f"{name}.jsonl"
    if not a.only_report:
        with open(raw, "w", encoding="utf-8") as log:
            log.write(json.dumps(report.machine(a.data, time.strftime("%Y-%m-%d"))) + "\n")
            for turn in range(a.rounds):
                for side, command in commands(a):
                    for row in lines_of(command, side, log):
                        pass
                    print(f"compare: round {turn + 1} of {a.rounds}: {side} done", file=sys.stderr)
            found = parity(a.work) if a.what == "lexical" else None
            if found:
                log.write(json.dumps(found) + "\n")
    rows = [json.loads(line) for line in open(raw, encoding="utf-8")]
    text = report.tables(a.what, name, rows)
    (out / f"{name}.md").write_text(text, encoding="utf-8")
    if a.what == "ann":
        (out / f"{name}.svg").write_bytes(report.plot(name, rows))
    print(text)


if __name__ == "__main__":
    main()
