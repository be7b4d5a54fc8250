"use strict";
// The page: reads its data, draws every lane, and keeps one window and one cursor for all of them.
(function () {
  let run = null;
  let shared = null;  // the window of the lanes and of the timeline above them
  let closeups = [];  // charts with a window of their own
  let updates = [];   // the tables that follow the window
  let parts = {};

  // read decodes the page's data: base64 of gzip of JSON.
  async function read() {
    const holder = document.getElementById("pgchaos-data");
    if (!holder) throw new Error("this page holds no data for them");
    if (typeof uPlot === "undefined") throw new Error("this page was made by a pgchaos that was built without them");
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser is too old: it needs DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 or newer)");
    }
    const bytes = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = await new Response(stream).json();
    data.lanes = data.lanes || [];
    data.faults = data.faults || [];
    data.phases = data.phases || [];
    const groups = []; // workloads and nodes, in the order in which the static pictures give them colours
    for (const lane of data.lanes) {
      lane.times = lane.t || [];
      lane.groups = groups;
      if (!lane.series && !lane.rows) lane.series = [];
      for (const row of lane.rows || []) row.spans = row.spans || [];
      const names = (lane.series || []).map((s) => s.group || "").concat((lane.rows || []).map((row) => row.name));
      for (const name of names) if (groups.indexOf(name) < 0) groups.push(name);
    }
    return data;
  }

  // end is when the last thing happened: samples and faults may go on after the load.
  function end(data) {
    let latest = Math.max(data.duration || 0, 0.001);
    const see = (time) => (latest = Math.max(latest, time || 0));
    for (const lane of data.lanes) {
      if (lane.times.length > 0) see(lane.times[lane.times.length - 1]);
      for (const row of lane.rows || []) row.spans.forEach((s) => see(s.to));
    }
    data.faults.forEach((f) => see(f.to));
    return latest;
  }

  // fallBack says why a chart is not there. The static picture stays.
  function fallBack(place, error) {
    const reason = error && error.message ? error.message : String(error);
    place.insertBefore(pgchaos.element("p", {class: "charts-note", text: "No interactive charts: " + reason + ". The pictures below do not need them."}), place.firstChild);
  }

  // changed follows the window. choice is the entry of the list that stands for it, if one does.
  function changed(whole, choice) {
    for (const update of updates) update();
    parts.select.value = whole ? "" : choice || "own";
  }

  // announce writes the window and the cursor for all readers, also for those of a screen reader: only when they rest.
  let waiting = null;
  function announce() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const at = shared.cursor.time === null ? "" : " Cursor at " + pgchaos.time(shared.cursor.time) + ".";
      parts.status.textContent = "Shown: " + pgchaos.time(shared.view.from) + " to " + pgchaos.time(shared.view.to) + "." + at;
    }, 200);
  }

  const width = (element) => Math.max(200, Math.floor(element.clientWidth));

  // draw draws a lane into an element, in a window.
  function draw(host, lane, within, o) {
    return pgchaos.chart(host, lane, Object.assign({
      width: width(host), faults: run.faults, from: within.view.from, to: within.view.to,
      moved: within.moved, zoom: (from, to) => within.zoom(from, to), reset: within.reset,
    }, o));
  }

  function drawLane(section) {
    const lane = run.lanes.find((l) => l.id === section.dataset.lane);
    const picture = section.querySelector(".chart");
    if (!lane || !picture) return;
    const host = pgchaos.element("div", {class: "drawing"});
    picture.appendChild(host);
    try {
      const chart = draw(host, lane, shared, {sync: "run"});
      // The buttons of the series are no part of the slider.
      picture.insertAdjacentElement("afterend", chart.below);
      picture.classList.add("drawn");
      shared.add(chart, picture);
      const details = section.querySelector("details");
      if (details) updates.push(pgchaos.table(details, lane, () => shared.view));
    } catch (error) {
      host.remove();
      fallBack(section, error);
    }
  }

  // withdraw removes what is of use only with charts.
  function withdraw() {
    for (const left of document.querySelectorAll(".rail, .keys")) left.remove();
  }

  // check takes a chart back that threw while it drew itself, which it does later than it is made.
  function check() {
    for (const chart of shared.charts.filter((c) => c.u.status !== 1)) {
      if (chart.slider) {
        chart.slider.classList.remove("drawn");
        chart.slider.setAttribute("role", "img");
        fallBack(chart.slider.parentNode, new Error("the browser could not draw one"));
      }
      chart.below.remove();
      chart.host.remove();
    }
    shared.charts = shared.charts.filter((c) => c.u.status === 1);
    if (shared.charts.length === 0) withdraw();
  }

  function button(text, name, act) {
    const made = pgchaos.element("button", {type: "button", text: text, "aria-label": name, title: name});
    made.addEventListener("click", act);
    return made;
  }

  // choices lead to each phase and each fault.
  function choices() {
    const select = pgchaos.element("select", {id: "charts-goto"}, [
      pgchaos.element("option", {value: "", text: "the whole run"}),
      pgchaos.element("option", {value: "own", text: "a part of it", disabled: "", hidden: ""}),
    ]);
    const windows = [];
    const add = (text, from, to) => {
      select.appendChild(pgchaos.element("option", {value: String(windows.length), text: pgchaos.short(text) + ", " + pgchaos.time(from)}));
      windows.push([from, to]);
    };
    run.phases.forEach((p) => add("phase " + p.label, p.from, p.to));
    run.faults.forEach((f, i) => {
      const margin = Math.max(2, (f.to - f.from) / 4);
      add("fault " + (i + 1) + ": " + f.label, f.from - margin, Math.max(f.from, f.to) + margin);
    });
    select.addEventListener("change", () => (select.value === "" ? shared.reset() : shared.zoom(windows[select.value][0], windows[select.value][1], select.value)));
    return select;
  }

  function drawRail(lanes) {
    parts.status = pgchaos.element("p", {class: "status", role: "status"});
    parts.select = choices();
    const tools = pgchaos.element("div", {class: "tools", role: "group", "aria-label": "Window of all charts"}, [
      pgchaos.element("label", {for: "charts-goto", text: "Show"}), parts.select,
      button("+", "Zoom in", () => shared.zoomBy(0.5)), button("−", "Zoom out", () => shared.zoomBy(2)), parts.status,
    ]);
    const rail = pgchaos.element("div", {class: "rail"}, [tools]);
    lanes.insertBefore(rail, lanes.firstChild);
    rail.insertAdjacentElement("beforebegin", pgchaos.element("p", {
      class: "keys", id: "charts-keys",
      text: "Drag over a chart to zoom all of them; double-click or Escape shows the whole run again. In a chart, the arrow keys move the cursor " +
        "(with Shift by ten samples), Home and End go to the edges, + and - zoom. Each close-up of a fault has a window of its own.",
    }));
    const lane = pgchaos.timeline(run);
    if (lane.rows.length === 0) return;
    // The faults and phases are in the choices above and in the tables of the page, as text.
    const host = pgchaos.element("div", {class: "drawing", "aria-hidden": "true"});
    rail.appendChild(host);
    const chart = draw(host, lane, shared, {sync: "run"});
    chart.below.hidden = true;
    shared.add(chart, null);
  }

  // drawCloseups draws a close-up when it comes into view: there may be many.
  function drawCloseups() {
    const one = (section) => {
      try {
        closeups = closeups.concat(pgchaos.closeup(section, run, draw));
      } catch (error) {
        fallBack(section, error);
      }
    };
    const sections = document.querySelectorAll("section.closeup");
    if (typeof IntersectionObserver === "undefined") {
      sections.forEach(one);
      return;
    }
    const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      seen.unobserve(entry.target);
      one(entry.target);
    }), {rootMargin: "300px"});
    sections.forEach((section) => seen.observe(section));
  }

  function resize() {
    for (const chart of shared.charts.concat(closeups)) {
      const wanted = width(chart.host);
      if (chart.host.clientWidth > 0 && wanted !== chart.u.width) chart.u.setSize({width: wanted, height: chart.u.height});
    }
  }

  function redraw() {
    pgchaos.readTheme();
    for (const chart of shared.charts.concat(closeups)) chart.u.redraw(false, false);
  }

  // print opens what is closed, except for the tables of samples, and closes it again.
  function printing() {
    let opened = [];
    window.addEventListener("beforeprint", () => {
      opened = Array.from(document.querySelectorAll("details:not([open])")).filter((d) => !d.closest(".lane"));
      for (const details of opened) details.open = true;
    });
    window.addEventListener("afterprint", () => {
      for (const details of opened) details.open = false;
      opened = [];
    });
  }

  async function copy(text, from) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    getSelection().selectAllChildren(from);
    if (!document.execCommand("copy")) throw new Error("the browser refused");
  }

  // copyButtons puts a button before each text that is meant to be copied.
  function copyButtons() {
    for (const from of document.querySelectorAll("[data-copy]")) {
      const name = "Copy " + from.dataset.copy;
      const made = pgchaos.element("button", {type: "button", class: "copy", text: name});
      const say = (text) => {
        made.textContent = text;
        setTimeout(() => (made.textContent = name), 3000);
      };
      made.addEventListener("click", () => copy(from.textContent, from).then(() => say("Copied"), () => say("Not copied: select the text by hand")));
      from.insertAdjacentElement("beforebegin", made);
    }
  }

  async function start() {
    copyButtons();
    printing();
    const lanes = document.getElementById("lanes");
    if (!lanes) return;
    let state = "static";
    try {
      run = await read();
      run.duration = end(run);
      shared = pgchaos.window({from: 0, to: run.duration, changed: changed, moved: announce});
      shared.grid = run.lanes.reduce((most, lane) => (lane.times.length > most.length ? lane.times : most), []);
      pgchaos.readTheme();
      drawRail(lanes);
      lanes.querySelectorAll("section.lane").forEach(drawLane);
      shared.reset();
      drawCloseups();
      setTimeout(check);
      new ResizeObserver(resize).observe(lanes);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
      state = "drawn";
    } catch (error) {
      withdraw();
      fallBack(lanes, error);
    }
    document.documentElement.dataset.charts = state;
  }

  // For what draws in the same page later.
  pgchaos.page = {
    charts: () => shared.charts, closeups: () => closeups, faults: () => run.faults, zoom: (from, to) => shared.zoom(from, to), reset: () => shared.reset(), place: (time) => shared.show(time),
  };
  start();
})();
