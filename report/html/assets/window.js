"use strict";
// A window of time that several charts share, with one cursor in all of them. The mouse and the keyboard move both.
(function () {
  // set sets an attribute that is not so already: a screen reader may read each change.
  const set = (element, name, value) => element.getAttribute(name) !== value && element.setAttribute(name, value);

  // window makes one. o holds from and to, the widest window, and may hold what is called: changed(whole, choice) after the window has
  // changed, moved() after the window or the cursor has, resting(chart) for the time of the figures where there is no cursor, middle()
  // for what stays where it is when the keyboard zooms without a cursor, and home() for what shows the window of the beginning again.
  pgchaos.window = function (o) {
    const view = {from: o.from, to: o.to};
    const cursor = {time: null, placing: false, put: false}; // put: it stays at its time; else the mouse has it
    const resting = o.resting || (() => null);
    const shared = {charts: [], grid: [], view: view, cursor: cursor}; // grid: the times of a chart that has none
    const sliders = new WeakSet(); // the elements that listen to the keyboard
    const noted = () => o.moved && o.moved();
    const timesOf = (chart) => (chart.times.length > 0 ? chart.times : shared.grid);

    // moved is called by a chart for each place of the cursor.
    shared.moved = function (chart, time) {
      if (!cursor.placing) {
        cursor.time = time;
        cursor.put = false;
      }
      pgchaos.show(chart, time === null ? resting(chart) : cursor.placing ? cursor.time : time);
      if (chart === shared.charts[0]) noted();
    };

    // place puts the cursor of all charts at a time.
    function place(time) {
      const first = shared.charts[0];
      if (!first) return;
      cursor.time = time;
      cursor.put = time !== null;
      cursor.placing = true;
      first.u.setCursor({left: time === null ? -10 : Math.max(0, first.u.valToPos(time, "x")), top: time === null ? -10 : 1}, true, true);
      cursor.placing = false;
      describe(false);
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
      scale();
      placeAgain();
      if (o.changed) o.changed(view.from === o.from && view.to === o.to, choice);
      noted();
    };

    const scale = () => shared.charts.forEach((chart) => chart.u.setScale("x", {min: view.from, max: view.to}));

    // placeAgain puts the cursor at its time in a new window, unless it is outside. The charts take a new scale in a microtask that is
    // queued already. It leaves the cursor at its pixel, not at its time.
    function placeAgain() {
      const outside = cursor.time !== null && (cursor.time < view.from || cursor.time > view.to);
      const at = outside ? null : cursor.time;
      Promise.resolve().then(() => place(at));
    }

    // slide goes on to another window, whose widest ends at a time, because time goes on, and nobody asked for it.
    shared.slide = function (from, to, widest) {
      Object.assign(view, {from: from, to: to});
      o.to = widest;
      scale();
      if (cursor.put) placeAgain();
      else describe(true);
    };

    shared.reset = function () {
      cursor.time = null;
      if (o.home) o.home();
      else shared.zoom(o.from, o.to);
    };

    shared.zoomBy = function (factor) {
      const middle = cursor.time !== null ? cursor.time : o.middle ? o.middle() : (view.from + view.to) / 2;
      const share = (middle - view.from) / (view.to - view.from);
      const length = (view.to - view.from) * factor;
      shared.zoom(middle - share * length, middle + (1 - share) * length);
    };

    // describe gives the focused chart's figures to a screen reader. It keeps quiet of that chart while only time goes on.
    function describe(quietly) {
      for (const chart of shared.charts) {
        const slider = chart.slider;
        const focused = slider === document.activeElement;
        if (!slider || (quietly && focused)) continue;
        const rest = resting(chart);
        const time = cursor.time !== null ? cursor.time : rest === null ? view.from : rest;
        set(slider, "aria-valuemin", String(view.from));
        set(slider, "aria-valuemax", String(view.to));
        set(slider, "aria-valuenow", String(time));
        if (cursor.time !== null && !focused) {
          set(slider, "aria-valuetext", pgchaos.time(time));
          continue;
        }
        const found = cursor.time === null && rest === null ? null : pgchaos.figures(chart, time);
        const text = found ? found.all.slice(0, 12).map((f) => pgchaos.short(f.name) + " " + pgchaos.short(f.text)).join(", ") : "no cursor";
        set(slider, "aria-valuetext", pgchaos.time(found ? found.at : time) + ": " + text);
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
    // along the time. Another chart may take its place in the element later.
    shared.add = function (chart, element) {
      shared.charts.push(chart);
      if (!element) return;
      chart.slider = element;
      if (sliders.has(element)) return;
      sliders.add(element);
      element.setAttribute("role", "slider");
      element.setAttribute("aria-orientation", "horizontal");
      element.setAttribute("tabindex", "0");
      element.setAttribute("aria-describedby", "charts-keys");
      element.addEventListener("keydown", (event) => {
        const now = shared.charts.find((c) => c.slider === element);
        if (now) pressed(now, event);
      });
      element.addEventListener("focus", () => describe(false));
    };

    return shared;
  };
})();
