#!/usr/bin/env python3
"""From the press of a key to the paint of the first results on the web page, in Debian's Chromium.

    scripts/build release cairn
    CAIRN_TEST_VENV=build/release/test-venv python3 bench/bench_page.py [--build build/release] [--docs FOLDER] [--gap 400]

Types five questions, a letter each --gap milliseconds, into a page over FOLDER (fixtures/library), and times each from its keydown to the first task
behind the frame that shows the list. Beside the wall clock, which depends on what else the machine does, stands what all of the browser and the server
took of the processors until then. One JSON line.
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

WATCH = """() => {
  let began = 0, tell = null;
  window.nextPaint = () => { window.painted = new Promise(done => { tell = done; }); };
  document.getElementById("query").addEventListener("keydown", () => { began = performance.now(); }, true);
  new MutationObserver(() => {
    if (!tell) return;
    const done = tell, listed = performance.now() - began;
    tell = null;
    requestAnimationFrame(() => {
      const behind = new MessageChannel();
      behind.port1.onmessage = () => done([listed, performance.now() - began]);
      behind.port2.postMessage(0);
    });
  }).observe(document.getElementById("results"), { childList: true });
}"""


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
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(url)
            page.evaluate(WATCH)
            # The driver's process is the browser's parent: the browser is what is below it.
            mine = [x for x in family(os.getpid()) if "chrom" in os.readlink(f"/proc/{x}/exe")] + [server.pid]
            listed, painted, cpu = [], [], []
            for text in ("lease grinder", "notice period", "bearing report", "coffee warranty", "invoice 2025"):
                page.fill("#query", "")
                page.wait_for_timeout(a.gap)
                for letter in text:
                    page.evaluate("nextPaint()")
                    before = cpu_ms(mine)
                    page.keyboard.press(letter if letter != " " else "Space")
                    times = page.evaluate("painted")
                    cpu.append(cpu_ms(mine) - before)
                    listed.append(times[0])
                    painted.append(times[1])
                    page.wait_for_timeout(a.gap)
            browser.close()
        middle = lambda v, share=0.5: round(sorted(v)[int(len(v) * share)], 1)
        print(json.dumps({"bench": "page", "keys": len(painted), "listed_p50_ms": middle(listed), "painted_p50_ms": middle(painted), "painted_p90_ms": middle(painted, 0.9),
                          "painted_least_ms": round(min(painted), 1), "cpu_p50_ms": middle(cpu)}))
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
