#!/usr/bin/env python3
"""The REST routes for a closer look at one document: its page as an image, why a query does not find it, opening it,
reading again what could not be read."""
import os
import struct
import zlib

from harness import LIBRARY, main, write_versions
from serving import ServerTest

MANUAL = os.path.join(LIBRARY, "manual", "k2-service-manual.pdf")
NOTE = os.path.join(LIBRARY, "notes", "bicycle.md")


def pixels(png):
    """(width, height, rows of RGB) of a PNG as the server sends it."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data, size = 8, b"", None
    while at < len(png):
        n, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + n]
        assert struct.unpack(">I", png[at + 8 + n:at + 12 + n])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            data += body
        at += 12 + n
    raw, stride, rows, before = zlib.decompress(data), size[0] * 3, [], bytearray(size[0] * 3)
    for y in range(size[1]):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a, b, c = line[i - 3] if i >= 3 else 0, before[i], before[i - 3] if i >= 3 else 0
            if kind == 4:
                p = a + b - c
                near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            else:
                near = (0, a, b, (a + b) // 2)[kind]
            line[i] = (line[i] + near) & 255
        rows.append(line)
        before = line
    return size[0], size[1], rows


class Look(ServerTest):
    def setUp(self):
        super().setUp()
        self.index(LIBRARY)
        self.server = self.serve()

    def page(self, status=200, **more):
        got, headers, data = self.server.request("POST", "/api/v1/document/page", dict({"uri": MANUAL, "page": 5, "width": 200}, **more))
        self.assertEqual(got, status, data[:500])
        return headers, data

    def test_lines_are_marked_where_they_are(self):
        hit = self.server.json("GET", "/api/v1/search?q=thermal+fuse+winding+ext:pdf&mode=lexical")["hits"][0]
        self.assertEqual((hit["uri"], hit["page"]), (MANUAL, 5))
        plain, without = self.page()
        self.assertEqual(plain["Content-Type"], "image/png")
        self.assertEqual((plain["X-Cairn-Marked-Lines"], plain["X-Cairn-Pages"]), ("0", "5"))
        headers, image = self.page(passage=hit["text"], words="fuse\nthermal")
        self.assertGreaterEqual(int(headers["X-Cairn-Marked-Lines"]), 4)
        boxes = [[float(x) for x in box.split(",")] for box in headers["X-Cairn-Marks"].split(";")]
        self.assertEqual(boxes, sorted(boxes, key=lambda b: b[1]))
        width, height, rows = pixels(image)
        self.assertEqual(width, 200)
        _, _, bare = pixels(without)
        changed = [y for y in range(height) if rows[y] != bare[y]]
        # Nothing but the marked lines differs, but for the little around them.
        self.assertGreaterEqual(min(changed), boxes[0][1] * height - 3)
        self.assertLessEqual(max(changed), max(b[3] for b in boxes) * height + 3)
        again = self.page(passage=hit["text"], words="fuse\nthermal")[1]
        self.assertEqual(again, image)
        text = self.server.request("GET", "/metrics")[2].decode()
        self.assertIn('cairn_pages_total{from="kept"} 1', text)
        self.assertIn('cairn_pages_total{from="drawn"} 2', text)

    def test_what_has_no_pages_is_said(self):
        for more, status in (({"uri": NOTE, "page": 1}, 422), ({"page": 6}, 422), ({"page": 0}, 400), ({"width": 9999}, 400),
                             ({"uri": "/etc/passwd"}, 404), ({"uri": "/nothing/here.pdf"}, 404), ({"passage": "x" * 9000}, 400), ({"colour": "red"}, 400)):
            self.page(status, **more)
        self.assertEqual(self.server.request("GET", f"/api/v1/document/page?uri={MANUAL}&page=1&width=100")[0], 200)

    def test_why_not(self):
        why = self.server.json("GET", f"/api/v1/why-not?file={NOTE}&q=thermal+fuse")
        self.assertEqual((why["lost_at"], why["rank"]), ("words", None))
        self.assertEqual(why["stages"][0], {"stage": "file", "passed": True, "reached": True, "detail": NOTE})
        told = self.json("why-not", NOTE, "thermal", "fuse", code=1)
        self.assertEqual([s["passed"] for s in why["stages"]], [s["passed"] for s in told["stages"]])
        found = self.server.json("GET", f"/api/v1/why-not?file={MANUAL}&q=thermal+fuse+winding")
        self.assertEqual((found["lost_at"], found["rank"]), (None, 1))
        self.assertEqual(self.server.json("GET", "/api/v1/why-not?file=/etc/hostname&q=a")["stages"][1]["passed"], False)

    def test_why_not_in_a_mode_and_of_an_answer(self):
        ask = "/api/v1/why-not?file={}&q=thermal+fuse+winding{}"
        for file in (NOTE, MANUAL):
            for more, options in (("&mode=lexical", ("--mode", "lexical")), ("&answer=true", ("--answer",)),
                                  ("&mode=lexical&answer=true&k=1", ("--mode", "lexical", "--answer", "-k", "1"))):
                why = self.server.json("GET", ask.format(file, more))
                told = self.json("why-not", *options, file, "thermal", "fuse", "winding", code=None)
                self.assertEqual({k: why[k] for k in ("lost_at", "rank", "stages")}, {k: told[k] for k in ("lost_at", "rank", "stages")})
        # The second document of the hits is not among the best 1, but an answer reads further than that.
        hits = [h["uri"] for h in self.server.json("GET", "/api/v1/search?q=motor&mode=lexical")["hits"]]
        second = [uri for uri in hits if uri != hits[0]][0]
        hit, read = (self.server.json("GET", f"/api/v1/why-not?file={second}&q=motor&mode=lexical&k=1&answer={a}") for a in ("false", "true"))
        self.assertEqual((hit["lost_at"], hit["rank"]), ("words", 2))
        self.assertEqual((read["lost_at"], read["stages"][:-1]), (None, hit["stages"][:-1]))
        self.assertEqual([(s["reached"], s["passed"]) for s in (hit["stages"][-1], read["stages"][-1])], [(False, False), (True, True)])
        for bad in ("&mode=words", "&answer=perhaps"):
            self.server.json("GET", ask.format(MANUAL, bad), status=400)

    def test_nothing_to_try_again(self):
        self.server.json("POST", "/api/v1/retry", {}, status=404)


class Versions(ServerTest):
    def test_versions_of_a_hit_come_newest_first(self):
        old, new = write_versions(self)
        self.index()
        server = self.serve()
        for hits in (server.json("GET", "/api/v1/search?q=lease&mode=lexical&versions=true")["hits"],
                     server.json("POST", "/api/v1/search", {"q": "lease", "mode": "lexical", "versions": True})["hits"]):
            named = {h["uri"]: h["versions"] for h in hits}
            self.assertEqual({u: [(v["uri"], v["newer"], v["mtime_ns"]) for v in vs] for u, vs in named.items()},
                             {old: [(new, True, 1_700_000_000 * 10**9)], new: [(old, False, 1_600_000_000 * 10**9)]})
            self.assertTrue(0.7 <= named[old][0]["likeness"] < 1)
        self.assertFalse([h for h in server.json("GET", "/api/v1/search?q=lease&mode=lexical")["hits"] if "versions" in h])


class Guarded(ServerTest):
    def test_a_reader_learns_nothing_of_the_disk(self):
        self.write("a.txt", "basalt\n")
        self.write("broken.pdf", "%PDF-1.4\nnothing of the kind\n")
        self.index()
        reader, owner = (self.json("serve", "--add-token", name, "--role", name)["token"] for name in ("read", "admin"))
        server = self.serve()
        read, admin = ({"Authorization": "Bearer " + t} for t in (reader, owner))
        server.json("GET", "/api/v1/why-not?file=/etc/hostname&q=a", headers=read, status=404)
        self.assertEqual(server.json("GET", f"/api/v1/why-not?file={os.path.join(self.docs, 'a.txt')}&q=basalt", headers=read)["rank"], 1)
        server.json("POST", "/api/v1/retry", {}, headers=read, status=403)
        job = server.json("POST", "/api/v1/retry", {}, headers=admin, status=202)
        self.assertEqual(job["kind"], "retry")
        done = server.wait_job(job["id"], headers=read)
        self.assertEqual((done["state"], done["report"]["failed"]), ("done", 1))
        self.write("broken.pdf", "basalt without a header\n")  # now it can be read
        job = server.json("POST", "/api/v1/retry", {}, headers=admin, status=202)
        self.assertEqual(server.wait_job(job["id"], headers=read)["report"]["indexed"], 1)


if __name__ == "__main__":
    main()
