#!/usr/bin/env python3
"""A desktop's files: Cairn beside Recoll on the same folder.

    bench/desktop.py make FOLDER [--files 20000] [--seed 1] [--src DIR ...]
    bench/desktop.py run FOLDER --work DIR [--peer cairn recoll] [--vectors] [--rescans 3] [--out FILE]

`make` fills FOLDER with copies of Debian's own documentation (text, changelogs, HTML, man pages, PDF, headers, scripts), of each
kind a fixed share as far as there are so many, drawn by a seeded shuffle, and with office files, mail and archives made of their
texts. `run` indexes it with each program from nothing, then again with nothing changed, and prints a JSON line each:

    {"peer", "files", "index_s", "index_cpu_s", "files_per_s", "files_per_cpu_s", "process_rss_mb", "tree_rss_mb",
     "index_bytes", "rescan_s", "rescan_cpu_s", "documents"}

Times are from the start of the program to its exit; CPU is that of the program and all its helpers; process_rss_mb is the largest of
any one process, tree_rss_mb the largest sum over the processes that live at once (sampled ten times a second; pages that they
share count for each). Recoll runs as Debian installs it: recollindex with an empty configuration beside topdirs, its helpers where
they are installed. CAIRN_BIN names our program. With --vectors Cairn runs a second time into another home, with its embedder."""
import argparse
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from xml.sax.saxutils import escape

CAIRN = os.environ.get("CAIRN_BIN", "build/release/cli/cairn")
SOURCES = ["/usr/share/doc", "/usr/share/man", "/usr/include", "/usr/share/perl", "/usr/lib/python3"]
# Of 100 files; what a source lacks is made up for by text.
SHARES = {"html": 20, "man": 15, "pdf": 2, "code": 18, "gz": 10, "docx": 5, "odt": 4, "xlsx": 2, "pptx": 1, "eml": 5, "zip": 1}


def kind_of(path, size):
    name = os.path.basename(path)
    if name.endswith(".pdf"):
        return "pdf" if size < 20 << 20 else None
    if not 300 < size < 400_000:
        return None
    if re.search(r"\.html?$", name):
        return "html"
    if re.search(r"/man[1-8]/[^/]+\.gz$", path):
        return "man"
    if name.endswith(".gz"):
        return "gz" if re.match(r"(?i)(changelog|news|readme)", name) else None
    if re.search(r"\.(h|hpp|py|pl|pm|c|sh)$", name):
        return "code"
    return "txt" if re.search(r"(?i)^(readme|news|changelog|copyright|faq|todo)|\.(txt|rst|md)$", name) else None


def collect(sources, rng):
    pool = {}
    for source in sources:
        for folder, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                kind = kind_of(path, os.path.getsize(path))
                if kind:
                    pool.setdefault(kind, []).append(path)
    for paths in pool.values():
        rng.shuffle(paths)
    return pool


# ---- files that Debian has none of ----

def paragraphs_of(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        text = "".join(c for c in f.read(60_000) if c >= " " or c == "\n")
    return [re.sub(r"\s+", " ", p).strip() for p in text.split("\n\n") if p.strip()][:200]


def package(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in parts.items():
            z.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), data)


XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def ooxml(path, main, content_type, body, more=None):
    """A package whose main part is `main`; `more`: further parts, name -> (type, data), related to it as rId1, rId2..."""
    more = more or {}
    kinds = {name.split("/")[-1].rstrip("0123456789.xml"): name for name in more}
    parts = {"[Content_Types].xml": XML + f'<Types xmlns="{TYPES}"><Default Extension="rels" ContentType='
             '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
             + f'<Override PartName="/{main}" ContentType="{content_type}"/>'
             + "".join(f'<Override PartName="/{n}" ContentType="{t}"/>' for n, (t, _) in more.items()) + "</Types>",
             "_rels/.rels": XML + f'<Relationships xmlns="{RELS}"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="{main}"/></Relationships>',
             main: XML + body}
    if more:
        folder, name = main.split("/")
        kind = list(kinds)[0]
        parts[f"{folder}/_rels/{name}.rels"] = XML + f'<Relationships xmlns="{RELS}">' + "".join(
            f'<Relationship Id="rId{i}" Type="{OFFICE}/{"worksheet" if kind == "sheet" else kind}" Target="{n[len(folder) + 1:]}"/>'
            for i, n in enumerate(more, 1)) + "</Relationships>"
        parts.update({n: XML + data for n, (_, data) in more.items()})
    package(path, parts)


def docx(path, title, text):
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(p)}</w:t></w:r></w:p>' for p in [title, *text])
    ooxml(path, "word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
          f"<w:document {w}><w:body>{body}</w:body></w:document>")


def xlsx(path, title, text):
    s = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rows = "".join(f'<row r="{i}"><c r="A{i}" t="inlineStr"><is><t>{escape(p[:300])}</t></is></c><c r="B{i}"><v>{len(p)}</v></c></row>'
                   for i, p in enumerate([title, *text], 1))
    ooxml(path, "xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
          f'<workbook {s} xmlns:r="{OFFICE}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
          {"xl/worksheets/sheet1.xml": ("application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml",
                                        f"<worksheet {s}><sheetData>{rows}</sheetData></worksheet>")})


def pptx(path, title, text):
    p = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    slides = {}
    for i in range(0, min(len(text), 60), 6):
        lines = "".join(f"<a:p><a:r><a:t>{escape(x[:400])}</a:t></a:r></a:p>" for x in text[i:i + 6])
        slides[f"ppt/slides/slide{i // 6 + 1}.xml"] = (
            "application/vnd.openxmlformats-officedocument.presentationml.slide+xml",
            f"<p:sld {p}><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id=\"1\" name=\"\"/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>"
            f"<p:sp><p:nvSpPr><p:cNvPr id=\"2\" name=\"t\"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>{lines}</p:txBody></p:sp>"
            "</p:spTree></p:cSld></p:sld>")
    ids = "".join(f'<p:sldId id="{255 + i}" r:id="rId{i}"/>' for i in range(1, len(slides) + 1))
    ooxml(path, "ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
          f'<p:presentation {p} xmlns:r="{OFFICE}"><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>', slides)


def odt(path, title, text):
    ns = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    body = f'<text:h text:outline-level="1">{escape(title)}</text:h>' + "".join(f"<text:p>{escape(p)}</text:p>" for p in text)
    package(path, {"mimetype": "application/vnd.oasis.opendocument.text",
                   "meta.xml": XML + f'<office:document-meta {ns} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta><dc:title>{escape(title)}</dc:title>'
                   "</office:meta></office:document-meta>",
                   "META-INF/manifest.xml": XML + '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
                   'manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" '
                   'manifest:media-type="text/xml"/></manifest:manifest>',
                   "content.xml": XML + f"<office:document-content {ns}><office:body><office:text>{body}</office:text></office:body></office:document-content>"})


def eml(path, title, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"From: Eva Muster <eva@example.org>\nTo: list@example.org\nSubject: {title.encode('ascii', 'replace').decode()}\n"
                "Date: Mon, 03 Jun 2024 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                "Content-Transfer-Encoding: 8bit\n\n" + "\n\n".join(text) + "\n\n-- \nThis message is confidential.\n")


def archive(path, title, text):
    package(path, {f"part{i}.txt": "\n\n".join(text[i::3]) for i in range(3)})


MADE = {"docx": docx, "odt": odt, "xlsx": xlsx, "pptx": pptx, "eml": eml, "zip": archive}


def make(args):
    rng = random.Random(args.seed)
    pool = collect(args.src, rng)
    texts = pool.get("txt", [])
    if not texts:
        raise SystemExit("desktop: no texts in " + " ".join(args.src))
    os.makedirs(args.folder)
    count, made, spare = {}, 0, itertools.cycle(texts[::-1])

    def place(name):
        nonlocal made
        folder = os.path.join(args.folder, f"{made % 200:03}")
        os.makedirs(folder, exist_ok=True)
        made += 1
        return os.path.join(folder, f"{made:06}-{name}")

    for kind, share in SHARES.items():
        want = args.files * share // 100
        for path in [] if kind in MADE else pool.get(kind, [])[:want]:
            shutil.copyfile(path, place(os.path.basename(path)))
            count[kind] = count.get(kind, 0) + 1
        for _ in range(want if kind in MADE else 0):
            source = next(spare)
            MADE[kind](place(f"{os.path.basename(source)[:40]}.{kind}"), os.path.basename(source), paragraphs_of(source))
            count[kind] = count.get(kind, 0) + 1
    rest = (pool.get("txt", []) + pool.get("code", [])[args.files * SHARES["code"] // 100:] +
            pool.get("man", [])[args.files * SHARES["man"] // 100:])
    for path in rest[:args.files - made]:
        name = os.path.basename(path)
        target = place(name if "." in name else name + ".txt")
        shutil.copyfile(path, target)
        count["txt"] = count.get("txt", 0) + 1
    size = sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(args.folder) for n in names)
    print(json.dumps({"folder": args.folder, "files": made, "bytes": size, "kinds": count}))


# ---- running ----

def tree_rss(pid):
    """Resident bytes of a process and all below it."""
    total = 0
    try:
        with open(f"/proc/{pid}/statm") as f:
            total = int(f.read().split()[1]) * 4096
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in f.read().split():
                    total += tree_rss(int(child))
    except (OSError, ValueError, IndexError):
        pass
    return total


def child(argv, env):
    """Run it; wall, CPU (with helpers), largest process, largest tree."""
    peak = [0]
    start = time.monotonic()
    p = subprocess.Popen(argv, env=dict(os.environ, **env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    ended = threading.Event()
    said = []

    def sample():
        while not ended.wait(0.1):
            peak[0] = max(peak[0], tree_rss(p.pid))

    threads = [threading.Thread(target=sample), threading.Thread(target=lambda: said.append(p.stderr.read()))]
    for t in threads:
        t.start()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    ended.set()
    for t in threads:
        t.join()
    if p.returncode:
        raise SystemExit(f"desktop: {' '.join(argv)}: exit {p.returncode}: {said[0][-2000:].decode(errors='replace')}")
    return {"s": wall, "cpu": usage.ru_utime + usage.ru_stime, "process": usage.ru_maxrss / 1024, "tree": peak[0] / (1 << 20)}


def disk(folder):
    return sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(folder) for n in names)


def measure(peer, index, env, folder, where, rescans, files):
    first = child(index, env)
    again = sorted((child(index, env) for _ in range(rescans)), key=lambda r: r["s"])
    middle = again[len(again) // 2] if again else {"s": 0, "cpu": 0}
    return {"bench": "desktop", "peer": peer, "files": files, "index_s": round(first["s"], 2), "index_cpu_s": round(first["cpu"], 2),
            "files_per_s": round(files / first["s"], 1), "files_per_cpu_s": round(files / first["cpu"], 1),
            "process_rss_mb": round(first["process"], 1), "tree_rss_mb": round(first["tree"], 1), "index_bytes": disk(where),
            "rescan_s": round(middle["s"], 3), "rescan_cpu_s": round(middle["cpu"], 3)}


def run(args):
    folder = os.path.realpath(args.folder)
    files = sum(len(names) for _, _, names in os.walk(folder))
    rounds = []
    if "cairn" in args.peer:
        rounds.append(("cairn, words", ["--no-vectors"]))
        if args.vectors:
            rounds.append(("cairn, vectors", []))
    out = open(args.out, "a") if args.out else None
    for name, more in rounds:
        home = os.path.join(args.work, name.replace(", ", "-"))
        shutil.rmtree(home, ignore_errors=True)
        line = measure(name, [CAIRN, "-q", "index", *more, folder], {"CAIRN_HOME": home}, folder, home, args.rescans, files)
        status = json.loads(subprocess.run([CAIRN, "--json", "status"], env=dict(os.environ, CAIRN_HOME=home), capture_output=True,
                                           text=True, check=True).stdout)
        line.update(documents=status["documents"], chunks=status["chunks"], failed=len(status["failed"]))
        print(json.dumps(line), file=out or sys.stdout, flush=True)
    if "recoll" in args.peer:
        home = os.path.join(args.work, "recoll")
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        with open(os.path.join(home, "recoll.conf"), "w") as f:
            f.write(f"topdirs = {folder}\n")
        env = {"RECOLL_CONFDIR": home, "HOME": home}
        line = measure("recoll", ["recollindex", "-c", home], env, folder, os.path.join(home, "xapiandb"), args.rescans, files)
        print(json.dumps(line), file=out or sys.stdout, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = p.add_subparsers(dest="verb", required=True)
    m = verbs.add_parser("make")
    m.add_argument("folder")
    m.add_argument("--files", type=int, default=20000)
    m.add_argument("--seed", type=int, default=1)
    m.add_argument("--src", nargs="+", default=SOURCES)
    r = verbs.add_parser("run")
    r.add_argument("folder")
    r.add_argument("--work", required=True)
    r.add_argument("--peer", nargs="+", default=["cairn", "recoll"], choices=["cairn", "recoll"])
    r.add_argument("--vectors", action="store_true")
    r.add_argument("--rescans", type=int, default=3)
    r.add_argument("--out")
    args = p.parse_args()
    (make if args.verb == "make" else run)(args)


if __name__ == "__main__":
    main()
