"""Tables and curves from the lines that compare.py collected.

A line is one setting of one run: {"side", "bench", ...} with the keys of the peers' scripts; the first line
describes the machine. Figures are medians over the rounds. A speed at a wanted recall is read between
the two settings around it, linear in recall and in the logarithm of the speed."""
import collections
import math
import os
import statistics
import xml.etree.ElementTree as xml

COLOURS = ["#c1272d", "#0072b2", "#009e73", "#e69f00", "#8f5fbf", "#56b4e9", "#7a7a7a", "#a0522d"]


def machine(data, day):
    model, flags = "", ""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = value
            if model and flags:
                break
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_vbmi", "amx_int8")
    return {"machine": model, "cores": os.cpu_count(), "has": [w for w in wanted if f" {w} " in flags + " "],
            "data": os.path.basename(os.path.normpath(data)), "day": day}


def at_recall(points, recall, key="qps1_cpu"):
    """The speed at this recall, or None when no setting reaches it."""
    known = sorted((p["recall10"], p[key]) for p in points)
    above = [(r, q) for r, q in known if r >= recall]
    below = [(r, q) for r, q in known if r < recall]
    if not above:
        return None
    best = max(q for _, q in above)
    if not below:
        return best
    r0, q0 = max(below)
    r1, q1 = min(above, key=lambda p: (p[0], -p[1]))
    if r1 <= r0:
        return best
    between = math.exp(math.log(q0) + (math.log(q1) - math.log(q0)) * (recall - r0) / (r1 - r0))
    return max(best, between)


def settings(rows, ignore=()):
    """Rows of all rounds with one setting become one row of medians: {(side, variant): [row]}."""
    numbers = ("recall10", "qps1", "qps1_cpu", "qps1_best", "p50_us", "p99_us", "build_cpu_s", "build_s",
               "rss_mb", "bytes")
    groups = collections.OrderedDict()
    for r in rows:
        if "side" not in r or "recall10" not in r:
            continue
        variant = r["peer"] if r["side"] == "cairn" else r["side"]
        setting = tuple((k, str(r[k])) for k in ("ef", "param", "value", "nprobe", "rescore", "filter", "via", "churn")
                        if k in r and k not in ignore)
        groups.setdefault(variant, collections.OrderedDict()).setdefault(setting, []).append(r)
    merged = collections.OrderedDict()
    for variant, by_setting in groups.items():
        merged[variant] = []
        for same in by_setting.values():
            row = dict(same[0])
            for key in numbers:
                # A segment that was kept from an earlier round cost nothing to build: that is no figure.
                values = [r[key] for r in same if isinstance(r.get(key), (int, float))
                          and (r[key] or not key.startswith("build"))]
                if values:
                    row[key] = statistics.median(values)
            row["rounds"] = len(same)
            merged[variant].append(row)
    return merged


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(ours, theirs):
    return "-" if not ours or not theirs else f"{ours / theirs:.2f}"


def markdown(head, body):
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *body])


def best_of_ours(values):
    """(variant, value) of our fastest variant."""
    ours = [(v, x) for (v, is_ours), x in values.items() if is_ours and x]
    return max(ours, key=lambda p: p[1]) if ours else (None, None)


def ann_tables(rows):
    by = settings(rows)
    ours = {v for v, r in by.items() if r[0]["side"] == "cairn"}
    body = []
    speeds = {level: {(v, v in ours): at_recall(p, level) for v, p in by.items()} for level in (0.95, 0.99)}
    for variant, points in by.items():
        first = points[0]
        line = [variant, first["n"], number(first.get("build_cpu_s"), 1), number(first.get("bytes", 0) / 1e6),
                number(first.get("search_mb") or first.get("rss_mb"))]
        for level in (0.95, 0.99):
            speed = speeds[level][(variant, variant in ours)]
            line += [number(speed), ratio(best_of_ours(speeds[level])[1], speed)]
        body.append(line + [f"{max(p['recall10'] for p in points):.4f}"])
    table = markdown(["engine", "rows", "build CPU s", "MB on disk", "MB resident", "queries a CPU s at 0.95",
                      "Cairn to it", "at 0.99", "Cairn to it", "highest recall"], body)
    mapped = [p["originals_mb"] for v in ours for p in by[v] if p.get("search_mb")]
    if mapped:
        table += (f"\n\nResident of Cairn: scratch and all sections that its searches touched, but the originals of rows scored exactly,"
                  f"\n{max(mapped):.0f} MB of mapped pages that the system may drop.")
    return table


def filter_tables(rows):
    by = settings(rows)
    filters = list(dict.fromkeys(r["filter"] for r in rows if "filter" in r))
    best, asked = {}, set()
    for variant, points in by.items():
        for p in points:
            key = (variant, p.get("via", ""), p.get("filter"))
            asked.add(key)
            if p.get("filter") and p["recall10"] >= 0.97:
                best[key] = max(best.get(key, 0), p["qps1_cpu"])
    ours = {v for v, r in by.items() if r[0]["side"] == "cairn"}
    body = []
    for variant, via in dict.fromkeys((v, via) for v, via, _ in best):
        line = [variant + (f" ({via})" if via else "")]
        for name in filters:
            mine = max([q for (v, _, f), q in best.items() if v in ours and f == name] or [0])
            it = best.get((variant, via, name))
            line.append(f"{number(it)} ({ratio(mine, it)})" if it
                        else "below 0.97" if (variant, via, name) in asked else "not run")
        body.append(line)
    churn = [[r["side"], r["churn"], r.get("ef", ""), r["recall10"], number(r["qps1_cpu"]),
              r.get("insert_cpu_s", "")] for r in rows if "churn" in r and "recall10" in r]
    text = "Queries a CPU second at recall 0.97 or more (in brackets: Cairn to it).\n\n"
    text += markdown(["engine", *filters], body)
    if churn:
        text += "\n\nDelete 30 %, insert 30 %.\n\n"
        text += markdown(["engine", "state", "ef", "recall@10", "queries a CPU s", "insert CPU s"], churn)
    return text


def lexical_tables(rows):
    keys = [("qps10_cpu", "best 10, queries a CPU s", 0), ("qps1000_cpu", "best 1,000", 0),
            ("p50_us10", "p50 us", 0), ("p99_us10", "p99 us", 0), ("p99_us1000", "p99 us of 1,000", 0),
            ("index_cpu_s", "index CPU s", 2), ("bytes", "bytes", 0), ("rss_mb_query", "MB resident", 0)]
    groups = collections.OrderedDict()
    for r in rows:
        if r.get("bench") in ("bm25", "lexical") and "qps10_cpu" in r:
            groups.setdefault(r["peer"] if r["side"] != "cairn" else "cairn", []).append(r)
    median = {v: {k: statistics.median(r[k] for r in rs if isinstance(r.get(k), (int, float)))
                  if any(isinstance(r.get(k), (int, float)) for r in rs) else None for k, _, _ in keys}
              for v, rs in groups.items()}
    body = []
    mine = median.get("cairn", {})
    for variant, m in median.items():
        line = [variant]
        for k, _, digits in keys:
            cell = number(m[k], digits)
            if variant != "cairn" and m[k] and mine.get(k):
                cell += f" ({mine[k] / m[k]:.2f})"
            line.append(cell)
        body.append(line)
    text = "In brackets: Cairn's figure divided by the peer's.\n\n"
    text += markdown(["engine", *(title for _, title, _ in keys)], body)
    parity = [r for r in rows if r.get("bench") == "bm25_parity"]
    if parity:
        last = {r["peer"]: r for r in parity}
        text += "\n\n" + markdown(["engine against Lucene", "identical top 10", "overlap"],
                                  [[p, r["identical_top10"], r["overlap10"]] for p, r in last.items()])
    return text


def tables(what, name, rows):
    m = next(r for r in rows if "machine" in r)
    loads = [r["load"] for r in rows if "load" in r]
    rounds = max([x["rounds"] for v in settings(rows).values() for x in v] or
                 [sum(1 for r in rows if r.get("side") == "cairn")] or [0])
    text = f"# {name}\n\nData {m['data']}; {m['cores']} cores of {m['machine']} ({', '.join(m['has'])}); {m['day']}; "
    text += f"up to {rounds} rounds in turn, medians; load average {min(loads):.1f} to {max(loads):.1f}. "
    text += "One thread, one query a call.\n\n"
    text += {"ann": ann_tables, "filter": filter_tables, "lexical": lexical_tables}[what](rows)
    if what == "ann":
        text += f"\n\n![recall against queries a second]({name}.svg)"
    return text + "\n"


# ---- the curve: recall@10 to the right, queries a CPU second upwards, logarithmic ----

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 440, 80, 50, 30, 190
LOWEST = 0.85


def x_of(recall):
    """Recalls near 1 need room: the axis is logarithmic in 1 - recall."""
    def place(r):
        return -math.log10(max(1 - r, 2e-4))
    return LEFT + (place(recall) - place(LOWEST)) / (place(1) - place(LOWEST)) * (WIDTH - LEFT - RIGHT)


def plot(name, rows):
    by = {v: sorted((p["recall10"], p["qps1_cpu"]) for p in points if p["recall10"] >= LOWEST)
          for v, points in settings(rows).items()}
    by = {v: p for v, p in by.items() if p}
    speeds = [q for p in by.values() for _, q in p] or [1]
    low, high = math.log10(min(speeds)), math.log10(max(speeds))
    span = max(high - low, 0.1)

    def y_of(q):
        return TOP + (high + 0.05 - math.log10(q)) / (span + 0.1) * (HEIGHT - TOP - BOTTOM)

    svg = xml.Element("svg", xmlns="http://www.w3.org/2000/svg", width=str(WIDTH), height=str(HEIGHT),
                      viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
    xml.SubElement(svg, "title").text = f"{name}: recall@10 against queries a CPU second"
    xml.SubElement(svg, "rect", width="100%", height="100%", fill="#ffffff")

    def text(x, y, words, anchor="middle", fill="#333333", **more):
        e = xml.SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill": fill,
                                         "font-family": "sans-serif", "font-size": "12", **more})
        e.text = words

    def line(x0, y0, x1, y1, colour="#dddddd"):
        xml.SubElement(svg, "line", x1=f"{x0:.1f}", y1=f"{y0:.1f}", x2=f"{x1:.1f}", y2=f"{y1:.1f}", stroke=colour)

    for tick in (0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999):
        line(x_of(tick), TOP, x_of(tick), HEIGHT - BOTTOM)
        text(x_of(tick), HEIGHT - BOTTOM + 18, f"{tick:g}")
    step = 10 ** math.floor(low)
    while step <= 10 ** high * 1.1:
        for factor in (1, 2, 5):
            value = step * factor
            if low - 0.05 <= math.log10(value) <= high + 0.05:
                line(LEFT, y_of(value), WIDTH - RIGHT, y_of(value))
                text(LEFT - 8, y_of(value) + 4, f"{value:,.0f}", "end")
        step *= 10
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "recall@10")
    text(LEFT, TOP - 12, "queries a second of CPU time, one thread", "start")
    for i, (variant, points) in enumerate(by.items()):
        colour = COLOURS[i % len(COLOURS)]
        xml.SubElement(svg, "polyline", fill="none", stroke=colour,
                       points=" ".join(f"{x_of(r):.1f},{y_of(q):.1f}" for r, q in points),
                       **{"stroke-width": "2.5" if variant.startswith("cairn") else "1.5"})
        for r, q in points:
            xml.SubElement(svg, "circle", cx=f"{x_of(r):.1f}", cy=f"{y_of(q):.1f}", r="3", fill=colour)
        text(WIDTH - RIGHT + 12, TOP + 10 + 18 * i, variant, "start", colour, **{"font-weight": "bold"})
    xml.indent(svg)
    return xml.tostring(svg, encoding="utf-8", xml_declaration=True) + b"\n"
