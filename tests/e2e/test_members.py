"""Files inside files: found under their own address; they come, move and go with the file around them."""
import io
import json
import os
import re
import tarfile
import unittest
import zipfile

from harness import SOURCE, CairnTest, main
from serving import Server


def packed(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def linked(text, link, xmp):
    """A PDF of a page with a link over its first words, and an XMP packet."""
    page = f"BT /F1 12 Tf 50 350 Td ({text}) Tj ET"
    objects = ["<</Type/Catalog/Pages 2 0 R/Metadata 7 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
               "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R/Annots[6 0 R]/Resources<</Font<</F1 5 0 R>>>>>>",
               f"<</Length {len(page)}>>\nstream\n{page}\nendstream", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
               f"<</Type/Annot/Subtype/Link/Rect[48 346 100 362]/A<</S/URI/URI({link})>>>>",
               f"<</Type/Metadata/Subtype/XML/Length {len(xmp)}>>\nstream\n{xmp}\nendstream"]
    out, places = "%PDF-1.4\n", []
    for i, o in enumerate(objects, 1):
        places.append(len(out))
        out += f"{i} 0 obj\n{o}\nendobj\n"
    table = "".join(f"{p:010} 00000 n \n" for p in places)
    return (out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<</Root 1 0 R/Size {len(objects) + 1}>>\n"
            f"startxref\n{len(out)}\n%%EOF\n").encode()


class Pdf(CairnTest):
    XMP = ("<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
           "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/'>"
           "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Tides of the estuary</rdf:li></rdf:Alt></dc:title>"
           "<dc:creator><rdf:Seq><rdf:li>Ada Pilot</rdf:li></rdf:Seq></dc:creator>"
           "<dc:subject><rdf:Bag><rdf:li>harbour</rdf:li><rdf:li>spring tide</rdf:li></rdf:Bag></dc:subject>"
           "</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>")

    def test_links_and_the_words_of_its_packet_are_found(self):
        path = self.write("a.pdf", linked("The tables are kept by the keeper.", "https://tides.example.org/tables", self.XMP))
        self.write("b.pdf", linked("The tables are kept elsewhere.", "https://other.example.org/", ""))
        self.write("in.zip", packed(c_pdf=linked("A copy of the tables, packed.", "https://packed.example.org/", self.XMP)))
        self.index()
        inner = os.path.join(self.docs, "in.zip!/c.pdf")
        self.assertEqual(self.uris('"tides.example.org/tables"'), [path])
        self.assertEqual(self.uris('"packed.example.org"'), [inner])
        for query in ("tag:harbour tables", 'tag:"spring tide" tables', "from:pilot tables", "title:estuary tables"):
            self.assertEqual(sorted(self.uris(query)), [path, inner], query)
        hit = self.json("search", "--mode", "lexical", "--facets", "tag", "tables")
        self.assertEqual({v["value"]: v["documents"] for v in hit["facets"]["tag"]["values"]}, {"harbour": 2, "spring tide": 2})
        first = next(h for h in hit["hits"] if h["uri"] == path)
        self.assertEqual((first["title"], first["author"], first["tags"]), ("Tides of the estuary", "Ada Pilot", ["harbour", "spring tide"]))
        self.assertIn("https://tides.example.org/tables", self.json("get", path)["text"])


class Pictures(CairnTest):
    @unittest.skipUnless(os.path.exists("/usr/share/tesseract-ocr/5/tessdata/eng.traineddata"), "Tesseract's English is not on this machine")
    def test_the_words_in_pictures_of_office_documents(self):
        with open(os.path.join(SOURCE, "fixtures", "parse", "scan.png"), "rb") as f:
            scan = f.read()
        rels = '<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="word/document.xml"/></Relationships>'
        body = '<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>A letter with a picture</w:t></w:r></w:p></w:body></w:document>'
        path = os.path.join(self.docs, "letter.docx")
        with zipfile.ZipFile(path, "w") as z:
            for name, data in (("_rels/.rels", rels), ("word/document.xml", body), ("word/media/image1.png", scan), ("word/media/image2.png", scan[:300])):
                z.writestr(name, data)
        conf = self.write("c.conf", "[index]\nocr = all\nocr_languages = eng\n", folder=self.top)
        self.json("--config", conf, "index", "--no-vectors", self.docs)
        self.assertEqual(self.uris('"three months"'), [path])
        self.assertIn("A letter with a picture", self.json("get", path)["text"])


class Members(CairnTest):
    def listed(self):
        lines = self.run_cairn("list", "--json").stdout.splitlines()
        docs = [json.loads(x) for x in lines]
        return {os.path.relpath(d["uri"], self.docs): d["doc"] for d in docs}

    def test_found_by_their_own_address(self):
        inner = packed(deep_txt="gneiss in the depth")
        self.write("old.zip", packed(docs__hello_md="# Basalt\n\ncolumns", in_zip=inner, raw_bin=bytes(range(256)) * 9))
        r = self.index()
        self.assertEqual((r["seen"], r["indexed"], r["failed"]), (1, 1, []))
        self.assertEqual(self.uris("gneiss"), [os.path.join(self.docs, "old.zip!/in.zip!/deep.txt")])
        self.assertEqual(self.uris('"raw bin"'), [os.path.join(self.docs, "old.zip")])
        got = self.json("get", os.path.join(self.docs, "old.zip!/docs/hello.md"))
        self.assertIn("columns", got["text"])
        self.assertEqual(len(self.uris("columns ext:md")), 1)
        r = self.index()
        self.assertEqual((r["unchanged"], r["indexed"], r["removed"]), (1, 0, 0))
        self.assert_clean()

    def test_a_packed_tar_is_one_whatever_its_dialect(self):
        for name, mode, dialect in (("pax.tgz", "w:gz", tarfile.PAX_FORMAT), ("gnu.tar.xz", "w:xz", tarfile.GNU_FORMAT),
                                    ("ustar.tar.bz2", "w:bz2", tarfile.USTAR_FORMAT), ("plain.tar", "w", tarfile.PAX_FORMAT)):
            with tarfile.open(os.path.join(self.docs, name), mode, format=dialect) as t:
                info = tarfile.TarInfo("plan.txt")
                info.size = len(name)
                t.addfile(info, io.BytesIO(name.encode()))
        self.index()
        docs = [json.loads(x) for x in self.run_cairn("list", "--json").stdout.splitlines()]
        self.assertEqual({os.path.basename(d["uri"]): d["mime"] for d in docs if "!/" not in d["uri"]},
                         dict.fromkeys(("pax.tgz", "gnu.tar.xz", "ustar.tar.bz2", "plain.tar"), "application/x-tar"))

    def test_damaged_and_very_old_archives_give_what_they_hold(self):
        whole = packed(one_txt="a heron " * 200, two_txt="an osprey " * 200)
        self.write("cut.zip", whole[:whole.index(b"PK\x01\x02")])  # its directory is missing
        self.write("noise.zip", b"PK\x03\x04" + b"\xff" * 200)
        name, text = b"plan.txt", b"a kestrel over the quarry"
        head = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % len(text) + b"00000000000\0" + b" " * 8 + b"0"
        head = head.ljust(512, b"\0")
        head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
        self.write("old.tar", head + text.ljust(512, b"\0") + b"\0" * 1024)
        failed = {os.path.basename(f["path"]): f["reason"] for f in self.index()["failed"]}
        self.assertEqual(list(failed), ["noise.zip"])
        self.assertIn("broken", failed["noise.zip"])
        self.assertEqual(set(self.uris("osprey")), {os.path.join(self.docs, "cut.zip!/two.txt")})
        self.assertEqual(self.uris("kestrel"), [os.path.join(self.docs, "old.tar!/plan.txt")])

    def test_they_move_change_and_go(self):
        path = self.write("a.zip", packed(one_txt="basalt", two_txt="marble", three_txt="granite"))
        self.index()
        before = self.listed()
        os.rename(path, os.path.join(self.docs, "b.zip"))
        r = self.index()
        self.assertEqual((r["moved"], r["removed"]), (1, 0))
        moved = self.listed()
        self.assertEqual(moved, {k.replace("a.zip", "b.zip"): v for k, v in before.items()})
        self.assertEqual(self.uris("marble"), [os.path.join(self.docs, "b.zip!/two.txt")])
        self.write("b.zip", packed(one_txt="basalt", two_txt="gneiss", four_txt="quartz"))
        self.index()
        after = self.listed()
        self.assertEqual(sorted(after), ["b.zip", "b.zip!/four.txt", "b.zip!/one.txt", "b.zip!/two.txt"])
        self.assertEqual(after["b.zip!/one.txt"], moved["b.zip!/one.txt"])  # the same document
        self.assertEqual(self.uris("marble"), [])
        self.assertEqual(self.uris("granite"), [])
        self.assertEqual(self.uris("gneiss"), [os.path.join(self.docs, "b.zip!/two.txt")])
        self.assert_clean()
        os.remove(os.path.join(self.docs, "b.zip"))
        self.index()
        self.assertEqual(self.run_cairn("list", code=1).stdout, "")
        self.assert_clean()

    def test_delete_takes_them_along_and_two_of_a_name_are_one(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr("same.txt", "basalt first")
            import warnings
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                z.writestr("same.txt", "marble second")
        path = self.write("twice.zip", out.getvalue())
        self.index()
        self.assertEqual(sorted(self.listed()), ["twice.zip", "twice.zip!/same.txt"])
        self.assertEqual(self.uris("marble"), [path + "!/same.txt"])
        self.assertEqual(self.uris("first"), [])
        self.run_cairn("delete", path)
        self.run_cairn("list", code=1)
        self.assert_clean()

    def test_a_member_that_fails_is_reported_by_its_address(self):
        path = self.write("a.zip", packed(good_txt="basalt", bad_pdf=b"%PDF-1.4 nothing of the kind"))
        r = self.index()
        self.assertEqual([f["path"] for f in r["failed"]], [path + "!/bad.pdf"])
        status = self.json("status")
        self.assertEqual([f["path"] for f in status["failed"]], [path + "!/bad.pdf"])
        self.index()
        self.assertEqual(len(self.json("status")["failed"]), 1)
        self.write("a.zip", packed(good_txt="basalt"))
        self.index()
        self.assertEqual(self.json("status")["failed"], [])
        self.write("a.zip", packed(bad_pdf=b"%PDF-1.4 nothing of the kind"))
        self.index()
        os.remove(path)
        self.index()
        self.assertEqual(self.json("status")["failed"], [])


class Counts(CairnTest):
    """What the end of a run counts adds up, and says of what it speaks."""
    LINE = re.compile(r"(\d+) seen: (\d+) indexed, (\d+) unchanged, (\d+) moved, (\d+) failed(?:, (\d+) not reached)?(.*)")

    def fill(self):
        broken = b"%PDF-1.4 nothing of the kind"
        self.write("good.txt", "basalt")
        self.write("bad.pdf", broken)
        self.write("a.zip", packed(good_txt="marble", bad_pdf=broken, worse_pdf=broken))
        self.write("b.zip", packed(only_pdf=broken))
        self.write("large.txt", "x" * 3000)
        self.write("broken/.cairn.conf", "[index]\nnothing = 1\n")
        self.write("broken/c.txt", "gneiss")
        return self.write("c.conf", "[index]\nmax_file_mb = 0.002\n", folder=self.top)

    def line(self, *args):
        found = self.LINE.search(self.run_cairn(*args, code=None).stdout)
        n = [int(x or 0) for x in found.groups()[:6]]
        self.assertEqual(n[0], sum(n[1:]), found.group())
        return n[:5], found.group(7)

    def test_files_those_inside_and_places(self):
        conf = self.fill()
        away = os.path.join(self.docs, "away")
        args = ("--config", conf, "index", "--no-vectors", self.docs, away)
        n, rest = self.line(*args)
        self.assertEqual(n, [6, 4, 0, 0, 2])  # the settings of a folder and `away` are no files that were seen
        self.assertIn("; inside of these 3 files failed; 2 paths could not be looked at; 0 removed; ", rest)
        r = self.json(*args, code=3)
        self.add_up(r)
        self.assertEqual((r["seen"], r["unchanged"], r["unread"], r["failed_inside"], len(r["failed"])), (6, 4, 2, 0, 4))
        self.assertIn("not indexed  4, 3 of them inside other files", self.run_cairn("status").stdout)
        self.write("new.zip", packed(bad_pdf=b"%PDF-1.4 nothing of the kind", good_txt="slate"))
        n, rest = self.line(*args)
        self.assertEqual(n, [7, 1, 4, 0, 2])
        self.assertIn("; inside of these 1 file failed; ", rest)

    def test_a_dry_run_and_an_import(self):
        conf = self.fill()
        shown = self.run_cairn("--config", conf, "index", "--dry-run", self.docs, code=None).stdout
        self.assertIn("6 seen: 5 would be indexed, 0 are unchanged, 0 moved, 1 could not be read; 1 path could not be looked at; 0 would be removed", shown)
        lines = self.write("l.jsonl", '{"_id": "a", "text": "basalt"}\nno JSON\n{"_id": "b", "text": "marble"}\n', folder=self.top)
        self.assertEqual(self.line("import", "jsonl", lines)[0], [3, 2, 0, 0, 1])

    def test_a_server_counts_alike(self):
        self.fill()
        server = Server(self.home, "--embedder", "/nonexistent/model")
        self.addCleanup(server.stop)
        job = server.json("POST", "/api/v1/index", {"paths": [self.docs]}, status=202)
        r = server.wait_job(job["id"])["report"]
        self.assertEqual((r["seen"], r["indexed"], r["unchanged"], r["unread"], r["not_reached"]), (6, 5, 0, 1, 0))
        self.assertEqual((r["failed"], r["failed_inside"]), (5, 3))


def book(pages, labels):
    """A PDF with a line of text a page, whose PageLabels number tree is `labels`; without a cross-reference table."""
    kids = " ".join(f"{10 + 2 * i} 0 R" for i in range(len(pages)))
    out = f"""%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R /PageLabels << /Nums [{labels}] >> >> endobj
2 0 obj << /Type /Pages /Kids [{kids}] /Count {len(pages)} >> endobj
3 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj
"""
    for i, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        out += f"""{10 + 2 * i} 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {11 + 2 * i} 0 R
/Resources << /Font << /F1 3 0 R >> >> >> endobj
{11 + 2 * i} 0 obj << /Length {len(stream)} >> stream
{stream}
endstream endobj
"""
    return (out + "trailer << /Root 1 0 R >>\n%%EOF\n").encode()


class PageLabels(CairnTest):
    def test_citations_name_the_page_that_they_stand_on(self):
        lines = ["The basalt of the quarry is 40 metres thick.", "The slate of the quarry is 55 metres thick.", "The marble of the quarry is 70 metres thick."]
        self.write("book.pdf", book(lines, "0 << /S /r >> 2 << /S /D >>"))
        self.write("plain.pdf", book([line.replace("quarry", "harbour") for line in lines], ""))
        self.index()
        self.assertEqual(len(self.json("search", "quarry")["hits"][0]["text"].split("thick")), 4)  # one passage of three pages
        for stone, place, page, label in (("basalt", "quarry", 1, "i"), ("slate", "quarry", 2, "ii"), ("marble", "quarry", 3, "1"),
                                          ("basalt", "harbour", 1, None), ("marble", "harbour", 3, None)):
            cited = self.json("ask", "--mode", "lexical", "--extractive", f"How thick is the {stone} of the {place}?")["citations"]
            self.assertEqual([(c["page"], c.get("page_label")) for c in cited], [(page, label)], (stone, place, cited))

    def test_hits_name_pages_as_the_book_does(self):
        self.write(".cairn.conf", "[index]\nchunker = paragraph\n")  # a passage a page
        self.write("book.pdf", book(["A preface about basalt.", "The preface about slate.", "Chapter one about marble.",
                                     "An appendix about sandstone."], "0 << /S /r >> 2 << /S /D >> 3 << /S /D /P (A-) /St 3 >>"))
        self.write("plain.pdf", book(["Just a page about gravel."], ""))
        self.index()
        for word, page, label in (("basalt", 1, "i"), ("slate", 2, "ii"), ("marble", 3, "1"), ("sandstone", 4, "A-3")):
            hit = self.json("search", word)["hits"][0]
            self.assertEqual((hit["page"], hit["page_label"]), (page, label))
            self.assertIn(f"p. {label}\n", self.run_cairn("search", word).stdout)
        hit = self.json("search", "gravel")["hits"][0]
        self.assertEqual(hit["page"], 1)
        self.assertNotIn("page_label", hit)
        cited = self.json("ask", "--extractive", "What is the appendix about?")["citations"]
        self.assertEqual([(c["page"], c["page_label"]) for c in cited][:1], [(4, "A-3")])


if __name__ == "__main__":
    main()
