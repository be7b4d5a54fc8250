"use strict";
// The page of a run in progress. Texts of the run are only ever set as text, never as HTML.

const points = new Map(); // by workload, ascending in time
let state = null;
let scale = 30; // seconds; 0: the whole run
const colors = ["#2a6fdb", "#c2570c", "#2f8f4e", "#8a4fc7", "#b0307a", "#6b7280"];
const mostLines = 2000;
const mostPoints = 8000;

const byId = (id) => document.getElementById(id);
const setText = (id, text) => { const e = byId(id); if (e.textContent !== text) e.textContent = text; };

function take(message) {
  const log = byId("log");
  if (message.reset) {
    points.clear();
    log.textContent = "";
  }
  for (const [name, more] of Object.entries(message.points ?? {})) {
    const all = points.get(name) ?? [];
    all.push(...more);
    points.set(name, all.slice(-mostPoints));
  }
  if (message.lines) {
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    const lines = log.textContent.split("\n").slice(0, -1).concat(message.lines.join("\n").split("\n"));
    log.textContent = lines.slice(-mostLines).join("\n") + "\n";
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
  state = message.state;
  show();
}

function show() {
  document.title = (state.errorsNow ? "! " : "") + state.name + " - pgchaos";
  setText("name", state.name);
  setText("round", state.round);
  const primary = state.primary ? "primary " + state.primary : "no primary";
  setText("stage", state.loading ? `${state.clock}  ${primary}  ${state.phase}` : `${state.stage || "beginning"}  ${state.busy.toFixed(0)} s`);
  const share = byId("share");
  share.hidden = !state.loading || state.share === null;
  share.value = state.share ?? 0;
  setText("next", state.loading ? `${state.next}; ${state.end}` : "");
  setText("faults", state.faults?.length ? "in force: " + state.faults.join("; ") : "");
  setText("errors", state.errors);
  byId("errors").className = state.errorsNow ? "bad" : "";
  table("workloads", (state.workloads ?? []).map((w) =>
    [w.name, w.running ? w.throughput : "does not run", w.p50, w.p99, w.errors, w.dropped]));
  table("nodes", (state.nodes ?? []).map((n) =>
    [n.name, n.state, n.timeline, n.lag, n.waiters ? `${n.waiters} wait` : n.sync, n.cpu, n.memory]),
    (cells) => cells[1] === "down" || cells[1] === "no answer");
  lane("throughput", (p) => p.throughput, "/s");
  lane("response", (p) => p.p99 * 1000, "ms");
  lane("errors", (p) => (p.errors + p.dropped) / (p.to - p.from), "/s");
}

function table(id, rows, bad = () => false) {
  const body = byId(id).tBodies[0];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const row = body.rows[i] ?? body.insertRow();
    row.className = bad(cells) ? "bad" : "";
    cells.forEach((text, j) => {
      const cell = row.cells[j] ?? row.insertCell();
      if (cell.textContent !== text) cell.textContent = text;
    });
  });
}

function svg(name, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

// lane draws what of() says of the points of every workload over the scale, and the faults as bands behind it.
function lane(id, of, unit) {
  const to = Math.max(state.elapsed, scale === 0 ? 30 : scale);
  const from = scale === 0 ? 0 : to - scale;
  const chart = byId("lane-" + id);
  const width = chart.clientWidth || 600, height = chart.clientHeight || 140, top = 16;
  const x = (t) => (t - from) / (to - from) * width;
  const names = [...points.keys()];
  let greatest = 0;
  const visible = names.map((name) => points.get(name).filter((p) => p.to > from));
  for (const all of visible) for (const p of all) greatest = Math.max(greatest, of(p));
  const y = (v) => height - 2 - (greatest > 0 ? v / greatest : 0) * (height - top - 4);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const b of state.bands ?? []) {
    const end = b.to ?? to;
    if (end <= from) continue;
    const left = x(Math.max(b.from, from));
    const rect = svg("rect", { class: "band", x: left, y: 0, width: Math.max(x(end) - left, 1), height });
    rect.append(svg("title", {}, b.label));
    picture.append(rect);
    if (id === "throughput") picture.append(svg("text", { x: left + 3, y: height - 6 }, b.label));
  }
  let left = 4;
  const about = [];
  names.forEach((name, i) => {
    let path = "", last = null;
    for (const p of visible[i]) { // a second that is missing is a gap
      const gap = last === null || p.from - last > 0.01;
      path += gap ? `M${x(Math.max(p.from, from)).toFixed(1)} ${y(of(p)).toFixed(1)}` : "";
      path += `L${x(p.to).toFixed(1)} ${y(of(p)).toFixed(1)}`;
      last = p.to;
    }
    const color = colors[i % colors.length];
    if (path) picture.append(svg("path", { d: path, stroke: color }));
    picture.append(svg("rect", { x: left, y: 5, width: 8, height: 8, fill: color }), svg("text", { x: left + 12, y: 13 }, name));
    left += 24 + 6.5 * name.length;
    const newest = visible[i].at(-1);
    if (newest) about.push(`${name} ${number(of(newest))} ${unit}`);
  });
  picture.append(svg("text", { x: width - 4, y: 13, "text-anchor": "end" }, `at most ${number(greatest)} ${unit}`));
  chart.replaceChildren(picture);
  chart.setAttribute("aria-label", about.length ? `Now ${about.join(", ")}; at most ${number(greatest)} ${unit}` : "Nothing yet");
}

function number(v) {
  return v >= 100 ? Math.round(v).toLocaleString("en") : v >= 10 ? v.toFixed(1) : v.toFixed(2);
}

for (const button of document.querySelectorAll("[data-scale]")) {
  button.addEventListener("click", () => {
    scale = Number(button.dataset.scale);
    for (const other of document.querySelectorAll("[data-scale]")) other.setAttribute("aria-pressed", String(other === button));
    if (state) show();
  });
}
addEventListener("resize", () => { if (state) show(); });

const events = new EventSource("events");
events.addEventListener("update", (e) => take(JSON.parse(e.data)));
events.addEventListener("finished", () => { events.close(); location.replace("report.html"); });
events.addEventListener("ended", () => { events.close(); setText("stage", "The run has ended."); });
events.addEventListener("error", () => setText("stage", "pgchaos cannot be reached any more: the run has ended, or the connection is gone."));
