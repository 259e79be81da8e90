"use strict";
/* The page: one search field, its results, the text of one document, answers. Everything is reached by
 * keyboard; the input keeps the focus and points at the selected result (aria-activedescendant). */
const $ = id => document.getElementById(id);
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
};
const icon = path => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), p = document.createElementNS(svg.namespaceURI, "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  p.setAttribute("d", path);
  svg.append(p);
  return svg;
};
const wide = matchMedia("(min-width: 1001px)"), narrow = matchMedia("(max-width: 600px)");
const FACETS = { ext: v => `ext:${v}`, lang: v => `lang:${v}`, year: v => `date:${v}`, tag: v => `tag:${quoted(v)}`, author: v => `author:${quoted(v)}`, folder: v => `dir:${quoted(v)}` };
const quoted = v => `"${v.replace(/["\\]/g, " ")}"`;
const TYPED = 8, FIRST_PAGE = 20, NEXT_PAGES = 100;  // hits: while one types, then, on demand
const TEXT_BYTES = 600000, MARKS_MOST = 500;

const state = {
  words: WORDS.en, language: "en", collection: "", filters: {}, hits: [], selected: -1, k: FIRST_PAGE,
  opened: null, chat: null, looking: null, noSheet: false, marks: [], mark: -1, turns: [], asking: null, why: false, moved: false, citing: false, problem: "", ghost: "", status: null,
};

/* ---- settings: in this browser alone ---- */

const kept = (key, otherwise) => { try { return localStorage.getItem("cairn." + key) || otherwise; } catch { return otherwise; } };
const keep = (key, value) => { try { localStorage.setItem("cairn." + key, value); } catch { /* private windows */ } };
const token = () => { try { return sessionStorage.getItem("cairn.token") || ""; } catch { return ""; } };

function applyTheme() {
  const theme = kept("theme", "auto");
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function applyLanguage() {
  const wanted = kept("language", "auto");
  state.language = wanted === "auto" ? ((navigator.language || "en").startsWith("de") ? "de" : "en") : wanted;
  const w = state.words = WORDS[state.language];
  document.documentElement.lang = state.language;
  for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = w[node.dataset.i18n];
  const names = { query: "search", clear: "clear", "show-settings": "settings", "show-chats": "chats", "show-help": "help", "preview-close": "back", "mark-before": "before", "mark-after": "after",
    "copy-path": "copy", collection: "collection", results: "results", facets: "filters", text: "text", "answer-close": "close", "open-outside": "open-outside", "sheet-before": "page-before", "sheet-after": "page-after", sheet: "sheet", views: "views" };
  for (const [id, key] of Object.entries(names)) {
    $(id).setAttribute("aria-label", w[key]);
    if (!["query", "results", "facets", "text", "sheet", "views"].includes(id)) $(id).title = w[key];
  }
  for (const node of document.querySelectorAll("dialog .close")) node.setAttribute("aria-label", w.close);
  $("query").placeholder = w.placeholder;
  $("chat-find").placeholder = w["chat-find"];
  $("chat-find").setAttribute("aria-label", w["chat-find"]);
  $("expected").placeholder = w.expected;
  $("index-path").placeholder = w["index-path"];
  $("ask-key").textContent = (/Mac/.test(navigator.platform) ? "⌘" : w.keys[3][0].split(" ")[0]) + " ↵";
  for (const [id, list] of [["keys", w.keys], ["syntax", w.syntax]])
    $(id).replaceChildren(...list.flatMap(([key, what]) => [make("dt", {}, key), make("dd", {}, what)]));
  $("examples").replaceChildren(...w.examples.map(text => make("li", {}, make("button", { type: "button", onclick: () => { $("query").value = text; typed(); $("query").focus(); } }, text))));
  showStatus();
}

/* ---- the server ---- */

async function api(path, options = {}) {
  const headers = Object.assign({}, options.headers, token() ? { Authorization: "Bearer " + token() } : {});
  if (options.json) { options = Object.assign({}, options, { method: "POST", body: JSON.stringify(options.json) }); headers["Content-Type"] = "application/json"; }
  let response;
  try {
    response = await fetch(path, Object.assign({}, options, { headers }));
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error(state.words.offline);
  }
  if (response.ok) return response;
  if (response.status === 401) throw new Error(state.words.denied);
  let text = response.statusText;
  try { text = (await response.json()).error.message; } catch { /* no JSON */ }
  throw new Error(text);
}
const apiJson = async (path, options) => (await api(path, options)).json();
const inCollection = path => state.collection ? path + (path.includes("?") ? "&" : "?") + "collection=" + encodeURIComponent(state.collection) : path;
const withCollection = body => state.collection ? Object.assign(body, { collection: state.collection }) : body;

let toastTimer = 0;
function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 4000);
}

/* ---- searching ---- */

const running = { typed: null, whole: null }, under = new Set();
let fullTimer = 0, ghostRun = null, ghostFor = "", ghostTimer = 0;

/* While one types, words alone and what fits a screen: what comes 220 ms after the last key has the rest. */
function searchBody(typing) {
  const filter = Object.entries(state.filters).map(([field, value]) => FACETS[field](value)).join(" ");
  const body = withCollection({ q: $("query").value });
  if (filter) body.filter = filter;
  if (typing) return Object.assign(body, { typing: true, mode: "lexical", k: TYPED });
  return Object.assign(body, { mode: kept("mode", "hybrid"), k: state.k, facets: Object.keys(FACETS).join(","), facet_values: 6 });
}

function forget(which) {
  if (running[which]) running[which].abort();
  running[which] = null;
}

/* `beside`: the whole search of what stands there already. What is found by words shows until it comes, also where the
 * server is so slow that neither is here yet. */
async function search(typing, beside) {
  forget("whole");
  if (!beside) forget("typed");
  const which = typing ? "typed" : "whole", mine = running[which] = new AbortController();
  const began = performance.now(), body = searchBody(typing);
  const slow = setTimeout(() => $("query").parentElement.classList.add("busy"), 300);
  under.add(mine);
  try {
    const found = await apiJson("/api/v1/search", { json: body, signal: mine.signal });
    if (mine !== running[which]) return;
    if (!typing) forget("typed");
    showResults(found, Math.round(performance.now() - began), typing, found.hits.length === body.k);
    clearTimeout(ghostTimer);
    ghostTimer = setTimeout(() => { if (ghostFor !== body.q) complete(body.q); }, 40);  // behind the frame that shows them
  } catch (problem) {
    if (problem.name !== "AbortError") showProblem(problem.message);
  } finally {
    clearTimeout(slow);
    under.delete(mine);
    if (!under.size) $("query").parentElement.classList.remove("busy");
  }
}

function typed() {
  const text = $("query").value, any = text.trim() !== "";
  $("clear").hidden = text === "";
  $("welcome").hidden = any || state.turns.length > 0;
  $("work").hidden = !any && !state.turns.length;
  setGhost("");
  clearTimeout(fullTimer);
  state.k = FIRST_PAGE;
  state.moved = false;
  if (ghostRun) ghostRun.abort();
  clearTimeout(ghostTimer);
  ghostFor = "";
  if (!any) {
    keepPlace();
    forget("typed");
    forget("whole");
    state.hits = [];
    state.filters = {};
    showResults({ hits: [], facets: {} }, 0, true);
    return;
  }
  search(true);
  fullTimer = setTimeout(() => { keepPlace(); search(false, true); }, 220);
}

/* The query is part of the address: not at each key, which the browser takes for a small navigation. */
function keepPlace() {
  const text = $("query").value;
  history.replaceState(null, "", text.trim() ? "#q=" + encodeURIComponent(text) : location.pathname);
}

/* The rest of the word, dim behind what is typed; asked for when the first results are there. */
async function complete(text) {
  ghostFor = text;
  ghostRun = new AbortController();
  if (!/\p{L}{2,}$/u.test(text) || /[\u0590-\u08ff]/.test(text)) return;
  try {
    const s = await apiJson(inCollection("/api/v1/suggest?k=1&q=" + encodeURIComponent(text)), { signal: ghostRun.signal });
    const best = s.completions[0] && s.completions[0].text;
    if ($("query").value === text && best && best.startsWith(text) && best !== text) setGhost(best);
  } catch { /* a completion is a courtesy */ }
}

function setGhost(text) {
  const input = $("query");
  if (!text && !state.ghost) return;
  state.ghost = text;
  const typedPart = make("span", {}, input.value);
  typedPart.style.visibility = "hidden";
  $("ghost").replaceChildren(...(text && input.scrollWidth <= input.clientWidth ? [typedPart, text.slice(input.value.length)] : []));
}

function showProblem(text) {
  $("count").textContent = text;
  $("count").classList.add("error");
}

function showResults(found, ms, typing, full) {
  const w = state.words, any = $("query").value.trim() !== "";
  const before = state.hits[state.selected];
  state.hits = found.hits;
  $("count").classList.remove("error");
  $("count").textContent = any ? (found.hits.length ? w.count(found.hits.length, ms, full) : w.nothing) : "";
  $("note").textContent = found.note || "";
  $("note").hidden = !found.note || typing;
  $("meant").hidden = !found.suggestion;
  $("meant-button").textContent = found.suggestion || "";
  if (found.facets) showFacets(found.facets);
  showHits(found.hits);
  if (any && !found.hits.length) $("results").replaceChildren(make("li", { class: "empty", role: "option", "aria-disabled": "true", "aria-selected": "false" }, w["nothing-hint"]));
  $("query").setAttribute("aria-expanded", String(found.hits.length > 0));
  $("show-whynot").hidden = !any || typing;
  $("more").hidden = typing || !full || state.k >= NEXT_PAGES;
  const same = before && state.moved ? found.hits.findIndex(h => h.chunk === before.chunk) : -1;
  select(same >= 0 ? same : found.hits.length ? 0 : -1, false);
  if (!found.hits.length && !state.citing) closePreview();
  else if (!typing && wide.matches && !state.citing && found.hits.length) openHit(state.selected, false);
}

/* Rows that show the same as before stay as they are: nothing is laid out or painted again for them. */
function showHits(hits) {
  const list = $("results");
  hits.forEach((h, i) => {
    const shown = [state.language, narrow.matches, state.collection, h.uri, h.chunk, h.highlights].join(), old = list.children[i];
    if (old && old.shown === shown) return;
    const node = hitNode(h, i);
    node.shown = shown;
    if (old) old.replaceWith(node);
    else list.append(node);
  });
  while (list.children.length > hits.length) list.lastChild.remove();
}

function showFacets(facets) {
  const chips = [];
  for (const field of Object.keys(FACETS)) {
    const values = facets[field] ? facets[field].values.slice() : [];
    const chosen = state.filters[field];
    if (chosen && !values.some(v => v.value === chosen)) values.unshift({ value: chosen, documents: "" });
    if (values.length < 2 && !chosen) continue;
    if (!chosen) values.length = Math.min(values.length, field === "ext" ? 4 : field === "author" ? 2 : 3);
    for (const v of values) {
      if (!v.value) continue;
      const name = field === "folder" ? shortPath(v.value, 1).replace("…/", "") : v.value;
      chips.push(make("button", {
        class: "chip", type: "button", "aria-pressed": String(chosen === v.value), title: `${state.words.facet[field]}: ${v.value}`,
        "aria-label": `${state.words.facet[field]}: ${v.value} (${v.documents})`,
        onclick: () => {
          if (chosen === v.value) delete state.filters[field];
          else state.filters[field] = v.value;
          search(false);
        },
      }, make("b", { dir: "auto" }, name), make("span", {}, String(v.documents))));
    }
  }
  const focused = document.activeElement && document.activeElement.getAttribute("aria-label");
  const inFacets = $("facets").contains(document.activeElement);
  $("facets").replaceChildren(...chips);
  if (inFacets) {
    const again = chips.find(c => c.getAttribute("aria-label") === focused) || chips.find(c => c.getAttribute("aria-pressed") === "true");
    if (again) again.focus();
  }
}

function placeName(h) {
  if (h.page) return state.words.page(h.page_label || h.page);
  return h.line ? state.words.line(h.line) : "";
}

function hitNode(h, i) {
  const ranges = rangesOf(h.text, h.highlights), [from, to] = snippetOf(h.text, ranges, narrow.matches ? 110 : 190);  // the three lines that are shown
  const snippet = make("p", { class: "snippet", dir: "auto" }, from ? "… " : "");
  putMarked(snippet, h.text, ranges, from, to);
  if (to < h.text.length) snippet.append(" …");
  const extension = extensionOf(h.uri);
  return make("li", { class: "hit", role: "option", id: "hit-" + i, "aria-selected": "false", onclick: () => { state.citing = false; state.moved = true; select(i, true); openHit(i, false); } },
    make("div", { class: "top" }, extension ? make("span", { class: "tag" }, extension) : null,
      make("span", { class: "title", dir: "auto" }, h.title || shortPath(h.uri, 1)), make("span", { class: "where" }, placeName(h))),
    make("p", { class: "path dim", title: h.uri }, shortPath(h.uri) + (h.heading && h.heading !== h.title ? "  ›  " + h.heading : "")),
    snippet);
}

function select(i, scroll) {
  const old = $("hit-" + state.selected), now = $("hit-" + i);
  if (old) old.setAttribute("aria-selected", "false");
  state.selected = now ? i : -1;
  if (now) {
    now.setAttribute("aria-selected", "true");
    $("query").setAttribute("aria-activedescendant", now.id);
    if (scroll) now.scrollIntoView({ block: "nearest" });
  } else {
    $("query").removeAttribute("aria-activedescendant");
  }
}

function move(step) {
  if (!state.hits.length) return;
  const i = Math.max(0, Math.min(state.hits.length - 1, state.selected + step));
  state.citing = false;
  state.moved = true;
  select(i, true);
  if (wide.matches) openHitSoon(i);
}

/* ---- the text of a document ---- */

let openTimer = 0, openRun = null;
function openHitSoon(i) {
  clearTimeout(openTimer);
  openTimer = setTimeout(() => openHit(i, false), 90);
}

function openHit(i, focus) {
  const h = state.hits[i];
  clearTimeout(openTimer);
  if (!h) return;
  const words = rangesOf(h.text, h.highlights).map(([a, b]) => h.text.slice(a, b));
  openText({ doc: h.doc, uri: h.uri, title: h.title, page: h.page || 0, part: h.text, start: h.start, words, hit: h }, focus);
}

function openCitation(c) {
  state.citing = true;
  openText({ doc: c.doc, uri: c.uri, title: c.title, page: c.page || 0, part: c.text, start: c.start, words: [], hit: null }, true);
}

async function openText(what, focus) {
  const key = `${what.doc} ${what.start} ${what.part.length} ${what.words.join(" ")}`;
  $("preview").hidden = false;
  $("work").classList.add("split");
  if (state.opened !== key) {
    lookAt(what);
    state.marks = [];
    showView();
  }
  if (focus) ($("sheet").hidden ? $("text") : $("sheet")).focus();
  if (state.opened === key) return;  // it is there, or on its way
  if (openRun) openRun.abort();
  const mine = openRun = new AbortController();
  state.opened = key;
  try {
    const at = inCollection("/api/v1/document/text?uri=" + encodeURIComponent(what.doc));
    let d = await apiJson(`${at}&end=${TEXT_BYTES}`, { signal: mine.signal });
    if (d.length > TEXT_BYTES && what.start > TEXT_BYTES * 0.9) {
      const from = Math.max(0, what.start - TEXT_BYTES / 2);
      d = await apiJson(`${at}&start=${from}&end=${from + TEXT_BYTES}`, { signal: mine.signal });
    }
    showText(what, d);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    state.opened = null;
    $("preview-title").textContent = what.title;
    $("text").replaceChildren(make("p", { class: "error" }, problem.message));
  }
}

function factsOf(d) {
  const w = state.words, date = ns => new Date(ns / 1e6).toLocaleDateString(state.language, { dateStyle: "medium" });
  const facts = [[w.size, sizeOf(d.size)], [w.pages, d.pages], [w.changed, d.date_ns > 0 ? date(d.date_ns) : ""], [w.author, d.author], [w.lang, d.lang], [w.kind, d.mime]];
  return facts.filter(f => f[1]).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, String(value))));
}

/* Every word that was found, anywhere in the text. */
function occurrences(text, words) {
  const unique = [...new Set(words.map(x => x.toLowerCase()))].filter(Boolean).sort((a, b) => b.length - a.length).slice(0, 64);
  if (!unique.length) return [];
  const escaped = unique.map(x => x.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+"));
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${escaped.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  const found = [];
  for (const m of text.matchAll(pattern)) {
    found.push([m.index, m.index + m[0].length]);
    if (found.length === MARKS_MOST) break;
  }
  return found;
}

function showText(what, d) {
  const text = d.text, about = unitsOf(text, [Math.max(0, what.start - d.start)])[0];
  const cited = placeOf(text, what.part, about), ranges = occurrences(text, what.words);
  const code = /^(text\/x-|application\/(json|javascript|xml)|text\/csv)/.test(d.mime) && !/markdown/.test(d.mime);
  const nodes = [];
  let at = 0;
  if (d.start > 0) nodes.push(make("p", { class: "gap" }, state.words.cut));
  for (const line of text.split("\n")) {
    const end = at + line.length, from = at;
    const isCited = cited && from < cited[1] && end > cited[0];
    const node = make("p", { dir: "auto", class: isCited ? "cited" : "" });
    putMarked(node, text, ranges.filter(r => r[1] > from && r[0] < end), from, end);
    nodes.push(node);
    at = end + 1;
  }
  if (d.end < d.length) nodes.push(make("p", { class: "gap" }, state.words.cut));
  $("preview-title").textContent = d.title || shortPath(d.uri, 1);
  $("preview-path").textContent = d.uri;
  $("preview-path").title = d.uri;
  $("facts").replaceChildren(...factsOf(d), ...(what.hit ? [whyNode(what.hit)] : []));
  $("text").className = code ? "text code" : "text";
  $("text").replaceChildren(...nodes);
  state.marks = [...$("text").querySelectorAll("mark")];
  state.mark = -1;
  $("mark-before").hidden = $("mark-after").hidden = !state.marks.length || !$("sheet").hidden;
  const first = $("text").querySelector("p.cited");
  if (first) {
    $("text").scrollTop = Math.max(0, first.offsetTop - $("text").offsetTop - 60);
    state.mark = state.marks.findIndex(m => m.closest("p.cited")) - 1;
  } else {
    $("text").scrollTop = 0;
  }
}

function nextMark(step) {
  if (!state.marks.length) return;
  if (state.marks[state.mark]) state.marks[state.mark].classList.remove("now");
  state.mark = (state.mark + step + state.marks.length) % state.marks.length;
  state.marks[state.mark].classList.add("now");
  state.marks[state.mark].scrollIntoView({ block: "center" });
}

function closePreview() {
  $("preview").hidden = true;
  $("work").classList.remove("split");
  state.opened = state.looking = null;
  if (sheetRun) sheetRun.abort();
}

/* ---- why this result ---- */

function whyNode(h) {
  const body = make("div", { class: "reason" });
  const details = make("details", { id: "why", class: "why-panel", open: state.why }, make("summary", {}, state.words.why), body);
  details.addEventListener("toggle", () => { state.why = details.open; if (details.open && !body.childElementCount) explain(h, body); });
  return make("div", { class: "why-row" }, make("dt", { class: "only-read" }, state.words.why), make("dd", {}, details));
}

function bar(name, value, most, text) {
  return [make("span", { dir: "auto" }, name), make("meter", { min: 0, max: most || 1, value: Math.max(0, value), "aria-label": `${name}: ${text}` }), make("span", { class: "dim" }, text)];
}

async function explain(h, body) {
  const w = state.words;
  try {
    const found = await apiJson("/api/v1/search", { json: Object.assign(searchBody(false), { explain: true, facets: "" }) });
    const mine = found.hits.find(x => x.chunk === h.chunk) || found.hits.find(x => x.doc === h.doc);
    if (!mine) { body.append(make("span", { class: "dim" }, w.nothing)); return; }
    const best = key => Math.max(...found.hits.map(x => x.scores[key] || 0));
    for (const [key, name] of [["lexical", w.words], ["vector", w.meaning]]) {
      const value = mine.scores[key];
      body.append(...bar(name, value || 0, best(key), value === undefined ? w["not-in"] : `${value.toFixed(2)} · ${w.rank(mine.scores[key + "_rank"])}`));
    }
    const most = Math.max(...mine.scores.words.map(x => x.score), 0.01);
    for (const word of mine.scores.words) {
      const places = Object.entries(word.in).filter(x => x[1]).map(([where, n]) => `${n} × ${w.in[where]}`).join(", ");
      body.append(...bar(word.term, word.score, most, word.score.toFixed(2)), make("span", { class: "detail" }, [places, w.passages_with(word.passages)].filter(Boolean).join(" · ")));
    }
    if (mine.scores.nearness > 0) body.append(...bar(w.together, mine.scores.nearness, most, mine.scores.nearness.toFixed(2)));
    if (found.read_as) body.append(make("span", { class: "detail", dir: "auto" }, found.read_as));
  } catch (problem) {
    body.append(make("span", { class: "error" }, problem.message));
  }
}

/* ---- asking ---- */

/* Events of a stream: [name, data] as they come. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      let name = "message", data = "";
      for (const line of rest.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (data) yield [name, JSON.parse(data)];
    }
  }
}

/* The answer with its [n] as buttons. */
function putAnswer(node, a) {
  const byNumber = new Map();
  for (const c of a.citations) if (!byNumber.has(c.n) || c.supported) byNumber.set(c.n, c);
  node.textContent = "";
  let at = 0;
  for (const m of a.answer.matchAll(/\[(\d+)\]/g)) {
    const c = byNumber.get(Number(m[1]));
    if (!c) continue;
    node.append(a.answer.slice(at, m.index), citeButton(c));
    at = m.index + m[0].length;
  }
  node.append(a.answer.slice(at));
}

function citeButton(c) {
  const name = `${state.words.sources} ${c.n}: ${c.title || shortPath(c.uri, 1)}`;
  return make("button", { class: "cite", type: "button", title: c.text, "aria-label": name, onclick: () => openCitation(c) }, String(c.n));
}

function sourceNode(c) {
  const w = state.words;
  return make("li", {}, make("button", { type: "button", onclick: () => openCitation(c) },
    make("span", { class: "n" }, String(c.n)),
    make("span", { class: "from", dir: "auto" }, `${c.title || shortPath(c.uri, 1)}${c.page ? ", " + w.page(c.page_label || c.page) : ""}  `,
      make("span", { class: c.supported ? "checked" : "unchecked" }, c.supported ? "✓ " + w.supported : w.unsupported)),
    make("span", { class: "quote", dir: "auto" }, c.text)));
}

/* What the answer cites, and behind it what else was read. */
function sourcesOf(citations, evidence) {
  const w = state.words, cited = new Set(citations.map(c => c.chunk)), read = evidence.filter(h => !cited.has(h.chunk)), parts = [];
  if (citations.length) parts.push(make("ul", { class: "sources", "aria-label": w.sources }, ...citations.map(sourceNode)));
  if (read.length)
    parts.push(make("details", { class: "also" }, make("summary", {}, w["also-read"](read.length)),
      make("ul", { class: "sources", "aria-label": w["also-read"](read.length) }, ...read.map(readNode))));
  return parts;
}

/* The answer as one pastes it: its text, and where each number leads. */
function answerText(a) {
  const told = new Set(), lines = [];
  for (const c of a.citations) {
    if (told.has(c.n)) continue;
    told.add(c.n);
    lines.push(`[${c.n}] ${c.title || shortPath(c.uri, 1)}${c.page ? ", " + state.words.page(c.page_label || c.page) : ""}: ${c.uri}`);
  }
  return a.answer + (lines.length ? "\n\n" + lines.join("\n") : "") + "\n";
}

function copyNode(a) {
  const w = state.words;
  return make("button", { class: "link copy-answer", type: "button",
    onclick: () => navigator.clipboard.writeText(answerText(a)).then(() => toast(w["answer-copied"])).catch(problem => toast(problem.message)) }, w["copy-answer"]);
}

function readNode(h) {
  const open = () => { state.citing = true; openText({ doc: h.doc, uri: h.uri, title: h.title, page: h.page || 0, part: h.text, start: h.start, words: [], hit: null }, true); };
  return make("li", {}, make("button", { type: "button", onclick: open }, make("span", { class: "n" }, "·"),
    make("span", { class: "from", dir: "auto" }, `${h.title || shortPath(h.uri, 1)}${h.page ? ", " + state.words.page(h.page_label || h.page) : ""}`),
    make("span", { class: "quote", dir: "auto" }, h.text.slice(0, 240))));
}

async function ask() {
  const question = $("query").value.trim(), w = state.words;
  if (!question || state.asking) return;
  const mine = state.asking = new AbortController();
  const said = make("div", { class: "said wait", dir: "auto", "aria-live": "polite", "aria-busy": "true" });
  const after = make("div", {});
  const turn = make("div", { class: "turn" }, make("p", { class: "question", dir: "auto" }, question), said, after);
  $("answer").hidden = false;
  $("answer-title").textContent = w.answer;
  $("turns").append(turn);
  $("stop").hidden = false;
  turn.scrollIntoView({ block: "nearest" });
  const dim = make("span", { class: "dim" }, w.thinking);
  said.append(dim);
  clearTimeout(fullTimer);
  search(false);
  try {
    const chat = await chatForQuestion(mine.signal), before = chat ? { chat } : { history: state.turns.slice(-12) };
    const response = await api("/api/v1/ask", { signal: mine.signal, json: withCollection(Object.assign({ question, stream: true, mode: kept("mode", "hybrid") }, before)) });
    for await (const [name, data] of eventsOf(response)) {
      if (name === "token") { dim.remove(); said.append(data.text); }
      if (name === "error") throw new Error(data.error.message);
      if (name !== "answer") continue;
      putAnswer(said, data);
      said.classList.toggle("refused", data.refused);
      after.append(...sourcesOf(data.citations, data.evidence || []));
      if (!data.refused) after.append(make("p", { class: "timing" }, w.timing(Math.round(data.timings.retrieve_ms), Math.round(data.timings.ttft_ms))));
      if (!data.refused && navigator.clipboard) after.append(copyNode(data));
      if (data.sent_to) after.append(make("p", { class: "timing" }, w.sent(data.sent_to)));
      if (data.cached) after.append(make("p", { class: "timing" }, w.cached(data.cached_question)));
      state.turns.push({ role: "user", content: question }, { role: "assistant", content: data.answer });
    }
  } catch (problem) {
    dim.remove();
    after.append(make("p", { class: problem.name === "AbortError" ? "timing" : "error" }, problem.name === "AbortError" ? w.stopped : problem.message));
  }
  said.classList.remove("wait");
  said.setAttribute("aria-busy", "false");
  $("stop").hidden = true;
  state.asking = null;
}

function closeAnswer() {
  if (state.asking) state.asking.abort();
  state.turns = [];
  state.chat = null;
  state.citing = false;
  $("turns").replaceChildren();
  $("answer").hidden = true;
  if (!$("query").value.trim()) typed();
}

async function listCollections() {
  try {
    const all = await apiJson("/api/v1/collections");
    state.collection = all.collections.includes(state.collection) ? state.collection : all.default;
    $("collection").replaceChildren(...all.collections.map(name => make("option", { value: name }, name)));
    $("collection").value = state.collection;
    $("collection").hidden = all.collections.length < 2;
  } catch { /* the status says what is wrong */ }
}

/* ---- keys ---- */

function escape() {
  if (!$("preview").hidden && (!wide.matches || document.activeElement === $("text") || document.activeElement === $("sheet"))) {
    if (!wide.matches) closePreview();
    $("query").focus();
  } else if (state.asking) {
    state.asking.abort();
  } else if ($("query").value) {
    $("query").value = "";
    typed();
    $("query").focus();
  } else if (!$("answer").hidden) {
    closeAnswer();
  }
}

function onKey(event) {
  const input = $("query"), inField = document.activeElement === input, modified = event.ctrlKey || event.metaKey;
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  const done = () => event.preventDefault();
  if (event.key === "Enter" && modified) { done(); ask(); }
  else if (event.key === "Escape") { done(); escape(); }
  else if (event.altKey && event.key.toLowerCase() === "w") { done(); const why = $("why"); if (why) { state.why = why.open = !why.open; why.querySelector("summary").focus(); } }
  else if (inField && event.key === "ArrowDown") { done(); move(1); }
  else if (inField && event.key === "ArrowUp") { done(); move(-1); }
  else if (inField && event.key === "PageDown") { done(); move(5); }
  else if (inField && event.key === "PageUp") { done(); move(-5); }
  else if (inField && event.key === "Enter") { done(); if (state.selected >= 0) { state.citing = false; openHit(state.selected, true); } }
  else if (inField && event.key === "ArrowRight" && state.ghost && input.selectionStart === input.value.length) { done(); input.value = state.ghost; typed(); }
  else if (!typing && !modified && !event.altKey && event.key === "/") { done(); input.focus(); input.select(); }
  else if (!typing && !modified && event.key === "?") { done(); $("help").showModal(); }
  else if (!typing && !modified && event.key === "v" && !$("views").hidden) chooseView($("sheet").hidden ? "page" : "text");
  else if (!typing && !modified && event.key === "o") openOutside();
  else if (!typing && !modified && !$("sheet").hidden && (event.key === "n" || event.key === "p")) turnPage(event.key === "n" ? 1 : -1);
  else if (!typing && !modified && event.key === "n") nextMark(1);
  else if (!typing && !modified && event.key === "p") nextMark(-1);
}

/* ---- beginning ---- */

function wire() {
  $("query").addEventListener("input", typed);
  $("clear").addEventListener("click", () => { $("query").value = ""; typed(); $("query").focus(); });
  $("ask").addEventListener("click", ask);
  $("stop").addEventListener("click", () => state.asking && state.asking.abort());
  $("answer-close").addEventListener("click", closeAnswer);
  $("meant-button").addEventListener("click", () => { $("query").value = $("meant-button").textContent; typed(); $("query").focus(); });
  $("more").addEventListener("click", () => { state.k = NEXT_PAGES; search(false); });
  $("preview-close").addEventListener("click", () => { closePreview(); $("query").focus(); });
  $("mark-before").addEventListener("click", () => nextMark(-1));
  $("mark-after").addEventListener("click", () => nextMark(1));
  $("copy-path").addEventListener("click", () => navigator.clipboard.writeText($("preview-path").textContent).then(() => toast(state.words.copied)).catch(() => {}));
  $("show-status").addEventListener("click", () => { $("status").showModal(); refreshStatus(); });
  $("show-settings").addEventListener("click", () => $("settings").showModal());
  $("show-help").addEventListener("click", () => $("help").showModal());
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  }
  for (const key of ["theme", "language", "mode"]) {
    $(key).value = kept(key, key === "mode" ? "hybrid" : "auto");
    $(key).addEventListener("change", () => { keep(key, $(key).value); applyTheme(); applyLanguage(); if ($("query").value.trim()) search(false); });
  }
  $("token").value = token();
  $("token").addEventListener("change", () => { try { sessionStorage.setItem("cairn.token", $("token").value.trim()); } catch { /* private windows */ } listCollections(); refreshStatus(); });
  $("collection").addEventListener("change", () => { state.collection = $("collection").value; state.filters = {}; closeAnswer(); refreshStatus(); if ($("query").value.trim()) search(false); });
  wireStatus();
  wireLook();
  wireChats();
  $("keep-chats").value = kept("chats", "keep");
  $("keep-chats").addEventListener("change", () => { keep("chats", $("keep-chats").value); state.chat = null; });
  document.addEventListener("keydown", onKey);
  document.addEventListener("dragover", event => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); $("drop").hidden = false; } });
  document.addEventListener("dragleave", event => { if (!event.relatedTarget) $("drop").hidden = true; });
  document.addEventListener("drop", async event => { event.preventDefault(); $("drop").hidden = true; upload(await filesIn(event.dataTransfer)); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshStatus(); });
}

applyTheme();
wire();
applyLanguage();
listCollections();
refreshStatus();
if (location.hash.startsWith("#q=")) {
  try { $("query").value = decodeURIComponent(location.hash.slice(3)); } catch { /* a broken link */ }
  typed();
}
$("query").focus();
