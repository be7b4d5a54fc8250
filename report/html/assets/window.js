"use strict";
// A window of time that several charts share, with one cursor in all of them. The mouse and the keyboard move both.
(function () {
  // window makes one. o holds from and to, the widest window, and may hold what is called: changed(whole, choice) after the window has
  // changed, and moved() after the window or the cursor has.
  pgchaos.window = function (o) {
    const view = {from: o.from, to: o.to};
    const cursor = {time: null, placing: false};
    const shared = {charts: [], grid: [], view: view, cursor: cursor}; // grid: the times of a chart that has none
    const noted = () => o.moved && o.moved();
    const timesOf = (chart) => (chart.times.length > 0 ? chart.times : shared.grid);

    // moved is called by a chart for each place of the cursor.
    shared.moved = function (chart, time) {
      if (!cursor.placing) cursor.time = time;
      pgchaos.show(chart, time === null ? null : cursor.placing ? cursor.time : time);
      if (chart === shared.charts[0]) noted();
    };

    // place puts the cursor of all charts at a time.
    function place(time) {
      const first = shared.charts[0];
      if (!first) return;
      cursor.time = time;
      cursor.placing = true;
      first.u.setCursor({left: time === null ? -10 : Math.max(0, first.u.valToPos(time, "x")), top: time === null ? -10 : 1}, true, true);
      cursor.placing = false;
      describe();
    }

    // zoom shows the same window in all charts.
    shared.zoom = function (from, to, choice) {
      const widest = o.to - o.from;
      const least = Math.min(0.5, widest);
      const middle = (from + to) / 2;
      if (to - from < least) {
        from = middle - least / 2;
        to = middle + least / 2;
      }
      const length = Math.min(to - from, widest);
      view.from = Math.min(Math.max(o.from, from), o.to - length);
      view.to = view.from + length;
      for (const chart of shared.charts) chart.u.setScale("x", {min: view.from, max: view.to});
      const outside = cursor.time !== null && (cursor.time < view.from || cursor.time > view.to);
      const at = outside ? null : cursor.time;
      // The charts take the new scale in a microtask that is queued already. It leaves the cursor at its pixel, not at its time.
      Promise.resolve().then(() => place(at));
      if (o.changed) o.changed(view.from === o.from && view.to === o.to, choice);
      noted();
    };

    shared.reset = function () {
      cursor.time = null;
      shared.zoom(o.from, o.to);
    };

    shared.zoomBy = function (factor) {
      const middle = cursor.time === null ? (view.from + view.to) / 2 : cursor.time;
      const share = (middle - view.from) / (view.to - view.from);
      const length = (view.to - view.from) * factor;
      shared.zoom(middle - share * length, middle + (1 - share) * length);
    };

    // describe gives the focused chart's figures to a screen reader.
    function describe() {
      for (const chart of shared.charts) {
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
      const times = timesOf(chart);
      if (times.length === 0) return;
      const now = cursor.time === null ? (count > 0 ? view.from : view.to) : cursor.time;
      let i = pgchaos.nearest(times, now);
      if (cursor.time !== null) i += count;
      shared.show(times[Math.min(Math.max(0, i), times.length - 1)]);
    }

    // show puts the cursor at a time, also at one that is outside the window.
    shared.show = function (time) {
      const length = view.to - view.from;
      time = Math.min(Math.max(o.from, time), o.to);
      cursor.time = time;
      if (time < view.from) shared.zoom(time, time + length);
      else if (time > view.to) shared.zoom(time - length, time);
      else place(time);
    };

    function pressed(chart, event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const times = timesOf(chart);
      const tenth = Math.max(1, Math.round((pgchaos.nearest(times, view.to) - pgchaos.nearest(times, view.from)) / 10));
      const keys = {
        ArrowRight: () => step(chart, event.shiftKey ? 10 : 1),
        ArrowLeft: () => step(chart, event.shiftKey ? -10 : -1),
        ArrowUp: () => step(chart, 1),
        ArrowDown: () => step(chart, -1),
        PageUp: () => step(chart, tenth),
        PageDown: () => step(chart, -tenth),
        Home: () => place(view.from),
        End: () => place(view.to),
        "+": () => shared.zoomBy(0.5),
        "=": () => shared.zoomBy(0.5),
        "-": () => shared.zoomBy(2),
        Escape: shared.reset,
      };
      const act = Object.prototype.hasOwnProperty.call(keys, event.key) ? keys[event.key] : null;
      if (!act) return;
      event.preventDefault();
      act();
    }

    // add makes a drawn chart one of those that share the window. The element is what it is with a keyboard: something that is moved
    // along the time.
    shared.add = function (chart, element) {
      shared.charts.push(chart);
      if (!element) return;
      chart.slider = element;
      element.setAttribute("role", "slider");
      element.setAttribute("aria-orientation", "horizontal");
      element.setAttribute("tabindex", "0");
      element.setAttribute("aria-describedby", "charts-keys");
      element.addEventListener("keydown", (event) => pressed(chart, event));
      element.addEventListener("focus", describe);
    };

    return shared;
  };
})();
