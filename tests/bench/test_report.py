#!/usr/bin/env python3
"""What bench/compare says of given figures: reading a speed at a recall, medians, ratios, the plot."""
import sys
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, sys.argv.pop())
import report  # noqa: E402

MACHINE = {"machine": "made up", "cores": 2, "has": [], "data": "d", "day": "2026-01-01"}


def ann(side, ef, recall, speed, **more):
    return {"side": side, "peer": "cairn_hnsw" if side == "cairn" else side, "bench": "ann", "n": 1000, "ef": ef,
            "recall10": recall, "qps1_cpu": speed, "bytes": 2_000_000, "rss_mb": 3, "build_cpu_s": 1.5, "load": 1.0,
            **more}


class AtRecall(unittest.TestCase):
    def test_between_two_settings_it_is_linear_in_the_logarithm(self):
        points = [ann("x", 10, 0.90, 1000), ann("x", 20, 1.00, 100)]
        self.assertAlmostEqual(report.at_recall(points, 0.95), 316.2, 1)

    def test_never_reached_is_none(self):
        self.assertIsNone(report.at_recall([ann("x", 10, 0.90, 1000)], 0.95))

    def test_a_sweep_that_starts_above_gives_its_fastest_point(self):
        points = [ann("x", 10, 0.97, 800), ann("x", 20, 0.99, 900)]
        self.assertEqual(report.at_recall(points, 0.95), 900)


class Tables(unittest.TestCase):
    def rows(self):
        rows = [MACHINE]
        for speed in (900, 1000, 5000):  # the median counts, not the outlier
            rows.append(ann("cairn", 10, 0.951, speed))
            rows.append(ann("hnswlib", 10, 0.951, speed / 2))
        return rows

    def test_ratio_of_medians(self):
        text = report.tables("ann", "n", self.rows())
        line = next(x for x in text.splitlines() if x.startswith("| hnswlib"))
        self.assertIn("| 500 | 2.00 |", line)
        self.assertIn("| - | - | 0.9510 |", line)
        self.assertIn("3 rounds", text)

    def test_filters_below_the_floor_do_not_count(self):
        def row(side, name, recall, speed):
            return {**ann(side, 32, recall, speed), "bench": "ann_filter", "filter": name}
        text = report.tables("filter", "n", [MACHINE, row("cairn", "1%", 0.98, 400), row("hnswlib", "1%", 0.99, 100),
                                             row("hnswlib", "10%", 0.90, 9000)])
        self.assertIn("100 (4.00)", text)
        self.assertNotIn("9,000", text)

    def test_lexical_shares(self):
        def row(side, q10):
            return {"side": side, "peer": side, "bench": "bm25", "qps10_cpu": q10, "qps1000_cpu": 10, "load": 0.5,
                    "index_cpu_s": 2.0, "bytes": 1000}
        text = report.tables("lexical", "n", [MACHINE, row("cairn", 300), row("lucene", 100)])
        self.assertIn("100 (3.00)", text)

    def test_plot_is_xml_with_a_line_an_engine(self):
        svg = xml.fromstring(report.plot("n", self.rows()))
        self.assertEqual(len(svg.findall("{http://www.w3.org/2000/svg}polyline")), 2)


if __name__ == "__main__":
    unittest.main()
