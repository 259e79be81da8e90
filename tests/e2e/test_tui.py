"""cairn tui on a terminal of the test's own: what stands on the screen after which keys."""
import codecs
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
import unicodedata
import unittest

from harness import CAIRN, CairnTest, main, need_model

UP, DOWN, PAGE_DOWN = "\x1b[A", "\x1b[B", "\x1b[6~"
ENTER, TAB, ESC, BACKSPACE, CTRL_C, CTRL_U, CTRL_W, CTRL_Y = "\r", "\t", "\x1b", "\x7f", "\x03", "\x15", "\x17", "\x19"


class Screen:
    """As much of a terminal as TERM=linux makes ncurses use. A wide character fills two cells."""

    def __init__(self, rows, cols):
        self.rows, self.cols = rows, cols
        self.cells = [[" "] * cols for _ in range(rows)]
        self.y = self.x = 0
        self.marked, self.mark = [], False
        self.rest = ""
        self.decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def put(self, c):
        if unicodedata.combining(c):
            return
        if self.x >= self.cols:
            self.x, self.y = 0, min(self.y + 1, self.rows - 1)
        self.cells[self.y][self.x] = c
        if self.mark:
            self.marked.append(c)
        self.x += 1
        if unicodedata.east_asian_width(c) in "WF" and self.x < self.cols:
            self.cells[self.y][self.x] = ""
            self.x += 1

    def erase(self, y, a, b):
        self.cells[y][a:b] = [" "] * (b - a)

    def control(self, args, kind):
        n = [int(a or 0) for a in args.lstrip("?").split(";")] if args.strip("?") else [0]
        one = max(n[0], 1)
        if kind == "H":
            self.y, self.x = min(one, self.rows) - 1, min(max(n[1] if len(n) > 1 else 1, 1), self.cols) - 1
        elif kind == "A":
            self.y = max(self.y - one, 0)
        elif kind == "B":
            self.y = min(self.y + one, self.rows - 1)
        elif kind == "C":
            self.x = min(self.x + one, self.cols - 1)
        elif kind == "D":
            self.x = max(self.x - one, 0)
        elif kind == "G":
            self.x = one - 1
        elif kind == "d":
            self.y = one - 1
        elif kind == "J":
            self.erase(self.y, self.x if n[0] == 0 else 0, self.cols)
            for y in range(self.y + 1 if n[0] == 0 else 0, self.rows):
                self.erase(y, 0, self.cols)
        elif kind == "K":
            a, b = {0: (self.x, self.cols), 1: (0, self.x + 1), 2: (0, self.cols)}[n[0]]
            self.erase(self.y, a, b)
        elif kind == "X":
            self.erase(self.y, self.x, min(self.x + one, self.cols))
        elif kind == "P":
            line = self.cells[self.y]
            del line[self.x:self.x + one]
            line += [" "] * (self.cols - len(line))
        elif kind == "@":
            self.cells[self.y][self.x:self.x] = [" "] * one
            del self.cells[self.y][self.cols:]
        elif kind in "LM":
            for _ in range(one):
                if kind == "M":
                    del self.cells[self.y]
                    self.cells.append([" "] * self.cols)
                else:
                    self.cells.insert(self.y, [" "] * self.cols)
                    del self.cells[self.rows]
        elif kind == "m":
            self.mark = 7 in n or (self.mark and 0 not in n and 27 not in n)

    def feed(self, data):
        text = self.rest + self.decode(data)
        self.rest = ""
        i = 0
        while i < len(text):
            c = text[i]
            if c == "\x1b":
                m = re.compile(r"\x1b(?:\[([0-9;?]*)([A-Za-z@])|[()][A-Z0-9]|\][^\x07]*\x07|[A-Za-z0-9=>])").match(text, i)
                if not m:
                    if len(text) - i > 40:
                        raise AssertionError(f"not understood: {text[i:i + 40]!r}")
                    self.rest = text[i:]
                    return
                if m.group(2):
                    self.control(m.group(1), m.group(2))
                elif text[i + 1] == "M":
                    self.y = max(self.y - 1, 0)
                i = m.end()
                continue
            if c == "\n":
                self.y = min(self.y + 1, self.rows - 1)
            elif c == "\r":
                self.x = 0
            elif c == "\b":
                self.x = max(self.x - 1, 0)
            elif c >= " ":
                self.put(c)
            i += 1

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)


@unittest.skipUnless(any(os.path.exists(p + "/l/linux") for p in ("/lib/terminfo", "/usr/share/terminfo", "/etc/terminfo")),
                     "no description of a terminal is installed")
class Tui(CairnTest):
    def setUp(self):
        super().setUp()
        self.write("lease.txt", "The lease of the flat ends with the summer. Notice period is three months.")
        self.write("garden.txt", "Basalt paths in the garden; the shed is of larch wood. " + "Gravel lies beside it. " * 80)
        self.write("漢字.txt", "東京の図書館で本を読む。" * 20)
        self.write("evil.txt", "harmless \x1b[2J\x1b]0;title\x07 zirconium \x9b31m end")
        self.index()
        self.opened = os.path.join(self.top, "opened")
        self.opener = self.write("../opener", f'#!/bin/sh\nprintf "%s" "$*" >"{self.opened}.new"\nmv "{self.opened}.new" "{self.opened}"\n')
        os.chmod(self.opener, 0o755)

    def start(self, *args, rows=24, cols=120):
        self.screen = Screen(rows, cols)
        self.fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        env = dict(os.environ, CAIRN_HOME=self.home, TERM="linux", CAIRN_OPENER=self.opener)
        for name in ("LINES", "COLUMNS"):
            env.pop(name, None)
        self.p = subprocess.Popen([CAIRN, *args], stdin=other, stdout=other, stderr=subprocess.PIPE, env=env,
                                  start_new_session=True, preexec_fn=lambda: fcntl.ioctl(other, termios.TIOCSCTTY, 0))
        os.close(other)
        self.addCleanup(self.stop)

    def stop(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()
        os.close(self.fd)

    def keys(self, text):
        os.write(self.fd, text.encode())

    def pump(self, seconds=0.05):
        """Whether something came."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is gone
            return False
        self.screen.feed(data)
        return bool(data)

    def resize(self, rows, cols):
        """All is drawn anew then, so a blank screen takes it."""
        while self.pump(0.2):  # what is under way belongs to the old one
            pass
        self.screen = Screen(rows, cols)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))  # sends SIGWINCH

    def shows(self, what, gone=False):
        """Wait until the screen holds what (or no longer does)."""
        for _ in range(1200):
            if (what in self.screen.text()) != gone:
                return self.screen.text()
            if not self.pump() and self.p.poll() is not None:
                break
        self.fail(f"{what!r}, gone={gone}; the screen:\n{self.screen.text()}")

    def ends(self, code=0):
        while self.p.poll() is None:
            self.pump()
        self.assertEqual(self.p.returncode, code)

    def was_opened(self, name):
        for _ in range(2000):
            if os.path.exists(self.opened):
                break
            time.sleep(0.01)
        with open(self.opened) as f:
            self.assertEqual(f.read(), os.path.join(self.docs, name))

    def test_search_and_look(self):
        self.start("tui", rows=12)
        self.shows("Tab ask")
        self.shows("4 documents, ")
        self.keys("notice peri")
        self.shows("> notice peri")  # it searches at each key
        text = self.shows("Notice period is three")
        self.assertIn("lease", text)
        while "Notice" not in "".join(self.screen.marked):  # of the whole word, not of the keys before
            self.assertTrue(self.pump(60), self.screen.marked)
        self.keys(CTRL_W + CTRL_U + "larch")
        self.shows("Basalt paths")
        self.keys(ENTER)
        self.shows("Opened")
        self.was_opened("garden.txt")
        self.keys(PAGE_DOWN)
        self.shows("Basalt paths", gone=True)
        self.keys(BACKSPACE * 5 + "zzzqqq")
        self.shows("Nothing found.")
        self.keys(ESC)
        self.shows("zzzqqq", gone=True)
        self.keys(ESC)
        self.ends()

    def test_narrow_and_resized(self):
        self.start("tui", "basalt", rows=12, cols=30)
        self.shows("Basalt paths in the garden;")
        self.resize(6, 12)
        self.shows("> basalt")
        self.resize(30, 140)
        self.shows("Basalt paths in the garden; the shed")
        self.keys(CTRL_C)
        self.ends()

    def test_text_of_any_kind(self):
        self.start("tui")
        self.keys("図書館")
        self.shows("東京の図書館で本を読む。東京の")
        self.keys(BACKSPACE)
        self.shows("> 図書")
        self.keys(CTRL_U + "zirconium")
        text = self.shows("harmless")
        self.assertIn("zirconium", text)
        self.assertIn("[2J", text)  # shown, not obeyed
        self.keys(CTRL_U + 'odd "query ( [[ ~~ \\')
        self.shows("odd")
        self.keys(CTRL_C)
        self.ends()

    @need_model("smollm2-135m", "model.gguf")
    def test_ask(self):
        conf = self.write("../c.conf", "[models]\ngenerator = smollm2-135m\n")
        self.start("--config", conf, "tui", "how long is the notice period")
        self.shows("Notice period is three")
        self.keys(TAB)
        self.shows("Esc back")
        self.keys(ESC)
        self.shows("Tab ask")
        self.keys(CTRL_C)
        self.ends()

    def test_sources_of_an_answer_are_opened(self):
        self.start("--config", self.write("../c.conf", "[models]\ngenerator = /nowhere\n"), "tui", "how long is the notice period")
        self.keys(TAB)
        self.shows("Sources")
        self.keys("1")
        self.shows("Opened")
        self.was_opened("lease.txt")
        self.keys("9")  # there is no such source: the question goes on
        self.shows("> how long is the notice period9")
        self.shows("Sources", gone=True)
        self.keys(CTRL_C)
        self.ends()

    def test_a_suggestion_is_taken(self):
        self.start("tui", "gravvel zzqq", rows=12)
        self.shows("Ctrl-Y takes it")
        self.keys(CTRL_Y)
        self.shows("> gravel")
        self.keys(CTRL_C)
        self.ends()

    def test_needs_a_terminal(self):
        self.assertIn("terminal", self.run_cairn("tui", code=2).stderr)


if __name__ == "__main__":
    main()
