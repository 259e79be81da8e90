#!/usr/bin/env python3
"""bench/scaling.py against what is known without it: waiting times by the formula of Pollaczek and Khinchine, the slowest of
many by order statistics, and sizes that were added up by hand.

    test_scaling.py PATH-OF-bench"""
import math
import statistics
import subprocess
import sys
import unittest

sys.path.insert(0, sys.argv[1])
import scaling  # noqa: E402


class Waits(unittest.TestCase):
    def test_one_server_waits_as_the_formula_says(self):
        median, sigma = 6.0, 0.4
        mean = median * math.exp(sigma**2 / 2)
        square = median**2 * math.exp(2 * sigma**2)
        for load in (0.3, 0.6):
            expected = mean + load / mean * square / 2 / (1 - load)
            got = scaling.simulate(1, load, cores=1, replicas=0, per_node=1, median_ms=median, sigma=sigma, pause_share=0,
                                   questions=20000, seed=3)["mean"]
            self.assertAlmostEqual(got / expected, 1, delta=0.05)

    def test_the_slowest_of_many_is_an_order_statistic(self):
        for shards in (1, 20):  # next to no load: nobody waits for another
            got = scaling.simulate(shards, 0.001, median_ms=6, sigma=0.4, pause_share=0, questions=3000, seed=5)
            for name, p in (("p50", 0.5), ("p90", 0.9)):
                z = statistics.NormalDist().inv_cdf(p ** (1 / shards))
                self.assertAlmostEqual(got[name] / (6 * math.exp(0.4 * z)), 1, delta=0.06)

    def test_asking_again_hides_rare_pauses(self):
        common = dict(shards=50, load=0.3, pause_ms=200, pause_share=0.002, questions=800, seed=2)
        plain, again = scaling.simulate(**common), scaling.simulate(**common, hedge=95)
        self.assertGreater(plain["p99"], 200)
        self.assertLess(again["p99"], 100)
        self.assertTrue(0.01 < again["twice"] < 0.1, again["twice"])

    def test_the_same_seed_gives_the_same_figures(self):
        self.assertEqual(scaling.simulate(5, 0.5, questions=300, hedge=90, seed=9), scaling.simulate(5, 0.5, questions=300, hedge=90, seed=9))


class Plan(unittest.TestCase):
    def test_bytes_of_a_chunk(self):
        v = scaling.values(["text_bytes=1000", "source_ratio=0.5", "posting_bytes=0.3", "dims=100", "component_bytes=1",
                            "original_bytes=4", "graph_links=32", "link_bytes=2", "replicas=1", "shard_chunks=1e6"])
        p = scaling.plan(v, 1e9)
        self.assertEqual(p["disk_b"], 500 + 300 + 104 + 400 + 64)
        self.assertAlmostEqual(p["disk_tb"], 1e9 * 1368 * 2 / 1e12)
        self.assertEqual(p["shards"], 1000)

    def test_more_of_what_is_short_is_asked_for(self):
        tight = scaling.plan(scaling.values(["node_disk=10"]), 1e9)
        self.assertEqual(tight["by"], "disk")
        self.assertEqual(tight["nodes"], math.ceil(tight["disk_tb"] * 1e3 / 10 / 0.7))
        busy = scaling.plan(scaling.values(["questions_day=1000"]), 1e9)
        self.assertEqual(busy["by"], "questions")

    def test_a_wrong_name_is_refused(self):
        r = subprocess.run([sys.executable, scaling.__file__, "plan", "--set", "nodes=3"], capture_output=True, text=True)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("nodes=3", r.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
