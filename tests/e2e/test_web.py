#!/usr/bin/env python3
"""The web page in a real browser: Debian's Chromium, driven by Playwright, over fixtures/library.

CAIRN_SHOTS=FOLDER writes the pictures that docs/ shows.
"""
import os
import re
import shutil
import unittest

import packages

packages.need("playwright", "axe_core_python")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not CHROMIUM:
    packages.skip("no Chromium on this machine: scripts/setup --browser installs it")

from axe_core_python.sync_playwright import Axe  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

from harness import LIBRARY, main, model_path  # noqa: E402
from serving import LIMIT, ServerTest  # noqa: E402

expect.set_options(timeout=int(os.environ.get("CAIRN_WEB_LIMIT", LIMIT)) * 1000)

ATTACK = """<h1>Quartz <img src=x onerror="document.title='owned'"></h1>
<script>document.title = 'owned'</script><style>body { display: none }</style>
quartzite "><svg onload=document.title='owned'> javascript:alert(1) {{7*7}} </p></main><base href="http://evil.example/">
"""
GENERATES = model_path("qwen2.5-coder-0.5b", "model.gguf") and model_path("multilingual-e5-small", "e5-small-q4.bin")


class Page(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def open(self, width=1280, height=800, server=None, **more):
        """A page in a context of its own that fails the test when a script or the policy complains."""
        view = more.pop("view", "text")
        context = self.browser.new_context(viewport={"width": width, "height": height}, locale=more.pop("locale", "en-GB"), **more)
        self.addCleanup(context.close)
        page = context.new_page()
        if view:  # of PDF files: "text" or "page"
            page.add_init_script(f"localStorage.setItem('cairn.view', '{view}')")
        page.set_default_timeout(LIMIT * 1000)
        self.complaints = []
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", lambda r: self.complaints.append("foreign " + r.url) if not r.url.removeprefix("blob:").startswith(self.url) else None)
        page.goto(self.url)
        return page

    def start(self, *paths, vectors=False, **more):
        self.index(*paths, vectors=vectors)
        self.models = vectors
        self.server = self.serve(**more)
        self.url = f"http://{self.server.address}/"

    def tearDown(self):
        self.assertEqual(getattr(self, "complaints", []), [])
        super().tearDown()

    def shot(self, page, name):
        if os.environ.get("CAIRN_SHOTS"):
            page.screenshot(path=os.path.join(os.environ["CAIRN_SHOTS"], name), type="jpeg", quality=82)

    def no_fault(self, page, what):
        found = Axe().run(page)["violations"]
        grave = [(v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")]
        self.assertEqual(grave, [], what)


class Searching(Page):
    def setUp(self):
        super().setUp()
        self.start(LIBRARY)

    def test_by_keyboard_from_start_to_end(self):
        page = self.open()
        expect(page.locator("#welcome-status")).to_contain_text("55 documents")
        page.keyboard.type("burrs")  # the field has the focus from the start
        first = page.locator("#hit-0")
        expect(first.locator("mark", has_text=re.compile("burr", re.I)).first).to_be_visible()
        expect(first).to_have_attribute("aria-selected", "true")
        expect(page.locator("#query")).to_have_attribute("aria-activedescendant", "hit-0")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#hit-1")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_be_focused()
        expect(page.locator("#text p.cited").first).to_be_visible()
        expect(page.locator("#text mark").first).to_be_attached()
        page.keyboard.press("n")
        expect(page.locator("#text mark.now")).to_have_count(1)
        page.keyboard.press("Alt+w")
        expect(page.locator("#why meter").first).to_be_visible()
        self.assertIn("burr", page.locator("#why").inner_text())
        page.keyboard.press("/")
        expect(page.locator("#query")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#query")).to_have_value("")
        expect(page.locator("#welcome")).to_be_visible()
        page.locator("body").press("Tab")
        page.locator("#show-help").press("Enter")
        expect(page.locator("#help")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#help")).to_be_hidden()

    def test_enter_while_the_text_is_on_its_way(self):
        page, held = self.open(), []
        page.route("**/api/v1/document/text*", lambda route: held.append(route))
        with page.expect_request("**/api/v1/document/text*"):
            page.keyboard.type("burrs")  # the first hit opens by itself
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_be_focused()
        for route in held:
            route.continue_()
        expect(page.locator("#text p.cited").first).to_be_visible()

    def test_words_show_while_the_whole_search_is_on_its_way(self):
        page, typed, whole = self.open(), [], []
        page.route("**/api/v1/search", lambda route: (typed if route.request.post_data_json.get("typing") else whole).append(route))
        with page.expect_request(lambda r: r.url.endswith("/api/v1/search") and not r.post_data_json.get("typing")):
            page.fill("#query", "warranty")  # the whole search begins before the one by words is answered
        expect(page.locator(".field.busy")).to_be_visible()
        for route in typed:
            route.continue_()
        expect(page.locator(".hit").first).to_be_visible()
        expect(page.locator("#facets .chip")).to_have_count(0)  # only the whole search brings them
        for route in whole:
            route.continue_()
        expect(page.locator("#facets .chip").first).to_be_visible()
        expect(page.locator(".field.busy")).to_have_count(0)

    def test_an_answer_is_copied_with_its_sources(self):
        page = self.open(permissions=["clipboard-read", "clipboard-write"])
        page.fill("#query", "Who delivers the burrs?")
        page.locator("#ask").click()
        expect(page.locator(".copy-answer")).to_be_visible()
        page.locator(".copy-answer").click()
        expect(page.locator("#toast")).to_have_text("Answer copied")
        said, copied = page.locator(".said").inner_text(), page.evaluate("navigator.clipboard.readText()")
        answer, _, sources = copied.rstrip().partition("\n\n")
        self.assertEqual(re.sub(r"\W+", "", re.sub(r"\[\d+\]", "", answer)), re.sub(r"\W+", "", re.sub(r"\b1\b", "", said)))
        self.assertRegex(sources, r"^\[1\] .+: " + re.escape(LIBRARY))

    def test_filters_completion_and_correction(self):
        page = self.open()
        page.keyboard.type("warranty")
        chip = page.locator("#facets .chip", has_text=re.compile(r"^pdf"))
        expect(chip).to_be_visible()
        chip.click()
        expect(page.locator("#facets .chip[aria-pressed=true]")).to_have_count(1)
        expect(page.locator(".hit .tag").first).to_have_text("pdf")
        self.assertEqual(set(page.locator(".hit .tag").all_inner_texts()), {"PDF"})
        page.locator("#facets .chip[aria-pressed=true]").click()
        expect(page.locator("#facets .chip[aria-pressed=true]")).to_have_count(0)
        page.fill("#query", "warran")
        page.locator("#query").press("End")
        expect(page.locator("#ghost")).to_contain_text("warran")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#query")).to_have_value(re.compile("^warrant."))
        page.fill("#query", "warrenty")
        expect(page.locator("#meant-button")).to_have_text("warranty")
        page.locator("#meant-button").click()
        expect(page.locator("#query")).to_have_value("warranty")
        page.fill("#query", "zzyzx qqq")
        expect(page.locator("#count")).to_have_text("Nothing found")

    def test_the_place_survives_a_reload(self):
        page = self.open()
        page.keyboard.type("granulometry OR warranty")
        expect(page.locator("#hit-0")).to_be_visible()
        # Kept when one has stopped typing: a slow machine may keep what stands there half way through as well.
        expect(page).to_have_url(re.compile("#q=granulometry.*warranty$"))
        page.reload()
        expect(page.locator("#query")).to_have_value("granulometry OR warranty")
        expect(page.locator("#hit-0")).to_be_visible()

    def test_settings_language_theme_direction(self):
        page = self.open(locale="de-DE", color_scheme="dark")
        expect(page.locator("#query")).to_have_attribute("placeholder", re.compile("Frage"))
        self.assertEqual(page.evaluate("document.documentElement.lang"), "de")
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator("#show-settings").click()
        page.select_option("#theme", "light")
        self.assertNotEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), dark)
        page.select_option("#language", "en")
        expect(page.locator("#settings-title")).to_have_text("Settings")
        page.keyboard.press("Escape")
        page.fill("#query", "المعارض")
        expect(page.locator("#hit-0 mark").first).to_have_text("المعارض")
        self.assertEqual(page.evaluate("getComputedStyle(document.querySelector('#hit-0 .snippet')).direction"), "rtl")

    def test_on_a_phone(self):
        page = self.open(width=390, height=844, has_touch=True)
        page.fill("#query", "warranty")
        expect(page.locator("#hit-0")).to_be_visible()
        expect(page.locator("#preview")).to_be_hidden()
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
        # The whole search brings the filters, which move the hits down: a tap before that lands on a filter.
        expect(page.locator("#facets .chip").first).to_be_visible()
        page.locator("#hit-0").tap()
        expect(page.locator("#text p.cited").first).to_be_visible()
        self.shot(page, "web-phone.jpg")
        page.locator("#preview-close").tap()
        expect(page.locator("#hit-0")).to_be_visible()

    def test_an_upload_shows_as_a_job(self):
        page = self.open()
        page.locator("#show-status").click()
        page.set_input_files("#files", [{"name": "obsidian.txt", "mimeType": "text/plain", "buffer": b"Obsidian is glass.\n"}])
        expect(page.locator("#jobs li").first).to_contain_text("done")
        page.keyboard.press("Escape")
        page.fill("#query", "obsidian")
        expect(page.locator("#hit-0 .title")).to_contain_text("obsidian")

    def test_no_grave_accessibility_fault(self):
        page = self.open()
        expect(page.locator("#welcome-status")).to_contain_text("55 documents")
        self.no_fault(page, "welcome")
        page.keyboard.type("warranty")
        expect(page.locator("#text p.cited").first).to_be_visible()
        self.no_fault(page, "results")
        for button in ("show-status", "show-settings", "show-help"):
            page.locator("#" + button).click()
            self.no_fault(page, button)
            page.keyboard.press("Escape")
        dark = self.open(color_scheme="dark", width=390, height=844)
        dark.fill("#query", "warranty")
        expect(dark.locator("#hit-0")).to_be_visible()
        self.no_fault(dark, "dark phone")


class Attacked(Page):
    def test_a_document_stays_text(self):
        self.write("attack.html", ATTACK)
        self.write("attack.md", "# Quartz <script>document.title='owned'</script>\n\n" + ATTACK)
        self.write("attack <img src=x onerror=document.title='owned'>.txt", ATTACK)
        self.start()
        page = self.open()
        page.keyboard.type("quartzite")
        expect(page.locator("#hit-2")).to_be_visible()
        for i in range(3):
            page.locator(f"#hit-{i}").click()
            expect(page.locator("#text p.cited").first).to_be_visible()
            expect(page.locator("#text")).to_contain_text("quartzite")
        page.fill("#query", "\"><img src=x onerror=document.title='owned'>")
        expect(page.locator("#count")).to_contain_text("passage")
        self.assertEqual(page.title(), "Cairn")
        for tag in ("#results img", "#text img", "#text script", "#text svg", "#text style", "base", "#results script"):
            self.assertEqual(page.locator(tag).count(), 0, tag)
        self.assertNotEqual(page.evaluate("getComputedStyle(document.body).display"), "none")

    def test_a_server_that_is_gone_is_said(self):
        self.write("a.txt", "basalt\n")
        self.start()
        page = self.open()
        page.keyboard.type("basalt")
        expect(page.locator("#hit-0")).to_be_visible()
        self.server.stop()
        page.fill("#query", "basalt columns")
        expect(page.locator("#count")).to_contain_text("does not answer")
        self.complaints.clear()  # the browser says that it could not connect


class Token(Page):
    def test_a_token_is_asked_for(self):
        self.write("a.txt", "basalt\n")
        self.index()
        token = self.json("serve", "--add-token", "ann")["token"]
        self.start()
        page = self.open()
        expect(page.locator("#welcome-status")).to_contain_text("token")
        self.complaints.clear()  # 401s
        page.locator("#show-settings").click()
        page.fill("#token", token)
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(page.locator("#welcome-status")).to_contain_text("1 document")
        page.fill("#query", "basalt")
        expect(page.locator("#hit-0")).to_be_visible()
        self.complaints.clear()


@unittest.skipUnless(GENERATES, "the models qwen2.5-coder-0.5b and multilingual-e5-small are not on this machine")
class Asking(Page):
    QUESTIONS = ("At what temperature does the thermal fuse in the motor winding blow?",
                 "Wie viele Geräte sind vom Rückruf der Netzkabel betroffen?", "Was steht auf dem Stecker der betroffenen Netzkabel?",
                 "How long is the warranty on the K2's burrs?", "Within how many days must a K2 be registered?")

    def test_ask_follow_a_citation_and_stop(self):
        self.start(os.path.join(LIBRARY, "manual"), os.path.join(LIBRARY, "mail"), vectors=True)
        # How good the model's answers are is tested elsewhere: here one is shown that it does give.
        told = {q: self.json("ask", q, code=None) for q in self.QUESTIONS}
        question = next((q for q, a in told.items() if re.search(r"\[\d", a["answer"]) and a["citations"]), None)
        if not question:
            self.skipTest("the model cites nothing for any of the questions")
        page = self.open()
        page.keyboard.type(question)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".turn .question")).to_have_text(question)
        source = page.locator(".sources button").first
        expect(source).to_be_visible()
        expect(page.locator(".said")).to_contain_text(told[question]["answer"].split("[")[0].strip()[:40])
        page.locator(".said .cite").first.click()
        expect(page.locator("#text p.cited").first).to_be_visible()
        cited = " ".join(page.locator("#text p.cited").all_inner_texts())
        self.assertTrue(any(c["text"].split()[0] in cited for c in told[question]["citations"]), cited)
        expect(page.locator("#text")).to_be_focused()
        self.no_fault(page, "answer")
        self.shot(page, "web-answer.jpg")
        page.fill("#query", "Tell me everything about cleaning the grinder")
        page.locator("#ask").click()
        expect(page.locator(".turn")).to_have_count(2)
        page.keyboard.press("Escape")  # or it is done already; either way the page is at rest then
        expect(page.locator("#stop")).to_be_hidden()
        page.locator("#answer-close").click()
        expect(page.locator("#answer")).to_be_hidden()
        page.fill("#query", "burrs cleaning")
        expect(page.locator("#text p.cited").first).to_be_visible()
        self.shot(page, "web-search.jpg")
        dark = self.open(color_scheme="dark", locale="de-DE")
        dark.keyboard.type("Garantie Mahlwerk")
        expect(dark.locator("#text p.cited").first).to_be_visible()
        self.shot(dark, "web-dark.jpg")


if __name__ == "__main__":
    main()
