#!/usr/bin/env python3
"""From the press of a key to the paint of the first results on the web page, in Debian's Chromium.

    scripts/build release cairn
    CAIRN_TEST_VENV=build/release/test-venv python3 bench/bench_page.py [--build build/release] [--docs FOLDER] [--gap 400]

Types five questions, a letter each --gap milliseconds, into a page over FOLDER (fixtures/library), and times each from its keydown to the first task
behind the frame that shows the list. Beside the wall clock, which depends on what else the machine does, stands what all of the browser and the server
took of the processors until then. Two JSON lines: first the limit, a page of a field and a list that shows as many rows of text at
each key and asks nobody; then ours, with where the time goes: until the page asks, until the answer is there, until the list stands, until it is painted.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/e2e"))
import packages  # noqa: E402

packages.need("playwright")
from playwright.sync_api import sync_playwright  # noqa: E402

LIMIT = """<!doctype html><title>limit</title><input id="query"><ul id="results"></ul><script>
document.getElementById("query").addEventListener("input", e => {
  const text = e.target.value;
  document.getElementById("results").replaceChildren(...Array.from({ length: ROWS }, (_, i) => {
    const row = document.createElement("li"), title = document.createElement("b"), body = document.createElement("p");
    title.textContent = `${text} ${i}`;
    body.textContent = (text + " a line of text that is about as long as those of ours are ").repeat(3);
    row.append(title, body);
    return row;
  }));
});
</script>"""
ROWS = 8
WATCH = """() => {
  let began = 0, tell = null;
  window.nextPaint = () => { window.painted = new Promise(done => { tell = done; }); };
  document.getElementById("query").addEventListener("keydown", () => { began = performance.now(); }, true);
  const watch = new MutationObserver(() => {
    if (!tell) return;
    const done = tell, listed = performance.now() - began;
    tell = null;
    requestAnimationFrame(() => {
      const behind = new MessageChannel();
      behind.port1.onmessage = () => {
        const asked = performance.getEntriesByType("resource").filter(r => r.name.endsWith("/api/v1/search")).at(-1);
        const ms = asked ? [asked.startTime - began, asked.responseEnd - asked.startTime, began + listed - asked.responseEnd] : [0, 0, listed];
        performance.clearResourceTimings();
        done([...ms, listed, performance.now() - began]);
      };
      behind.port2.postMessage(0);
    });
  });
  // Rows that stay as they were change nothing in the list: then the line above it, which counts them, is what comes new.
  for (const node of document.querySelectorAll("#results, #count")) watch.observe(node, { childList: true });
}"""


QUESTIONS = ("lease grinder", "notice period", "bearing report", "coffee warranty", "invoice 2025")


def family(pid):
    """pid and everything below it."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path, encoding="ascii") as f:
                for child in f.read().split():
                    found += family(int(child))
        except OSError:
            pass
    return found


def cpu_ms(pids):
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            try:
                with open(path, encoding="ascii") as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
    return total / 1e6


def browser_and(pids):
    """The browser's processes as they are by then: a page has one of its own."""
    return lambda: [x for x in {y for pid in pids for y in family(pid)} if os.path.exists(f"/proc/{x}")]


def type_questions(page, pids, gap):
    """A row a key: [until asked, answer, list, listed, painted, CPU] in ms."""
    page.evaluate(WATCH)
    rows = []
    for text in QUESTIONS:
        page.fill("#query", "")
        page.wait_for_timeout(gap)
        for letter in text:
            page.evaluate("nextPaint()")
            mine = pids()
            before = cpu_ms(mine)
            page.keyboard.press(letter if letter != " " else "Space")
            times = page.evaluate("Promise.race([painted, new Promise((_, no) => setTimeout(() => no(new Error(\"nothing was shown\")), 20000))])")
            rows.append([*times, cpu_ms(mine) - before])
            page.wait_for_timeout(gap)
    return rows


def tell(what, rows):
    at = lambda i, share=0.5: round(sorted(r[i] for r in rows)[int(len(rows) * share)], 1)
    line = {"bench": "page", "what": what, "keys": len(rows), "painted_p50_ms": at(4), "painted_p95_ms": at(4, 0.95), "painted_least_ms": at(4, 0), "cpu_p50_ms": at(5)}
    if what == "page":
        line.update(until_asked_p50_ms=at(0), answer_p50_ms=at(1), list_p50_ms=at(2), paint_p50_ms=round(sorted(r[4] - r[3] for r in rows)[len(rows) // 2], 1))
    print(json.dumps(line), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(HERE, "../build/release"))
    p.add_argument("--docs", default=os.path.join(HERE, "../fixtures/library"))
    p.add_argument("--gap", type=int, default=400)
    a = p.parse_args()
    top = tempfile.mkdtemp(prefix="cairn-bench-page-")
    cairn, env = f"{a.build}/cli/cairn", dict(os.environ, CAIRN_HOME=top + "/home")
    subprocess.run([cairn, "-q", "index", "--no-vectors", os.path.abspath(a.docs)], env=env, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen([cairn, "--json", "serve", "--embedder", "/none", "--http", "127.0.0.1:0"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    try:
        url = "http://" + json.loads(server.stdout.readline())["address"] + "/"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.geteuid() == 0 else [])
            # The driver's process is the browser's parent: the browser is what is below it.
            mine = [x for x in family(os.getpid()) if "chrom" in os.readlink(f"/proc/{x}/exe")]
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_content(LIMIT.replace("ROWS", str(ROWS)))
            tell("limit", type_questions(page, browser_and(mine), a.gap))
            page.close()
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(url)
            tell("page", type_questions(page, lambda: browser_and(mine)() + [server.pid], a.gap))
            browser.close()
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
