"use strict";
// The page: reads its data, draws every lane, and keeps one window and one cursor for all of them.
(function () {
  let run = null;
  let charts = [];    // one a lane, and the timeline above them
  let closeups = [];  // charts with a window of their own
  let updates = [];   // the tables that follow the window
  const view = {from: 0, to: 1};
  const cursor = {time: null, placing: false};
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

  // moved is called by a chart for each place of the cursor.
  function moved(chart, time) {
    if (!cursor.placing) cursor.time = time;
    pgchaos.show(chart, time === null ? null : cursor.placing ? cursor.time : time);
    if (chart === parts.first) announce();
  }

  // place puts the cursor of all charts at a time.
  function place(time) {
    const first = parts.first;
    if (!first) return;
    cursor.time = time;
    cursor.placing = true;
    first.u.setCursor({left: time === null ? -10 : Math.max(0, first.u.valToPos(time, "x")), top: time === null ? -10 : 1}, true, true);
    cursor.placing = false;
    describe();
  }

  // zoom shows the same window in all charts. choice is the entry of the list that stands for it, if one does.
  function zoom(from, to, choice) {
    const least = Math.min(0.5, run.duration);
    const middle = (from + to) / 2;
    if (to - from < least) {
      from = middle - least / 2;
      to = middle + least / 2;
    }
    const length = Math.min(to - from, run.duration);
    view.from = Math.min(Math.max(0, from), run.duration - length);
    view.to = view.from + length;
    for (const chart of charts) chart.u.setScale("x", {min: view.from, max: view.to});
    const outside = cursor.time !== null && (cursor.time < view.from || cursor.time > view.to);
    const at = outside ? null : cursor.time;
    // The charts take the new scale in a microtask that is queued already. It leaves the cursor at its pixel, not at its time.
    Promise.resolve().then(() => place(at));
    for (const update of updates) update();
    const whole = view.from === 0 && view.to === run.duration;
    parts.select.value = whole ? "" : choice || "own";
    announce();
  }

  function reset() {
    cursor.time = null;
    zoom(0, run.duration);
  }

  function zoomBy(factor) {
    const middle = cursor.time === null ? (view.from + view.to) / 2 : cursor.time;
    const share = (middle - view.from) / (view.to - view.from);
    const length = (view.to - view.from) * factor;
    zoom(middle - share * length, middle + (1 - share) * length);
  }

  // announce writes the window and the cursor for all readers, also for those of a screen reader: only when they rest.
  let waiting = null;
  function announce() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const at = cursor.time === null ? "" : " Cursor at " + pgchaos.time(cursor.time) + ".";
      parts.status.textContent = "Shown: " + pgchaos.time(view.from) + " to " + pgchaos.time(view.to) + "." + at;
    }, 200);
  }

  // describe gives the focused chart's figures to a screen reader.
  function describe() {
    for (const chart of charts) {
      const slider = chart.slider;
      if (!slider) continue;
      const time = cursor.time === null ? view.from : cursor.time;
      slider.setAttribute("aria-valuemin", String(view.from));
      slider.setAttribute("aria-valuemax", String(view.to));
      slider.setAttribute("aria-valuenow", String(time));
      if (cursor.time !== null && slider !== document.activeElement) {
        slider.setAttribute("aria-valuetext", pgchaos.time(time));
        continue;
      }
      const found = cursor.time === null ? null : pgchaos.figures(chart, time);
      const text = found ? found.all.slice(0, 12).map((f) => pgchaos.short(f.name) + " " + pgchaos.short(f.text)).join(", ") : "no cursor";
      slider.setAttribute("aria-valuetext", pgchaos.time(found ? found.at : time) + ": " + text);
    }
  }

  // step moves the cursor by samples of the lane, and the window along where it has to.
  function step(chart, count) {
    const times = chart.times.length > 0 ? chart.times : parts.grid;
    if (times.length === 0) return;
    const now = cursor.time === null ? (count > 0 ? view.from : view.to) : cursor.time;
    let i = pgchaos.nearest(times, now);
    if (cursor.time !== null) i += count;
    show(times[Math.min(Math.max(0, i), times.length - 1)]);
  }

  // show puts the cursor at a time, also at one that is outside the window.
  function show(time) {
    const length = view.to - view.from;
    cursor.time = time;
    if (time < view.from) zoom(time, time + length);
    else if (time > view.to) zoom(time - length, time);
    else place(time);
  }

  function pressed(chart, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tenth = Math.max(1, Math.round((chart.times.length || parts.grid.length) * (view.to - view.from) / run.duration / 10));
    const keys = {
      ArrowRight: () => step(chart, event.shiftKey ? 10 : 1),
      ArrowLeft: () => step(chart, event.shiftKey ? -10 : -1),
      ArrowUp: () => step(chart, 1),
      ArrowDown: () => step(chart, -1),
      PageUp: () => step(chart, tenth),
      PageDown: () => step(chart, -tenth),
      Home: () => place(view.from),
      End: () => place(view.to),
      "+": () => zoomBy(0.5),
      "=": () => zoomBy(0.5),
      "-": () => zoomBy(2),
      Escape: reset,
    };
    const act = Object.prototype.hasOwnProperty.call(keys, event.key) ? keys[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act();
  }

  // slider makes a drawn chart what it is with a keyboard: something that one moves along the time.
  function slider(chart, element) {
    chart.slider = element;
    element.setAttribute("role", "slider");
    element.setAttribute("aria-orientation", "horizontal");
    element.setAttribute("tabindex", "0");
    element.setAttribute("aria-describedby", "charts-keys");
    element.addEventListener("keydown", (event) => pressed(chart, event));
    element.addEventListener("focus", describe);
  }

  const width = (element) => Math.max(200, Math.floor(element.clientWidth));

  function draw(host, lane, o) {
    return pgchaos.chart(host, lane, Object.assign({
      width: width(host), faults: run.faults, moved: moved, zoom: zoom, reset: reset,
    }, o));
  }

  function drawLane(section) {
    const lane = run.lanes.find((l) => l.id === section.dataset.lane);
    const picture = section.querySelector(".chart");
    if (!lane || !picture) return;
    const host = pgchaos.element("div", {class: "drawing"});
    picture.appendChild(host);
    try {
      const chart = draw(host, lane, {from: view.from, to: view.to, sync: "run"});
      // The buttons of the series are no part of the slider.
      picture.insertAdjacentElement("afterend", chart.below);
      picture.classList.add("drawn");
      slider(chart, picture);
      charts.push(chart);
      const details = section.querySelector("details");
      if (details) updates.push(pgchaos.table(details, lane, () => view));
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
    for (const chart of charts.filter((c) => c.u.status !== 1)) {
      if (chart.slider) {
        chart.slider.classList.remove("drawn");
        chart.slider.setAttribute("role", "img");
        fallBack(chart.slider.parentNode, new Error("the browser could not draw one"));
      }
      chart.below.remove();
      chart.host.remove();
    }
    charts = charts.filter((c) => c.u.status === 1);
    parts.first = charts[0];
    if (charts.length === 0) withdraw();
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
    select.addEventListener("change", () => (select.value === "" ? reset() : zoom(windows[select.value][0], windows[select.value][1], select.value)));
    return select;
  }

  function drawRail(lanes) {
    parts.status = pgchaos.element("p", {class: "status", role: "status"});
    parts.select = choices();
    const tools = pgchaos.element("div", {class: "tools", role: "group", "aria-label": "Window of all charts"}, [
      pgchaos.element("label", {for: "charts-goto", text: "Show"}), parts.select,
      button("+", "Zoom in", () => zoomBy(0.5)), button("−", "Zoom out", () => zoomBy(2)), parts.status,
    ]);
    const rail = pgchaos.element("div", {class: "rail"}, [tools]);
    lanes.insertBefore(rail, lanes.firstChild);
    rail.insertAdjacentElement("beforebegin", pgchaos.element("p", {
      class: "keys", id: "charts-keys",
      text: "Drag over a chart to zoom all of them; double-click or Escape shows the whole run again. In a chart, the arrow keys move the cursor " +
        "(with Shift by ten samples), Home and End go to the edges, + and - zoom.",
    }));
    const lane = pgchaos.timeline(run);
    if (lane.rows.length === 0) return;
    // The faults and phases are in the choices above and in the tables of the page, as text.
    const host = pgchaos.element("div", {class: "drawing", "aria-hidden": "true"});
    rail.appendChild(host);
    const chart = draw(host, lane, {from: view.from, to: view.to, sync: "run"});
    chart.below.hidden = true;
    charts.push(chart);
  }

  // drawCloseups draws a close-up when it comes into view: there may be many.
  function drawCloseups() {
    const one = (section) => {
      try {
        closeups = closeups.concat(pgchaos.closeup(section, run, (host, lane, o) => draw(host, lane, Object.assign({
          moved: (chart, time) => pgchaos.show(chart, time), zoom: () => {}, reset: () => {},
        }, o))));
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
    for (const chart of charts.concat(closeups)) {
      const wanted = width(chart.host);
      if (chart.host.clientWidth > 0 && wanted !== chart.u.width) chart.u.setSize({width: wanted, height: chart.u.height});
    }
  }

  function redraw() {
    pgchaos.readTheme();
    for (const chart of charts.concat(closeups)) chart.u.redraw(false, false);
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
      view.to = run.duration = end(run);
      pgchaos.readTheme();
      drawRail(lanes);
      lanes.querySelectorAll("section.lane").forEach(drawLane);
      parts.first = charts[0];
      parts.grid = run.lanes.reduce((most, lane) => (lane.times.length > most.length ? lane.times : most), []);
      zoom(0, run.duration);
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
  pgchaos.page = {charts: () => charts, closeups: () => closeups, view: view, cursor: cursor, zoom: zoom, reset: reset, place: show};
  start();
})();
