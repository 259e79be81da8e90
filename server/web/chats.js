"use strict";
/* Conversations: the questions of the page go into one that the collection keeps, where the caller may and wants
 * that; the panel shows, takes up, renames and deletes them. */

const keepsChats = () => Boolean(state.status && state.status.caller.role === "admin" && kept("chats", "keep") === "keep");
const chatPath = (id, rest = "") => inCollection(`/api/v1/chats/${id}${rest}`);

/* The conversation that the next question belongs to; null: none is kept. */
async function chatForQuestion(signal) {
  if (!keepsChats()) return null;
  if (!state.chat) state.chat = (await apiJson("/api/v1/chats", { json: withCollection({}), signal })).id;
  return state.chat;
}

function whenOf(ns) {
  const date = new Date(ns / 1e6), today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString(state.language, today ? { timeStyle: "short" } : { dateStyle: "medium" });
}

async function showChats() {
  if (!$("chats").open) $("chats").showModal();
  $("chat-find").focus();
  await listChats();
}

async function listChats() {
  const w = state.words;
  try {
    const all = (await apiJson(inCollection("/api/v1/chats"))).chats.filter(c => c.turns);
    const wanted = $("chat-find").value.trim().toLowerCase(), some = all.filter(c => (c.title || "").toLowerCase().includes(wanted));
    $("chat-find").hidden = all.length < 6;
    $("chat-list").replaceChildren(...some.map(chatNode));
    $("chat-none").hidden = some.length > 0;
    $("chat-none").textContent = all.length ? w.nothing : keepsChats() ? w["no-chats"] : w["chats-off"];
  } catch (problem) {
    $("chat-list").replaceChildren();
    $("chat-none").hidden = false;
    $("chat-none").textContent = problem.message;
  }
}

function chatNode(c) {
  const w = state.words, name = c.title || w.untitled;
  const button = (key, path, onclick) => make("button", { class: "quiet", type: "button", title: w[key], "aria-label": `${w[key]}: ${name}`, onclick }, icon(path));
  const row = make("li", { class: c.id === state.chat ? "now" : "" },
    make("button", { class: "chat", type: "button", onclick: () => resumeChat(c.id) },
      make("b", { dir: "auto" }, name), make("span", { class: "dim" }, `${whenOf(c.changed_ns)} · ${w.questions(c.turns)}`)),
    button("rename", "M4 16l.8-3.400L13.500 3.900a1.500 1.500 0 0 1 2.100 0l.5.5a1.500 1.500 0 0 1 0 2.100L7.400 15.200z", () => renameRow(row, c)),
    button("export", "M10 3.500v8.500m-3.500-3.500L10 12l3.500-3.500M4 15.500h12", () => exportChat(c)),
    button("remove", "M4.500 6h11M8 6V4.200h4V6m-6 0 .6 10h6.800L14 6", event => removeChat(c, event.currentTarget)));
  return row;
}

async function resumeChat(id) {
  const w = state.words;
  try {
    const chat = await apiJson(chatPath(id));
    closeAnswer();
    state.chat = id;
    $("answer").hidden = false;
    $("welcome").hidden = true;
    $("work").hidden = false;
    $("answer-title").textContent = chat.title || w.answer;
    $("stop").hidden = true;
    for (const t of chat.turns) {
      const citations = t.citations.map(c => Object.assign(c, { doc: c.uri })), said = make("div", { class: t.refused ? "said refused" : "said", dir: "auto" });
      putAnswer(said, { answer: t.answer || "", citations });
      $("turns").append(make("div", { class: "turn" }, make("p", { class: "question", dir: "auto" }, t.question), said, make("div", {}, ...sourcesOf(citations, []))));
      state.turns.push({ role: "user", content: t.question }, { role: "assistant", content: t.answer || "" });
    }
    $("chats").close();
    $("query").focus();
    if ($("turns").lastChild) $("turns").lastChild.scrollIntoView({ block: "nearest" });
  } catch (problem) {
    toast(problem.message);
  }
}

function renameRow(row, c) {
  const input = make("input", { type: "text", maxlength: 180, dir: "auto", "aria-label": state.words.rename });
  const form = make("form", { class: "row", onsubmit: async event => {
    event.preventDefault();
    try {
      if (input.value.trim()) await api(chatPath(c.id), { method: "PATCH", body: JSON.stringify({ title: input.value.trim() }), headers: { "Content-Type": "application/json" } });
    } catch (problem) { toast(problem.message); }
    listChats();
  } }, input, make("button", { class: "plain" }, state.words.rename));
  input.value = c.title || "";
  row.replaceChildren(form);
  input.focus();
  input.select();
}

async function exportChat(c) {
  try {
    const url = URL.createObjectURL(await (await api(chatPath(c.id, "/export"))).blob());
    const link = make("a", { href: url, download: (c.title || "chat").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) + ".md" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  } catch (problem) {
    toast(problem.message);
  }
}

/* The second press deletes. */
async function removeChat(c, button) {
  if (!button.classList.contains("sure")) {
    button.classList.add("sure");
    button.setAttribute("aria-label", state.words["remove-sure"]);
    button.replaceChildren(state.words["remove-sure"]);
    return;
  }
  try {
    await api(chatPath(c.id), { method: "DELETE" });
    if (state.chat === c.id) closeAnswer();
  } catch (problem) { toast(problem.message); }
  await listChats();
  $("chats").querySelector("button").focus();
}

function wireChats() {
  $("show-chats").addEventListener("click", showChats);
  $("chat-find").addEventListener("input", listChats);
  $("chat-new").addEventListener("click", () => { $("chats").close(); closeAnswer(); $("query").focus(); });
}
