"use strict";
/* How the index stands: figures, jobs with their progress, what could not be read; files put in. */

let statusTimer = 0;
async function refreshStatus() {
  clearTimeout(statusTimer);
  let busy = false;
  try {
    const [status, jobs] = await Promise.all([apiJson(inCollection("/api/v1/status")), apiJson("/api/v1/jobs")]);
    state.status = Object.assign(status, { jobs: jobs.jobs });
    busy = jobs.jobs.some(j => j.state === "waiting" || j.state === "running");
    state.problem = "";
  } catch (problem) {
    state.problem = problem.message;
  }
  showStatus();
  if (!document.hidden) statusTimer = setTimeout(refreshStatus, busy || $("status").open ? 1500 : 20000);
}

function showStatus() {
  const w = state.words, s = state.status;
  const number = n => n.toLocaleString(state.language);
  if (state.problem) {
    $("status-dot").className = "dot bad";
    $("status-short").textContent = "";
    $("welcome-status").textContent = state.problem;
    $("show-status").setAttribute("aria-label", `${w.status}: ${state.problem}`);
  }
  if (!s || state.problem) return;
  const busy = s.jobs.some(j => j.state === "waiting" || j.state === "running");
  $("status-dot").className = busy ? "dot busy" : s.failures ? "dot bad" : "dot";
  $("status-short").textContent = w["status-line"](number(s.documents));
  $("show-status").setAttribute("aria-label", `${w.status}: ${w["status-line"](number(s.documents))}`);
  $("welcome-status").textContent = `${w["status-line"](number(s.documents))} · ${w["status-passages"](number(s.passages))} · ${sizeOf(s.text_bytes)}`;
  const model = m => m.here ? m.name.split("/").pop() : `${m.name.split("/").pop()} (${w.missing})`;
  const figures = [[w.documents, number(s.documents)], [w.passages, number(s.passages)], [w.vectors, number(s.vectors)], [w.text_size, sizeOf(s.text_bytes)], [w.disk, sizeOf(s.disk_bytes)],
    [w.embedder, model(s.embedder), "small"], [w.generator, model(s.generator), "small"]];
  $("figures").replaceChildren(...figures.map(([name, value, size]) => make("div", {}, make("dt", {}, name), make("dd", { class: size || "" }, value))));
  $("embedding").hidden = !s.pending_vectors;
  $("embedding-bar").max = Math.max(1, s.passages);
  $("embedding-bar").value = s.passages - s.pending_vectors;
  const can = role => ({ read: 1, write: 2, admin: 3 })[s.caller.role] >= role;
  $("open-outside").hidden = !s.caller.can_open;
  $("upload").hidden = !can(2);
  $("show-chats").hidden = !can(3);
  $("index-form").hidden = !can(3);
  $("retry").hidden = !s.failures || !can(2) || busy;
  $("failures-title").textContent = w.failures(s.failures);
  $("failures").replaceChildren(...s.failed.slice(0, 200).map(f => make("li", {}, make("b", { dir: "auto" }, f.path), make("span", { class: "dim", dir: "auto" }, f.reason))));
  $("jobs").replaceChildren(...(s.jobs.length ? s.jobs.slice(0, 8).map(jobNode) : [make("li", { class: "dim" }, w["no-jobs"])]));
}

function jobNode(j) {
  const w = state.words, running = j.state === "running" && j.total > 0;
  const live = j.state === "waiting" || j.state === "running";
  return make("li", {}, make("span", {}, w.kinds[j.kind]),
    running ? make("progress", { max: j.total, value: j.done, "aria-label": j.stage }) : make("span", { class: "dim" }, j.state === "done" ? `${j.report.indexed} + ${j.report.unchanged}` : ""),
    make("span", { class: "dim" }, running ? `${j.done} / ${j.total}` : w.states[j.state]),
    live ? make("button", { class: "link", type: "button", "aria-label": `${w.stop}: ${w.kinds[j.kind]} ${j.id}`, onclick: () => stopJob(j.id) }, w.stop) : null,
    j.problem ? make("span", { class: "problem", dir: "auto" }, j.problem) : null);
}

async function stopJob(id) {
  try { await api("/api/v1/jobs/" + id, { method: "DELETE" }); } catch (problem) { toast(problem.message); }
  refreshStatus();
}

async function startJob(path, json) {
  try { await api(path, { json: withCollection(json) }); } catch (problem) { toast(problem.message); }
  refreshStatus();
}

/* ---- files put in ---- */

const UPLOADS_MOST = 2000;

/* What was dropped, folders with what lies below them: [{file, name}]. */
async function filesIn(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean), found = [];
  const walk = async (entry, path) => {
    if (entry.name.startsWith(".") || found.length >= UPLOADS_MOST) return;
    if (entry.isFile) {
      found.push({ file: await new Promise((done, failed) => entry.file(done, failed)), name: path + entry.name });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) return;
      for (const inner of some) await walk(inner, path + entry.name + "/");
    }
  };
  if (!entries.length) return [...transfer.files].map(file => ({ file, name: file.name }));
  for (const entry of entries) await walk(entry, "");
  return found;
}

/* One after the other; one that is refused does not keep the others. */
async function upload(list) {
  const w = state.words, problems = [];
  for (let i = 0; i < list.length; i++) {
    toast(w.uploading(i + 1, list.length));
    const name = list[i].name.split("/").map(part => encodeURIComponent(part.replace(/^\.+/, ""))).join("/");
    try {
      await api(inCollection("/api/v1/uploads/" + name), { method: "PUT", body: list[i].file });
    } catch (problem) {
      problems.push(`${list[i].name}: ${problem.message}`);
    }
    refreshStatus();
  }
  if (list.length) toast(problems.length ? `${w["add-failed"]}: ${problems.slice(0, 3).join("; ")}` : w.added);
}

function wireStatus() {
  $("files").addEventListener("change", () => { upload([...$("files").files].map(file => ({ file, name: file.name }))); $("files").value = ""; });
  $("retry").addEventListener("click", () => startJob("/api/v1/retry", {}));
  $("index-form").addEventListener("submit", event => {
    event.preventDefault();
    const path = $("index-path").value.trim();
    if (path) startJob("/api/v1/index", { paths: [path] });
    $("index-path").value = "";
  });
}
