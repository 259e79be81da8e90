"use strict";
/* Texts and places in them. The server counts bytes of UTF-8, the page counts UTF-16 units; everything
 * that comes from a document becomes a text node, never markup. */
const bytesOf = text => new TextEncoder().encode(text);
const textOf = bytes => new TextDecoder().decode(bytes);

/* Positions in UTF-16 units for rising positions in bytes. */
function unitsOf(text, positions) {
  if (/^[\0-\x7f]*$/.test(text)) return positions.map(p => Math.min(p, text.length));
  const bytes = bytesOf(text);
  let at = 0, units = 0;
  return positions.map(p => {
    p = Math.min(p, bytes.length);
    if (p > at) { units += textOf(bytes.subarray(at, p)).length; at = p; }
    return units;
  });
}

/* [[start, end], ...] in units from ranges in bytes. */
function rangesOf(text, highlights) {
  const flat = unitsOf(text, highlights.flat());
  return highlights.map((_, i) => [flat[2 * i], flat[2 * i + 1]]);
}

/* Append text[from, to) to a node, with the ranges in <mark>. */
function putMarked(node, text, ranges, from = 0, to = text.length) {
  let at = from;
  for (const [start, end] of ranges) {
    const a = Math.max(start, from), b = Math.min(end, to);
    if (b <= a) continue;
    if (a > at) node.append(text.slice(at, a));
    const mark = document.createElement("mark");
    mark.textContent = text.slice(a, b);
    node.append(mark);
    at = b;
  }
  if (at < to) node.append(text.slice(at, to));
  return node;
}

/* The window of a passage with the most marks, on word bounds. */
function snippetOf(text, ranges, length = 320) {
  if (text.length <= length) return [0, text.length];
  let best = 0, most = -1;
  for (let i = 0; i < ranges.length; i++) {
    const n = ranges.filter(r => r[0] >= ranges[i][0] && r[1] <= ranges[i][0] + length - 60).length;
    if (n > most) { most = n; best = ranges[i][0]; }
  }
  let from = Math.max(0, best - 60);
  if (from) { const space = text.indexOf(" ", from); if (space >= 0 && space < best) from = space + 1; }
  let to = Math.min(text.length, from + length);
  if (to < text.length) { const space = text.lastIndexOf(" ", to); if (space > from + length / 2) to = space; }
  return [from, to];
}

/* Where `part` stands in `whole`: exactly, else with white space ignored; near `about` where it stands
 * more than once. [start, end] in units, or null. */
function placeOf(whole, part, about) {
  const near = (text, needle) => {
    let best = -1;
    for (let i = text.indexOf(needle), n = 0; i >= 0 && n < 200; i = text.indexOf(needle, i + 1), n++)
      if (best < 0 || Math.abs(i - about) < Math.abs(best - about)) best = i;
    return best;
  };
  part = part.trim();
  if (!part) return null;
  const exact = near(whole, part);
  if (exact >= 0) return [exact, exact + part.length];
  const map = [];
  let bare = "";
  for (let i = 0; i < whole.length; i++)
    if (!/\s/.test(whole[i])) { bare += whole[i]; map.push(i); }
  const needle = part.replace(/\s+/g, "");
  let i = bare.indexOf(needle), length = needle.length;
  if (i < 0) { length = Math.min(80, needle.length); i = bare.indexOf(needle.slice(0, length)); }
  return i < 0 ? null : [map[i], map[i + length - 1] + 1];
}

/* A path as a person reads it: its end. */
function shortPath(uri, parts = 3) {
  const all = uri.split("/").filter(Boolean);
  return all.length > parts ? "…/" + all.slice(-parts).join("/") : uri;
}

function extensionOf(uri) {
  const name = uri.slice(uri.lastIndexOf("/") + 1), dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1) : "";
}

function sizeOf(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let u = 0;
  while (bytes >= 1000 && u < 4) { bytes /= 1000; u++; }
  return `${u && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[u]}`;
}
