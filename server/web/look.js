"use strict";
/* A closer look at one document: its page as an image with the lines marked, opening it in its own program,
 * and why a query does not find it. */

/* ---- the page as an image ---- */

const SHEET_MOST = 1800;
const MARKED_TEXT = 2600; /* characters of a passage: within the server's bound in any script */
let sheetRun = null, sheetUrl = "";

const hasPages = what => what.page > 0 && /\.pdf$/i.test(what.uri) && !what.uri.includes("!/");
const wantsPage = () => kept("view", "page") === "page";

/* Show what is open as its page or as its text, and the switch between them. */
function showView() {
  const what = state.looking, pages = what && hasPages(what), page = pages && wantsPage() && !state.noSheet;
  $("views").hidden = !pages;
  $("view-page").setAttribute("aria-pressed", String(page));
  $("view-text").setAttribute("aria-pressed", String(!page));
  $("sheet").hidden = !page;
  $("text").hidden = page;
  $("mark-before").hidden = $("mark-after").hidden = page || !state.marks.length;
  if (page) drawPage();
}

function chooseView(view) {
  const focused = $("preview").contains(document.activeElement);
  keep("view", view);
  state.noSheet = false;
  showView();
  if (focused && !$("views").contains(document.activeElement)) (view === "page" ? $("sheet") : $("text")).focus();
}

/* What was opened: at the passage's own page. */
function lookAt(what) {
  state.looking = what;
  state.noSheet = false;
  what.at = what.page;
  what.pages = 0;
}

async function drawPage() {
  const what = state.looking, w = state.words;
  if (what.drawn === what.at) return;
  if (sheetRun) sheetRun.abort();
  const mine = sheetRun = new AbortController();
  $("sheet").setAttribute("aria-busy", "true");
  showPlace();
  try {
    const width = Math.min(SHEET_MOST, Math.max(640, Math.round($("sheet").clientWidth * (devicePixelRatio || 1))));
    const response = await api("/api/v1/document/page", { signal: mine.signal, json: withCollection({
      uri: String(what.doc), page: what.at, width, passage: what.part.slice(0, MARKED_TEXT), words: [...new Set(what.words)].join("\n").slice(0, MARKED_TEXT) }) });
    const image = await response.blob();
    if (mine !== sheetRun) return;
    if (sheetUrl) URL.revokeObjectURL(sheetUrl);
    sheetUrl = URL.createObjectURL(image);
    const marked = Number(response.headers.get("X-Cairn-Marked-Lines"));
    what.pages = Number(response.headers.get("X-Cairn-Pages"));
    what.drawn = what.at;
    const picture = $("sheet-image");
    picture.alt = w["page-alt"](what.at, what.pages, what.title || shortPath(what.uri, 1), marked) + (marked ? ": " + what.part.replace(/\s+/g, " ").slice(0, 300) : "");
    picture.src = sheetUrl;
    await picture.decode().catch(() => {});
    if (mine !== sheetRun) return;
    picture.hidden = false;
    const first = (response.headers.get("X-Cairn-Marks") || "").split(";")[0].split(",").map(Number);
    $("sheet").scrollTop = first.length === 4 ? Math.max(0, picture.offsetTop + first[1] * picture.clientHeight - 72) : 0;
    $("sheet").removeAttribute("aria-busy");
    showPlace();
  } catch (problem) {
    if (problem.name === "AbortError" || mine !== sheetRun) return;
    $("sheet").removeAttribute("aria-busy");
    state.noSheet = true; /* its text is there */
    showView();
    toast(problem.message);
  }
}

function showPlace() {
  const what = state.looking;
  $("sheet-place").textContent = state.words["page-of"](what.at, what.pages);
  $("sheet-before").disabled = what.at <= 1;
  $("sheet-after").disabled = what.pages > 0 && what.at >= what.pages;
}

function turnPage(step) {
  const what = state.looking;
  if (!what || $("sheet").hidden || what.at + step < 1 || (what.pages && what.at + step > what.pages)) return;
  what.at += step;
  drawPage();
}

/* ---- opening ---- */

async function openOutside() {
  const what = state.looking;
  if (!what || $("open-outside").hidden) return;
  try {
    await api("/api/v1/open", { json: withCollection(Object.assign({ uri: String(what.doc) }, what.page ? { page: what.at || what.page } : {})) });
    toast(state.words.opened);
  } catch (problem) {
    toast(problem.message);
  }
}

/* ---- why not ---- */

let expectTimer = 0, expectRun = null;

function showWhyNot() {
  $("expected").value = "";
  $("expected-list").replaceChildren();
  $("stages").replaceChildren();
  $("whynot-query").textContent = $("query").value.trim();
  $("whynot").showModal();
  $("expected").focus();
}

/* Documents whose name holds what is typed, as buttons. */
async function findExpected() {
  const text = $("expected").value.trim();
  if (expectRun) expectRun.abort();
  expectRun = new AbortController();
  if (!text) { $("expected-list").replaceChildren(); return; }
  const words = text.split(/[^\p{L}\p{N}]+/u).filter(Boolean).slice(0, 6);
  try {
    const found = words.length ? await apiJson("/api/v1/search", { signal: expectRun.signal, json: withCollection({
      q: words.map(word => "path:" + word).join(" "), k: 40, mode: "lexical" }) }) : { hits: [] };
    const names = new Map(found.hits.map(h => [h.uri, h]));
    $("expected-list").replaceChildren(...[...names.values()].slice(0, 6).map(h => make("li", {},
      make("button", { type: "button", onclick: () => explainAbsence(h.uri) },
        make("b", { dir: "auto" }, h.title || shortPath(h.uri, 1)), make("span", { class: "dim path" }, shortPath(h.uri))))));
  } catch (problem) {
    if (problem.name !== "AbortError") $("expected-list").replaceChildren(make("li", { class: "error" }, problem.message));
  }
}

async function explainAbsence(file) {
  const w = state.words, query = $("query").value.trim();
  $("expected").value = file;
  $("expected-list").replaceChildren();
  $("stages").replaceChildren(make("li", { class: "dim" }, "…"));
  try {
    const why = await apiJson(inCollection(`/api/v1/why-not?file=${encodeURIComponent(file)}&q=${encodeURIComponent(query)}&k=${state.k}&mode=${kept("mode", "hybrid")}`));
    const stages = why.stages.map(s => make("li", { class: s.passed ? "passed" : s.stage === why.lost_at ? "lost" : "after" },
      make("span", { class: "sign", "aria-hidden": "true" }, s.passed ? "✓" : s.reached ? "✗" : "–"),
      make("b", {}, w.stages[s.stage] || s.stage), make("span", { class: "only-read" }, s.passed ? w.passed : s.reached ? w["not-passed"] : w["not-reached"]),
      make("span", { class: "dim", dir: "auto" }, s.detail || "")));
    const verdict = why.lost_at ? w["lost-at"](w.stages[why.lost_at] || why.lost_at) : w["found-at"](why.rank);
    $("stages").replaceChildren(make("li", { class: "verdict" }, verdict), ...stages);
  } catch (problem) {
    $("stages").replaceChildren(make("li", { class: "error" }, problem.message));
  }
}

function wireLook() {
  $("view-page").addEventListener("click", () => chooseView("page"));
  $("view-text").addEventListener("click", () => chooseView("text"));
  $("sheet-before").addEventListener("click", () => turnPage(-1));
  $("sheet-after").addEventListener("click", () => turnPage(1));
  $("open-outside").addEventListener("click", openOutside);
  $("show-whynot").addEventListener("click", showWhyNot);
  $("expected").addEventListener("input", () => { clearTimeout(expectTimer); expectTimer = setTimeout(findExpected, 120); });
  $("whynot-form").addEventListener("submit", event => { event.preventDefault(); if ($("expected").value.trim()) explainAbsence($("expected").value.trim()); });
}
