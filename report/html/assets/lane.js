"use strict";
// One chart: a lane of lines or of bands, with its readout and the buttons that switch series on and off.
(function () {
  const axisWidth = () => (window.innerWidth < 600 ? 52 : 96);
  const rowHeight = 22;
  const powers = Array.from({length: 50}, (none, i) => Math.pow(2, i)); // the steps of an axis in bytes

  // known is the index of the sample that holds at a time, or -1 where none is near enough. A figure of it that is null is not known.
  function known(chart, time) {
    const i = pgchaos.nearest(chart.times, time);
    return i >= 0 && Math.abs(chart.times[i] - time) <= chart.reach ? i : -1;
  }

  // stretches calls back for each two neighbouring samples of a series that are known.
  function stretches(u, si, from, to, act) {
    const values = u.data[si];
    let last = -1;
    for (let i = from; i <= to; i++) {
      if (values[i] === null) continue;
      act(last, i);
      last = i;
    }
    act(last, -1);
  }

  // joined tells whether a line goes from one sample to the next one that is known: nothing that is not known lies between.
  function joined(u, a, b, reach) {
    return a >= 0 && b === a + 1 && u.data[0][b] - u.data[0][a] <= reach;
  }

  // gaps are where a line is broken, in pixels of the canvas.
  function gaps(u, si, from, to, reach) {
    const found = [];
    stretches(u, si, from, to, (a, b) => {
      if (a < 0 || b < 0 || joined(u, a, b, reach)) return;
      found.push([Math.round(u.valToPos(u.data[0][a], "x", true)), Math.round(u.valToPos(u.data[0][b], "x", true))]);
    });
    return found;
  }

  // isolated finds the samples that have no neighbour to draw a line to.
  function isolated(u, si, from, to, reach) {
    const found = [];
    let before = false;
    stretches(u, si, from, to, (a, b) => {
      const after = joined(u, a, b, reach);
      if (a >= 0 && !before && !after) found.push(a);
      before = after;
    });
    return found.length > 0 ? found : null;
  }

  function lineSeries(chart, off) {
    const lane = chart.lane;
    const colour = (i) => () => pgchaos.theme.series[lane.colours[i]];
    return lane.series.map((s, i) => ({
      label: pgchaos.short(s.name),
      show: !off.has(s.name),
      stroke: colour(i),
      width: 1.5,
      dash: pgchaos.dashes[i % pgchaos.dashes.length],
      gaps: (u, si, from, to) => gaps(u, si, from, to, chart.reach),
      points: {
        size: 4,
        show: false,
        fill: colour(i),
        filter: (u, si) => isolated(u, si, u.series[0].idxs[0], u.series[0].idxs[1], chart.reach),
      },
    }));
  }

  // colours gives the series of a group one colour, which is the same in all lanes; within a lane the dashes differ.
  function colours(lane) {
    const groups = lane.groups || [];
    return lane.series.map((s) => {
      const group = s.group || "";
      if (groups.indexOf(group) < 0) groups.push(group);
      return groups.indexOf(group) % 8;
    });
  }

  function range(lane) {
    if (lane.log) {
      return (u, least, greatest) => (greatest > 0 ? uPlot.rangeLog(least > 0 ? least : greatest / 10, greatest, 10, true) : [0.001, 1]);
    }
    return (u, least, greatest) => {
      if (greatest === null || (least >= 0 && greatest <= 0)) return [0, 1];
      return [Math.min(0, least), Math.max(0, greatest) * 1.08];
    };
  }

  function axes(lane) {
    const common = {
      stroke: () => pgchaos.theme.quiet,
      font: "11px system-ui, sans-serif",
      ticks: {stroke: () => pgchaos.theme.grid, width: 1, size: 4},
      grid: {stroke: () => pgchaos.theme.grid, width: 1},
    };
    const time = Object.assign({}, common, {size: 24, space: 60, values: (u, splits) => splits.map((s) => (s === null ? "" : pgchaos.time(s)))});
    const figures = Object.assign({}, common, {size: axisWidth, space: 24, values: (u, splits) => splits.map((s) => pgchaos.tick(s, lane.unit))});
    if (lane.unit === "B") figures.incrs = powers;
    if (lane.rows) {
      const count = lane.rows.length;
      figures.splits = () => lane.rows.map((row, i) => count - i - 0.5);
      figures.values = (u) => lane.rows.map((row) => {
        u.ctx.font = Math.round((11 * u.ctx.canvas.width) / u.width) + "px system-ui, sans-serif";
        return pgchaos.fitted(u.ctx, row.name, ((axisWidth() - 8) * u.ctx.canvas.width) / u.width);
      });
      figures.grid = figures.ticks = {show: false};
    }
    return [time, figures];
  }

  // readout is the line below a chart: the time at the cursor, and the figure of each series there.
  function readout(chart, off) {
    const list = pgchaos.element("ul", {class: "legend"});
    const names = chart.lane.rows ? chart.lane.rows : chart.lane.series;
    chart.values = names.map((named, i) => {
      const value = pgchaos.element("span", {class: "value"});
      const name = chart.lane.rows ? pgchaos.element("span", {class: "name", text: pgchaos.short(named.name)}) : toggle(chart, named, i, off);
      list.appendChild(pgchaos.element("li", {}, [name, value]));
      return value;
    });
    chart.at = pgchaos.element("p", {class: "at"});
    chart.below = pgchaos.element("div", {class: "readout"}, [chart.at, list]);
    return chart.below;
  }

  function swatch(chart, i) {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    const line = document.createElementNS(ns, "line");
    for (const [k, v] of [["width", "28"], ["height", "8"], ["aria-hidden", "true"], ["focusable", "false"]]) svg.setAttribute(k, v);
    const dash = pgchaos.dashes[i % pgchaos.dashes.length].join(" ");
    for (const [k, v] of [["x1", "0"], ["x2", "28"], ["y1", "4"], ["y2", "4"], ["stroke-width", "2.5"], ["stroke-dasharray", dash]]) line.setAttribute(k, v);
    line.style.stroke = "var(--series-" + (chart.lane.colours[i] + 1) + ")";
    svg.appendChild(line);
    return svg;
  }

  function toggle(chart, series, i, off) {
    const button = pgchaos.element("button", {type: "button", "aria-pressed": String(!off.has(series.name))}, [swatch(chart, i), pgchaos.element("span", {text: pgchaos.short(series.name)})]);
    button.addEventListener("click", () => {
      const show = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(show));
      if (show) off.delete(series.name);
      else off.add(series.name);
      if (!chart.bare) chart.u.setSeries(i + 1, {show: show});
    });
    return button;
  }

  function stateAt(row, time) {
    return row.spans.find((s) => time >= s.from && time < s.to) || row.spans.find((s) => time === s.to) || null;
  }

  // figures are what a chart shows at a time: the sample's own time, and a name and a text for each series or row.
  pgchaos.figures = function (chart, time) {
    if (chart.lane.rows) {
      return {
        at: time,
        all: chart.lane.rows.map((row) => {
          const span = stateAt(row, time);
          return {name: row.name, text: span ? span.label : "not known", value: null};
        }),
      };
    }
    const i = known(chart, time);
    return {
      at: i < 0 ? time : chart.times[i],
      all: chart.lane.series.map((s) => {
        const value = i < 0 ? null : s.values[i];
        return {name: s.name, text: pgchaos.figure(value, chart.lane.unit), value: value};
      }),
    };
  };

  // show writes the figures at a time below the chart; null empties them.
  pgchaos.show = function (chart, time) {
    const found = time === null ? null : pgchaos.figures(chart, time);
    chart.below.classList.toggle("empty", !found);
    chart.at.textContent = found ? "at " + pgchaos.time(found.at) : "";
    chart.values.forEach((value, i) => {
      value.textContent = found ? pgchaos.short(found.all[i].text) : "";
      if (found && typeof found.all[i].value === "number") value.dataset.value = found.all[i].value;
      else delete value.dataset.value;
    });
  };

  function options(chart, o) {
    const lane = chart.lane;
    return {
      width: o.width,
      height: o.height || (lane.rows ? lane.rows.length * rowHeight + 34 : 170),
      padding: [6, 18, 0, 0],
      legend: {show: false},
      scales: {
        x: {time: false, min: o.from, max: o.to},
        y: lane.rows ? {range: [0, lane.rows.length]} : {distr: lane.log ? 3 : 1, log: 10, range: range(lane)},
      },
      axes: axes(lane),
      series: [{}].concat(chart.bare ? [{stroke: "transparent", points: {show: false}}] : lineSeries(chart, o.off)),
      cursor: {
        y: false,
        drag: {x: true, y: false, setScale: false, dist: 4},
        // The other charts follow the cursor. A zoom goes to all of them by the page's own window.
        sync: {key: o.sync, scales: ["x", null], setSeries: false, filters: {pub: (type) => type === "mousemove", sub: () => true}},
        bind: {dblclick: () => null},
        points: {size: 6},
        dataIdx: (u, si, closest, time) => (si === 0 || chart.bare || known(chart, time) >= 0 ? closest : null),
      },
      hooks: {
        drawClear: [(u) => lane.id !== "timeline" && pgchaos.drawFaults(u, o.faults, ["fill", lane.rows ? "" : "edges", lane.rows ? "" : "names"])],
        draw: [(u) => {
          if (lane.rows) pgchaos.drawRows(u, lane.rows, () => lane.id !== "timeline" && pgchaos.drawFaults(u, o.faults, ["edges"]));
          if (o.marks) pgchaos.drawMarks(u, o.marks);
        }],
        setCursor: [(u) => o.moved(chart, u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
        setSelect: [(u) => {
          if (u.select.width <= 0) return;
          const from = u.posToVal(u.select.left, "x");
          const to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
          o.zoom(from, to);
        }],
      },
    };
  }

  // chart draws a lane into an element. What o holds: width, height, from, to, sync (the name of the charts with
  // one cursor), faults, marks, off (a set of the names of series that are switched off), and what is called: moved(chart, time or
  // null), zoom(from, to), reset().
  pgchaos.chart = function (host, lane, o) {
    o.off = o.off || new Set();
    const chart = {lane: lane, times: lane.times || [], host: host};
    if (lane.series) lane.colours = colours(lane);
    chart.reach = pgchaos.reach(chart.times, 0);
    // Without lines there is only the frame: bands are drawn by hand.
    chart.bare = Boolean(lane.rows) || chart.times.length === 0 || lane.series.length === 0;
    const data = chart.bare
      ? [[o.from, o.to], [null, null]]
      : [chart.times].concat(lane.series.map((s) => s.values));
    const below = readout(chart, o.off);
    chart.u = new uPlot(options(chart, o), data, host);
    host.appendChild(below);
    chart.u.over.addEventListener("dblclick", () => o.reset());
    return chart;
  };
})();
