"use strict";
// The page of a run in progress. Texts of the run are only ever set as text, never as HTML.
(function () {
  // The lanes of the report that a run in progress has figures for.
  const lanes = [
    {id: "throughput", title: "Throughput", unit: "/s"},
    {id: "response", title: "Response time", unit: "s", log: true},
    {id: "errors", title: "Errors and dropped operations", unit: "/s"},
    {id: "roles", title: "Role and timeline of each node", unit: "", bands: "roles"},
    {id: "sync", title: "Synchronous state of each node", unit: "", bands: "syncs"},
    {id: "lag-bytes", title: "Replay lag in bytes", unit: "B", of: "nodes"},
    {id: "lag", title: "Replay lag in time", unit: "s", of: "nodes"},
    {id: "sync-waiters", title: "Backends that wait for a synchronous standby", unit: "", of: "nodes"},
    {id: "cpu", title: "CPU of each node, of one core", unit: "%", of: "nodes"},
    {id: "memory", title: "Memory of each node", unit: "B", of: "nodes"},
  ];
  const drawn = new Map(); // by the lane's id: its chart
  const groups = [];       // workloads and nodes, in the order in which they get colours
  const faults = [];
  const points = {workloads: pgchaos.points(), nodes: pgchaos.points()};
  const mostLines = 2000;
  const charts = typeof uPlot !== "undefined";
  let state = null;
  let received = 0;  // when the state came
  let over = false;
  let lost = false;  // the connection
  let scale = 30;    // seconds, of the button that was pressed last; 0: the whole run
  let length = scale; // seconds that are shown; 0: the whole run
  let follows = true; // the window goes on with the run

  const byId = (id) => document.getElementById(id);
  const setText = (id, text) => { const e = byId(id); if (e.textContent !== text) e.textContent = text; };

  function take(message) {
    const log = byId("log");
    if (message.reset) {
      points.workloads.clear();
      points.nodes.clear();
      log.replaceChildren();
      log.setAttribute("aria-live", "off"); // a screen reader would read all of it again
      setTimeout(() => log.removeAttribute("aria-live"), 1000);
    }
    points.workloads.add(message.points);
    points.nodes.add(message.nodePoints);
    if (message.lines) addLines(log, message.lines);
    state = message.state;
    received = performance.now();
    lost = false;
    soon();
  }

  // soon shows the state after a pause of three times what the last time took: a busy machine must not spend all of its time on pictures.
  // What comes meanwhile is shown with it.
  let waiting = null;
  let took = 0;
  function soon() {
    if (waiting !== null) return;
    waiting = setTimeout(() => {
      waiting = null;
      const begun = performance.now();
      show();
      took = performance.now() - begun;
    }, 3 * took);
  }

  function addLines(log, lines) {
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    for (const line of lines) log.appendChild(pgchaos.element("div", {text: line}));
    while (log.childElementCount > mostLines) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function show() {
    document.title = (state.errorsNow ? "! " : "") + state.name + " - pgchaos";
    setText("name", state.name);
    setText("round", state.round);
    showStage();
    const share = byId("share");
    share.hidden = !state.loading || state.share === null;
    share.value = state.share === null ? 0 : state.share;
    setText("next", state.loading ? state.next + "; " + state.end : "");
    setText("faults", state.faults ? "in force: " + state.faults.join("; ") : "");
    setText("errors", state.errors);
    byId("errors").className = state.errorsNow ? "bad" : "";
    setText("announced", [
      state.loading ? state.phase + ", " + primary() : state.stage,
      ...(state.bands || []).filter((b) => b.to === null).map((b) => b.label + " is in force"),
      state.errorsNow ? "there are errors" : "no errors now",
    ].join("; "));
    table("workloads", state.workloads, (w) => [w.name, w.running ? w.throughput : "does not run", w.p50, w.p99, w.errors, w.dropped], () => "");
    table("nodes", state.nodes, (n) => [n.name, n.state, n.timeline, n.lag, n.waiters ? n.waiters + " wait" : n.sync, n.cpu, n.memory],
      (n) => (n.state === "down" || n.state === "no answer" ? "bad" : n.state === "primary" ? "good" : ""));
    if (charts) drawLanes();
  }

  const primary = () => (state.primary ? "primary " + state.primary : "no primary");

  // showStage says what the run is busy with. Without load, pgchaos sends nothing while a stage lasts.
  function showStage() {
    if (!state || over || lost) return;
    if (state.loading) {
      setText("stage", state.clock + "  " + primary() + "  " + state.phase);
      return;
    }
    const busy = state.busy + (performance.now() - received) / 1000;
    setText("stage", state.stage ? state.stage + "  " + busy.toFixed(0) + " s" : "beginning");
  }

  // table fills the rows of a table; the first cell of each is its head.
  function table(id, all, cells, look) {
    const body = byId(id).tBodies[0];
    const list = all || [];
    while (body.rows.length > list.length) body.deleteRow(-1);
    list.forEach((one, i) => {
      const row = body.rows[i] || body.insertRow();
      row.className = look(one);
      cells(one).forEach((text, j) => {
        const cell = row.cells[j] || row.appendChild(pgchaos.element(j === 0 ? "th" : "td", j === 0 ? {scope: "row", dir: "auto"} : {}));
        if (cell.textContent !== text) cell.textContent = text;
      });
    });
  }

  // latest is where the widest window ends.
  const latest = () => Math.max(state.elapsed, follows && length > 0 ? length : 30);

  // within is the window of time and the cursor that all lanes share. At the newest end it follows the run; further back it stays.
  const within = pgchaos.window({
    from: 0, to: 30, resting: (chart) => newest(chart), middle: () => (follows ? within.view.to : (within.view.from + within.view.to) / 2),
    home: () => follow(scale),
    changed: (whole) => {
      follows = whole || within.view.to >= latest() - 0.001;
      length = whole ? 0 : within.view.to - within.view.from;
      drawLanes();
    },
  });

  // follow shows the newest seconds from now on; 0 is all of them.
  function follow(seconds) {
    length = seconds;
    follows = true;
    if (state) drawLanes();
  }

  function drawLanes() {
    if (!follows && within.view.to > latest()) follows = true; // another run has begun
    const to = follows ? latest() : within.view.to;
    const from = !follows ? within.view.from : length === 0 ? 0 : to - length;
    for (const one of [...(state.workloads || []), ...(state.nodes || [])]) if (groups.indexOf(one.name) < 0) groups.push(one.name);
    faults.splice(0, faults.length, ...(state.bands || []).map((b) => ({label: b.label, from: b.from, to: b.to === null ? state.elapsed : b.to})));
    const around = Math.max(30, to - from); // the keyboard leads out of the window
    Object.assign(within.view, {from: from, to: to});
    within.charts = [];
    for (const lane of lanes) {
      pgchaos.fill(lane, state, points, from - around, to + around);
      drawLane(lane, from, to);
    }
    within.grid = lanes.reduce((most, lane) => (lane.times.length > most.length ? lane.times : most), []);
    within.slide(from, to, latest());
    within.charts.forEach((chart) => pgchaos.show(chart, within.cursor.time === null ? newest(chart) : within.cursor.time));
    for (const button of buttons) button.setAttribute("aria-pressed", String(follows && Number(button.dataset.scale) === length));
    setText("shown", follows ? "" : "Shown: " + pgchaos.time(from) + " to " + pgchaos.time(to) + ". Escape follows the run again.");
  }

  // drawLane shows a lane. Its chart is made again where it has other lines than before.
  function drawLane(lane, from, to) {
    const section = byId("lane-" + lane.id);
    const names = (lane.rows || lane.series).map((one) => one.name);
    section.hidden = names.length === 0;
    if (section.hidden) return;
    const key = JSON.stringify([names, lane.times.length === 0]);
    let chart = drawn.get(lane.id);
    if (!chart || chart.key !== key) chart = make(lane, section, key, from, to);
    chart.lane = lane;
    chart.times = lane.times;
    chart.reach = pgchaos.reach(lane.times, 0);
    chart.u.setData(chart.bare ? [[from, to], [null, null]] : [lane.times].concat(lane.series.map((s) => s.values)), false);
    within.add(chart, chart.host);
  }

  function make(lane, section, key, from, to) {
    const host = section.querySelector(".chart");
    const before = drawn.get(lane.id);
    if (before) {
      before.u.destroy();
      before.below.remove();
      host.replaceChildren();
    }
    lane.groups = groups;
    lane.off = lane.off || new Set();
    const chart = pgchaos.chart(host, lane, {
      width: width(host), height: lane.rows ? 0 : 140, from: from, to: to, sync: "live", faults: faults, off: lane.off,
      moved: within.moved, zoom: (from, to) => within.zoom(from, to), reset: within.reset,
    });
    chart.key = key;
    host.insertAdjacentElement("afterend", chart.below); // its buttons are no part of a picture
    drawn.set(lane.id, chart);
    return chart;
  }

  const width = (host) => Math.max(200, Math.floor(host.clientWidth));

  // newest is the last time in the window that a chart has figures for; null: there is none.
  function newest(chart) {
    const to = Math.min(within.view.to, state.elapsed);
    if (chart.lane.rows) return to;
    for (let i = chart.times.length - 1; i >= 0; i--) if (chart.times[i] <= to) return Math.max(chart.times[i], within.view.from);
    return null;
  }

  function resize() {
    for (const chart of drawn.values()) {
      const wanted = width(chart.host);
      if (chart.host.clientWidth > 0 && wanted !== chart.u.width) chart.u.setSize({width: wanted, height: chart.u.height});
    }
  }

  const name = (lane) => lane.title + (lane.unit ? " (" + lane.unit + ")" : "");

  function prepare() {
    const all = byId("lanes");
    if (!charts) {
      byId("scales").hidden = byId("charts-keys").hidden = true;
      all.appendChild(pgchaos.element("p", {class: "note", text: "This pgchaos was built without interactive charts: the pictures are in the report at the end."}));
      return;
    }
    for (const lane of lanes) {
      const section = pgchaos.element("section", {class: "lane", id: "lane-" + lane.id, hidden: ""}, [
        pgchaos.element("h2", {text: name(lane)}), pgchaos.element("div", {class: "chart drawn", "aria-label": name(lane)}),
      ]);
      all.appendChild(section);
    }
    pgchaos.readTheme();
    new ResizeObserver(resize).observe(all);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      pgchaos.readTheme();
      for (const chart of drawn.values()) chart.u.redraw(false, false);
    });
  }

  const buttons = document.querySelectorAll("[data-scale]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      scale = Number(button.dataset.scale);
      follow(scale);
    });
  }
  prepare();
  setInterval(showStage, 1000);

  const events = new EventSource("events");
  const end = (text) => { over = true; events.close(); setText("stage", text); };
  events.addEventListener("update", (e) => take(JSON.parse(e.data)));
  events.addEventListener("finished", () => { end("The run has ended."); location.replace("report.html"); });
  events.addEventListener("ended", () => end("The run has ended. pgchaos prints what came out where it was started."));
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) end("pgchaos does not serve another page. Close one that follows this run, and load this one again.");
    lost = true;
    if (!over) setText("stage", "pgchaos cannot be reached. If it still runs, this page goes on by itself; if it has ended, the report is where it was started.");
  });

  // For tests, as in the report.
  pgchaos.page = {charts: () => [...drawn.values()], closeups: () => []};
})();
