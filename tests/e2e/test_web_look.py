#!/usr/bin/env python3
"""A closer look in the web page: a PDF's page as an image with the lines marked, opening a document in its own
program, why a document is not found, what could not be read, files dropped.

CAIRN_SHOTS=FOLDER writes the pictures that docs/ shows."""
import os
import re
import stat
import unittest

import test_web
from test_web import expect

from harness import LIBRARY, main
from serving import LIMIT

MANUAL = os.path.join(LIBRARY, "manual", "k2-service-manual.pdf")
MANUAL_WORDS = "thermal fuse winding"


class Page(test_web.Page):
    def open(self, *args, **more):
        return super().open(*args, view=None, **more)  # what a new visitor gets


def picture_is_there(page):
    expect(page.locator("#sheet:not([aria-busy])")).to_be_visible()
    expect(page.locator("#sheet-image")).to_be_visible()
    assert page.evaluate("document.getElementById('sheet-image').naturalWidth") > 0


class Pages(Page):
    def setUp(self):
        super().setUp()
        self.start(LIBRARY)

    def test_the_page_with_its_lines_marked(self):
        page = self.open(width=1360, height=860)
        page.keyboard.type(MANUAL_WORDS + " ext:pdf")
        picture_is_there(page)
        alt = page.locator("#sheet-image").get_attribute("alt")
        self.assertRegex(alt, r"^Page 5 of 5 of .*, [1-9]\d* lines marked: .*fuse")
        expect(page.locator("#text")).to_be_hidden()
        # The first marked line lies in the window.
        self.assertTrue(page.evaluate("document.getElementById('sheet').scrollTop >= 0"))
        # Coloured pixels: the marks are in the picture itself.
        coloured = page.evaluate("""async () => {
            const image = document.getElementById('sheet-image'), canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const d = context.getImageData(0, 0, canvas.width, canvas.height).data;
            let n = 0;
            for (let i = 0; i < d.length; i += 4) n += Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]) > 12;
            return n;
        }""")
        self.assertGreater(coloured, 2000)
        self.no_fault(page, "page as an image")
        page.keyboard.press("Enter")
        expect(page.locator("#sheet")).to_be_focused()
        page.keyboard.press("p")
        expect(page.locator("#sheet-place")).to_have_text("Page 4 of 5")
        picture_is_there(page)
        page.keyboard.press("n")
        expect(page.locator("#sheet-place")).to_have_text("Page 5 of 5")
        page.keyboard.press("v")
        expect(page.locator("#text p.cited").first).to_be_visible()
        expect(page.locator("#text")).to_be_focused()
        expect(page.locator("#sheet")).to_be_hidden()
        page.locator("#view-page").click()
        picture_is_there(page)
        page.keyboard.press("/")
        page.fill("#query", "warranty of motor and burrs")
        expect(page.locator("#sheet-image")).to_have_attribute("alt", re.compile("Warranty.*marked: Whoever registers"))
        picture_is_there(page)
        page.wait_for_timeout(300 if os.environ.get("CAIRN_SHOTS") else 0)  # it has faded in
        self.shot(page, "web-page.jpg")
        page.fill("#query", "burrs ext:md")  # no pages: its text
        expect(page.locator("#text p.cited").first).to_be_visible()
        expect(page.locator("#views")).to_be_hidden()

    def test_on_a_phone_in_german(self):
        page = self.open(width=390, height=844, has_touch=True, locale="de-DE", color_scheme="dark")
        page.fill("#query", MANUAL_WORDS + " ext:pdf")
        expect(page.locator("#hit-0")).to_be_visible()
        page.locator("#hit-0").tap()
        picture_is_there(page)
        self.assertRegex(page.locator("#sheet-image").get_attribute("alt"), "^Seite 5 von 5 aus .* Zeilen markiert")
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
        self.no_fault(page, "page on a phone")
        self.shot(page, "web-page-phone.jpg")

    def test_why_a_document_is_not_found(self):
        page = self.open()
        page.keyboard.type("thermal fuse winding")
        expect(page.locator("#hit-0")).to_be_visible()
        page.locator("#show-whynot").click()
        expect(page.locator("#whynot-query")).to_have_text("thermal fuse winding")
        page.keyboard.type("night train")
        choice = page.locator("#expected-list button").first
        expect(choice).to_contain_text("night-train")
        choice.click()
        expect(page.locator("#stages .verdict")).to_contain_text("does not pass: Found by words")
        expect(page.locator("#stages li.lost")).to_have_count(1)
        expect(page.locator("#stages li.passed").first).to_contain_text("The file is there")
        self.no_fault(page, "why not")
        self.shot(page, "web-whynot.jpg")
        page.locator("#expected").fill(MANUAL)
        page.keyboard.press("Enter")
        expect(page.locator("#stages .verdict")).to_have_text(re.compile("at place 1"))


class Opening(Page):
    def test_a_document_opens_in_its_own_program_at_its_page(self):
        told = os.path.join(self.home, "told")
        opener = self.write("bin/okular", f"#!/bin/sh\necho \"$@\" > {told}.new\nmv {told}.new {told}\n")
        os.chmod(opener, os.stat(opener).st_mode | stat.S_IXUSR)
        self.start(os.path.join(LIBRARY, "manual"), env={"CAIRN_OPENER": opener})
        page = self.open()
        page.keyboard.type(MANUAL_WORDS + " ext:pdf")
        picture_is_there(page)
        page.locator("#open-outside").click()
        expect(page.locator("#toast")).to_have_text("Opened")
        page.wait_for_timeout(0)
        for _ in range(LIMIT * 20):  # the program is started, not waited for
            if os.path.exists(told):
                break
            page.wait_for_timeout(50)
        with open(told, encoding="utf-8") as f:
            self.assertEqual(f.read().split(), ["-p", "5", MANUAL])
        self.assertEqual(self.server.request("POST", "/api/v1/open", {"uri": "/etc/passwd"})[0], 404)


class Status(Page):
    def test_what_could_not_be_read_is_tried_again(self):
        self.write("good.txt", "basalt\n")
        self.write("empty.pdf", "%PDF-1.4\nnothing of the kind\n")
        self.start(self.docs)
        page = self.open()
        page.locator("#show-status").click()
        expect(page.locator("#failures li")).to_have_count(1)
        page.locator("#retry").click()
        expect(page.locator("#jobs li").first).to_contain_text("Second try")
        expect(page.locator("#jobs li").first).to_contain_text("done")
        expect(page.locator("#failures li")).to_have_count(1)
        self.no_fault(page, "status")
        self.write("more/rhyolite.txt", "rhyolite\n")
        page.fill("#index-path", os.path.join(self.docs, "more"))
        page.keyboard.press("Enter")
        expect(page.locator("#jobs li")).to_have_count(2)
        expect(page.locator("#jobs li").first).to_contain_text("done")
        page.keyboard.press("Escape")
        page.fill("#query", "rhyolite")
        expect(page.locator("#hit-0 .title")).to_contain_text("rhyolite")

    def test_files_dropped_on_the_page(self):
        self.write("good.txt", "basalt\n")
        self.start(self.docs)
        page = self.open()
        page.evaluate("""() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(['Pumice floats.\\n'], 'pumice.txt', { type: 'text/plain' }));
            transfer.items.add(new File(['Tuff is soft.\\n'], 'tuff.md', { type: 'text/markdown' }));
            document.dispatchEvent(new DragEvent('dragover', { dataTransfer: transfer, cancelable: true, bubbles: true }));
            window.dropShown = !document.getElementById('drop').hidden;
            document.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true, bubbles: true }));
        }""")
        self.assertTrue(page.evaluate("window.dropShown"))
        expect(page.locator("#toast")).to_have_text("Added to the collection")
        expect(page.locator("#status-short")).to_have_text("3 documents")
        page.fill("#query", "pumice")
        expect(page.locator("#hit-0 .title")).to_contain_text("pumice")


class Conversations(Page):
    """Without a model: the answer is the documents' own sentence, or that there is none."""

    def serve(self, *options, **more):
        return super().serve(*options, env=self.without_a_generator(), **more)

    def ask(self, page, question):
        page.fill("#query", question)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".turn .question").last).to_have_text(question)
        expect(page.locator(".turn:last-child .said")).to_have_attribute("aria-busy", "false")

    def test_kept_taken_up_renamed_and_deleted(self):
        self.start(LIBRARY)
        page = self.open()
        expect(page.locator("#welcome-status")).to_contain_text("55 documents")
        self.ask(page, "How long is the warranty on the burrs?")
        first = page.locator(".said").inner_text()
        self.assertTrue(first.strip())
        self.shot(page, "web-sources.jpg")
        self.ask(page, "What is the notice period of the lease?")
        page.reload()
        expect(page.locator("#show-chats")).to_be_visible()
        expect(page.locator("#answer")).to_be_hidden()
        page.locator("#show-chats").click()
        row = page.locator("#chat-list .chat")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("How long is the warranty on the burrs?")
        expect(row).to_contain_text("2 questions")
        self.no_fault(page, "conversations")
        self.shot(page, "web-chats.jpg")
        row.click()
        expect(page.locator("#chats")).to_be_hidden()
        expect(page.locator(".turn")).to_have_count(2)
        self.assertEqual(page.locator(".said").first.inner_text().strip(), first.strip())
        if page.locator(".sources button").count():
            page.locator(".sources button").first.click()
            expect(page.locator("#preview")).to_be_visible()
        self.ask(page, "Who lends grinders?")  # goes on in the same one
        page.locator("#show-chats").click()
        expect(row).to_contain_text("3 questions")
        page.get_by_role("button", name=re.compile("^Rename: ")).click()
        page.keyboard.type("Warranty")
        page.keyboard.press("Enter")
        expect(row).to_contain_text("Warranty")
        with page.expect_download() as got:
            page.get_by_role("button", name="Save as a file: Warranty").click()
        with open(got.value.path(), encoding="utf-8") as f:
            self.assertIn("notice period of the lease", f.read())
        page.get_by_role("button", name="Delete: Warranty").click()
        page.get_by_role("button", name="Delete for good?").click()
        expect(page.locator("#chat-none")).to_contain_text("will be kept here")
        expect(row).to_have_count(0)
        expect(page.locator("#answer")).to_be_hidden()

    def test_not_kept_where_that_is_chosen(self):
        self.write("a.txt", "The basalt came from the quarry in Mendig.\n")
        self.start()
        page = self.open()
        expect(page.locator("#welcome-status")).to_contain_text("1 document")
        page.locator("#show-settings").click()
        page.select_option("#keep-chats", "forget")
        page.keyboard.press("Escape")
        self.ask(page, "Where did the basalt come from?")
        self.assertEqual(self.server.json("GET", "/api/v1/chats"), {"chats": []})


class Changed(Page):
    def test_a_file_that_changed_shows_as_text(self):
        with open(MANUAL, "rb") as f:
            data = f.read()
        path = self.write("manual.pdf", "")
        with open(path, "wb") as f:
            f.write(data)
        self.start(self.docs)
        with open(path, "ab") as f:
            f.write(b"\n%changed\n")
        got, _, said = self.server.request("POST", "/api/v1/document/page", {"uri": path, "page": 5})
        self.assertEqual((got, b"has changed since" in said), (404, True), said)
        page = self.open()
        page.keyboard.type(MANUAL_WORDS)
        expect(page.locator("#toast")).to_contain_text("has changed since")
        expect(page.locator("#text p.cited").first).to_be_visible()
        self.complaints.clear()  # the browser tells of the 404


if __name__ == "__main__":
    main()
