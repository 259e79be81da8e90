"""Files inside files: found under their own address; they come, move and go with the file around them."""
import io
import json
import os
import zipfile

from harness import CairnTest, main


def packed(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


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
