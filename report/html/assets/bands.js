"use strict";
// What is drawn on the canvas beside lines: faults, phases, and the states of nodes.
(function () {
  const theme = {};

  // dashes tell the lines of a lane apart where colours cannot.
  pgchaos.dashes = [[], [7, 3], [2, 2.5], [9, 3, 2, 3], [4, 2], [12, 4], [1, 3], [6, 2, 1, 2, 1, 2]]; // as in the static pictures

  // readTheme reads the colours of style.css, which differ between a light and a dark page.
  pgchaos.readTheme = function () {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue("--" + name).trim();
    theme.series = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => read("series-" + i));
    for (const name of ["text", "quiet", "paper", "grid", "fault", "fault-edge", "stage", "band-good", "band-fair", "band-bad", "phase"]) {
      theme[name] = read(name);
    }
    return theme;
  };
  pgchaos.theme = theme;

  const font = "system-ui, sans-serif";

  function ratio(u) {
    return u.ctx.canvas.width / u.width;
  }

  function begin(u) {
    const b = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(b.left, b.top, b.width, b.height);
    u.ctx.clip();
    u.ctx.font = Math.round(11 * ratio(u)) + "px " + font;
    u.ctx.textAlign = "left";
    u.ctx.direction = "ltr";
  }

  // short keeps a name that somebody else chose from filling the page.
  function short(text) {
    return text.length > 60 ? text.slice(0, 59) + "…" : text;
  }
  pgchaos.short = short;

  function fits(ctx, text, width) {
    return ctx.measureText(text).width <= width;
  }

  // fitted is the longest beginning of a text that fits.
  pgchaos.fitted = function (ctx, text, width) {
    text = short(text);
    if (fits(ctx, text, width)) return text;
    while (text.length > 1 && !fits(ctx, text + "…", width)) text = text.slice(0, -1);
    return text + "…";
  };

  function line(ctx, x, top, bottom, dash) {
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, bottom);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  // nameOf finds a place for the name of a fault, or else for its number, that no edge of a band crosses: inside its own band, or beside
  // a band that is too narrow. edges are those of all faults. null: there is no such place; the timeline above the lanes has the name.
  function nameOf(ctx, place, edges, b, r) {
    const next = (x) => Math.min(...edges.filter((edge) => edge > x + 0.5), b.left + b.width);
    const inside = Math.max(place.left, b.left);
    for (const from of [inside, Math.max(place.right, b.left)]) {
      const text = [place.name, place.number].find((t) => fits(ctx, t, next(from) - from - 5 * r));
      if (text) return {text: text, left: from + 3 * r};
      if (place.right - place.left > 20 * r) return null; // a number beside a wide band would look like that of the next one
    }
    return null;
  }

  // drawFaults draws the wanted parts of each fault: a band over the whole height ("fill"), its "edges", and "names": its number and,
  // where it fits, its name.
  pgchaos.drawFaults = function (u, faults, parts) {
    const wants = (part) => parts.indexOf(part) >= 0;
    const ctx = u.ctx;
    const b = u.bbox;
    const r = ratio(u);
    begin(u);
    const places = faults.map((fault, i) => ({
      number: String(i + 1),
      name: (i + 1) + " " + short(fault.label),
      left: u.valToPos(fault.from, "x", true),
      right: u.valToPos(Math.max(fault.from, fault.to), "x", true),
    }));
    ctx.strokeStyle = theme["fault-edge"];
    ctx.lineWidth = r;
    for (const place of places) {
      ctx.fillStyle = theme.fault;
      if (wants("fill")) ctx.fillRect(place.left, b.top, place.right - place.left, b.height);
      if (!wants("edges")) continue;
      line(ctx, place.left, b.top, b.top + b.height, [4 * r, 2 * r]);
      if (place.right - place.left > 2 * r) line(ctx, place.right, b.top, b.top + b.height, [4 * r, 2 * r]);
    }
    ctx.fillStyle = theme.text;
    ctx.textBaseline = "top";
    const edges = places.flatMap((place) => [place.left, place.right]);
    if (wants("names")) for (const place of places) {
      if (place.right < b.left || place.left > b.left + b.width) continue;
      const found = nameOf(ctx, place, edges, b, r);
      if (found) ctx.fillText(found.text, found.left, b.top + 2 * r);
    }
    ctx.restore();
  };

  // halo writes a text that can be read over lines.
  function halo(ctx, text, x, y, width) {
    ctx.save();
    ctx.setLineDash([]);
    ctx.strokeStyle = theme.paper;
    ctx.lineWidth = width;
    ctx.strokeText(text, x, y);
    ctx.restore();
    ctx.fillText(text, x, y);
  }

  // marks draws the stages of a recovery, each with its letter.
  pgchaos.drawMarks = function (u, marks) {
    const ctx = u.ctx;
    const b = u.bbox;
    const r = ratio(u);
    begin(u);
    ctx.strokeStyle = theme.stage;
    ctx.fillStyle = theme.stage;
    ctx.lineWidth = 1.5 * r;
    ctx.textBaseline = "bottom";
    let free = b.left;
    marks.forEach((mark, i) => {
      const x = u.valToPos(mark.at, "x", true);
      line(ctx, x, b.top, b.top + b.height, [2 * r, 2 * r]);
      const at = Math.max(x + 2 * r, free);
      halo(ctx, pgchaos.letter(i), at, b.top + b.height - 2 * r, 3 * r);
      free = at + 10 * r;
    });
    ctx.restore();
  };

  pgchaos.letter = (i) => (i < 26 ? String.fromCharCode(97 + i) : String(i + 1));

  // How a span looks: its colour, and a pattern, so that it does not depend on the colour alone.
  const looks = Object.assign(Object.create(null), {
    primary: ["band-good", ""],
    sync: ["band-good", ""],
    quorum: ["band-good", "dots"],
    standby: ["band-fair", ""],
    potential: ["band-fair", "dots"],
    async: ["band-fair", "lines"],
    down: ["band-bad", "lines"],
    fault: ["fault-edge", ""],
    phase: ["phase", ""],
  });

  function pattern(ctx, kind, x, y, width, height, r) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, width, height);
    ctx.clip();
    ctx.strokeStyle = ctx.fillStyle = theme.paper;
    ctx.lineWidth = r;
    const step = 6 * r;
    ctx.beginPath();
    if (kind === "lines") {
      for (let at = x - height - (x % step); at < x + width; at += step) {
        ctx.moveTo(at, y + height);
        ctx.lineTo(at + height, y);
      }
      ctx.stroke();
    } else {
      for (let at = x - (x % step); at < x + width; at += step) {
        ctx.rect(at, y + 2 * r, 1.5 * r, 1.5 * r);
        ctx.rect(at, y + height - 4 * r, 1.5 * r, 1.5 * r);
      }
      ctx.fill();
    }
    ctx.restore();
  }

  // drawSpan draws a span as a band, or its label.
  function drawSpan(u, span, next, y, height, part) {
    const ctx = u.ctx;
    const r = ratio(u);
    const end = u.bbox.left + u.bbox.width;
    const left = Math.max(u.valToPos(span.from, "x", true), u.bbox.left);
    const right = Math.min(u.valToPos(span.to, "x", true), end);
    if (right < u.bbox.left || left > end) return;
    const width = Math.max(right - left, 2 * r);
    const look = looks[span.class];
    if (part === "band") {
      ctx.lineWidth = r;
      if (look) {
        ctx.fillStyle = theme[look[0]];
        ctx.fillRect(left, y, width, height);
        if (look[1]) pattern(ctx, look[1], left, y, width, height, r);
      }
      // What is not known has an edge only.
      ctx.strokeStyle = look ? theme.paper : theme.quiet;
      ctx.setLineDash(look ? [] : [2 * r, 2 * r]);
      ctx.strokeRect(left, y, width, height);
      ctx.setLineDash([]);
      return;
    }
    const limit = next ? Math.min(u.valToPos(next.from, "x", true), end) : end;
    let text = short(span.label);
    let x = left + 3 * r;
    let inside = true;
    if (!fits(ctx, text, width - 6 * r)) {
      if (span.class !== "fault") return;
      // The name of a fault may stand beside it; else its number has to do.
      inside = !fits(ctx, text, limit - right - 6 * r);
      if (inside) text = text.split(" ")[0];
      else x = right + 3 * r;
      if (inside && !fits(ctx, text, width - 4 * r)) return;
    }
    // A pattern, or the edge of a fault, must not cross the text.
    if (inside && (!look || look[0] !== "fault-edge")) {
      ctx.fillStyle = look && !look[1] ? theme[look[0]] : theme.paper;
      ctx.fillRect(x - r, y + 2 * r, ctx.measureText(text).width + 2 * r, height - 4 * r);
    }
    ctx.fillStyle = theme.text;
    if (look && look[0] === "fault-edge" && inside) ctx.fillStyle = theme.paper;
    ctx.fillText(text, x, y + height / 2 + r);
  }

  // drawRows draws one band a row: the states of nodes, the phases, the faults. between is called when only their labels are left to draw.
  pgchaos.drawRows = function (u, rows, between) {
    const b = u.bbox;
    const r = ratio(u);
    const height = b.height / rows.length;
    for (const part of ["band", "label"]) {
      begin(u);
      u.ctx.textBaseline = "middle";
      rows.forEach((row, i) => {
        row.spans.forEach((span, k) => drawSpan(u, span, row.spans[k + 1], b.top + i * height + 2 * r, height - 4 * r, part));
      });
      u.ctx.restore();
      if (part === "band") between();
    }
  };

  // timeline is a lane of the phases and the faults. Faults at the same time have rows of their own.
  pgchaos.timeline = function (run) {
    const rows = [];
    if (run.phases && run.phases.length > 0) {
      rows.push({name: "phases", spans: run.phases.map((p) => ({from: p.from, to: p.to, label: p.label, class: "phase"}))});
    }
    const faults = [];
    (run.faults || []).forEach((fault, i) => {
      const span = {from: fault.from, to: Math.max(fault.from, fault.to), label: (i + 1) + " " + fault.label, class: "fault"};
      let row = faults.find((r) => r.spans[r.spans.length - 1].to <= span.from);
      if (!row && faults.length === 4) row = faults[3];
      if (!row) faults.push((row = {name: faults.length === 0 ? "faults" : "", spans: []}));
      row.spans.push(span);
    });
    return {id: "timeline", title: "Phases and faults", unit: "", rows: rows.concat(faults)};
  };
})();
