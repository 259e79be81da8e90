"""bench/day.py in short: files change while `cairn watch` follows and searches run; the index then equals a fresh one."""
import os
import subprocess
import sys
import unittest

from harness import CAIRN, SOURCE, main


class Day(unittest.TestCase):
    def test_a_short_day_ends_as_a_fresh_index(self):
        seed = os.environ.get("CAIRN_SEED", "11")
        print("CAIRN_SEED", seed)
        done = subprocess.run([sys.executable, os.path.join(SOURCE, "bench", "day.py"), "--steps", "200", "--files", "40",
                               "--rate", "60", "--queries", "25", "--seed", seed], capture_output=True, text=True,
                              env=dict(os.environ, CAIRN_BIN=CAIRN))
        self.assertEqual(done.returncode, 0, f"CAIRN_SEED={seed}\n{done.stderr[-4000:]}\n{done.stdout}")


if __name__ == "__main__":
    main()
