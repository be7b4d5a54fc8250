"use strict";
// What happened by time, as far as it has been sent, and the lanes of the report made of it.
(function () {
  const most = 8000; // points of one workload or node

  // Averages are weighed by time where two points become one. Of all else the greatest counts: a mean would hide a short stall.
  const averages = ["throughput", "errors", "dropped"];

  // rate is how many errors of a kind a point has.
  const rate = (point, kind) => (point.kinds && Object.prototype.hasOwnProperty.call(point.kinds, kind) ? point.kinds[kind] : 0);

  function merge(a, b) {
    const made = {from: a.from, to: b.to};
    const share = (b.to - b.from) / (b.to - b.from + a.to - a.from);
    const kinds = new Set([...Object.keys(a.kinds || {}), ...Object.keys(b.kinds || {})]);
    if (kinds.size > 0) made.kinds = Object.fromEntries([...kinds].map((kind) => [kind, rate(a, kind) * (1 - share) + rate(b, kind) * share]));
    for (const key of Object.keys(a)) {
      if (key === "from" || key === "to" || key === "kinds") continue;
      if (averages.indexOf(key) >= 0) made[key] = a[key] * (1 - share) + b[key] * share;
      else if (a[key] === null || b[key] === null) made[key] = a[key] === null ? b[key] : a[key];
      else made[key] = Math.max(a[key], b[key]);
    }
    return made;
  }

  // thinned makes one point of each two of the older half. The whole run stays in the picture, however long it lasts.
  function thinned(points) {
    const half = points.length >> 1;
    const older = [];
    for (let i = 0; i < half; i += 2) older.push(i + 1 < half ? merge(points[i], points[i + 1]) : points[i]);
    return older.concat(points.slice(half));
  }

  // points are those of some workloads or nodes, by name.
  pgchaos.points = function () {
    const byName = new Map();
    return {
      clear: () => byName.clear(),
      add: (more) => {
        for (const [name, list] of Object.entries(more || {})) {
          let all = (byName.get(name) || []).concat(list);
          while (all.length > most) all = thinned(all);
          byName.set(name, all);
        }
      },
      of: (name) => byName.get(name) || [],
    };
  };

  const workloads = {
    throughput: () => [["", (p) => p.throughput]],
    response: () => [[" p50", (p) => p.p50], [" p99", (p) => p.p99]],
    errors: failures,
  };

  // As in the report's lane of errors: so many kinds have a line of their own, and all others have one together.
  const mostKinds = 6;
  const otherKinds = "other kinds";

  // failures are the lines of a workload's errors by their kind, and of what was not sent. The kinds stand in the order in which they
  // came: a line must not change its place, and so its dashes, whenever another kind becomes more frequent.
  function failures(w, points) {
    const counts = new Map();
    let unknown = false; // there are errors without a kind
    for (const p of points) {
      let left = p.errors;
      for (const [kind, errors] of Object.entries(p.kinds || {})) {
        counts.set(kind, (counts.get(kind) || 0) + errors * (p.to - p.from));
        left -= errors;
      }
      if (left > 0.001) unknown = true;
    }
    const named = [...counts.keys()].filter((kind) => kind !== otherKinds);
    const frequent = new Set([...named].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1)).slice(0, mostKinds));
    const sum = (p, which) => Object.entries(p.kinds || {}).reduce((all, [kind, errors]) => (which(kind) ? all + errors : all), 0);
    const lines = named.filter((kind) => frequent.has(kind)).map((kind) => [" " + kind, (p) => rate(p, kind)]);
    if (counts.size > frequent.size) lines.push([" " + otherKinds, (p) => sum(p, (kind) => !frequent.has(kind))]);
    if (unknown || lines.length === 0) lines.push([" errors", (p) => p.errors - sum(p, () => true)]);
    if (w.dropped !== "0") lines.push([" dropped", (p) => p.dropped]);
    return lines;
  }

  // linesOf are the lines of a lane: the report draws a workload's second at its beginning, and a reading of a node when it was taken.
  function linesOf(lane, state, points) {
    if (lane.of === "nodes") {
      return (state.nodes || []).map((n) => ({name: n.name, group: n.name, points: points.nodes.of(n.name), at: (p) => p.to, value: (p) => p[lane.id]}));
    }
    const lines = [];
    for (const w of state.workloads || []) {
      const all = points.workloads.of(w.name);
      for (const [more, value] of workloads[lane.id](w, all)) {
        lines.push({name: w.name + more, group: w.name, points: all, at: (p) => p.from, value: value});
      }
    }
    return lines;
  }

  // fill puts what is known of a stretch of time into a lane.
  pgchaos.fill = function (lane, state, points, from, to) {
    if (lane.bands) {
      lane.rows = (state[lane.bands] || []).filter((row) => row.spans.length > 0);
      lane.times = [];
      return;
    }
    const lines = linesOf(lane, state, points).filter((line) => line.points.some((p) => line.value(p) !== null));
    const places = new Map();
    // A line begins at the edge of the picture: the points before it belong to it.
    const near = lines.map((line) => line.points.filter((p) => p.to >= from - 2 && p.from <= to));
    near.forEach((list, i) => list.forEach((p) => places.set(lines[i].at(p), 0)));
    lane.times = [...places.keys()].sort((a, b) => a - b);
    lane.times.forEach((time, i) => places.set(time, i));
    lane.series = lines.map((line, i) => {
      const values = new Array(lane.times.length).fill(null);
      for (const p of near[i]) values[places.get(line.at(p))] = line.value(p);
      return {name: line.name, group: line.group, values: values};
    });
  };
})();
