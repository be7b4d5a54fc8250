"use strict";
// A close-up of each fault: the lanes that show an outage, some seconds around it, with the stages of the recovery.
(function () {
  // lanes are those of a close-up. Older results have the greatest response times of each second alone.
  function lanes(run) {
    const response = run.lanes.some((l) => l.close_up) ? "slowest" : "response";
    return run.lanes.filter((l) => ["throughput", response, "errors"].indexOf(l.id) >= 0);
  }

  // around is the window of a fault: it ends when the last stage of the recovery has passed.
  function around(fault, duration) {
    const stages = fault.stages || [];
    const end = stages.reduce((latest, s) => Math.max(latest, s.at), Math.max(fault.from, fault.to));
    const margin = Math.max(2, 0.25 * (end - fault.from));
    return {from: Math.max(0, fault.from - margin), to: Math.min(Math.max(duration, end), end + margin)};
  }

  function stages(fault) {
    return pgchaos.element("ol", {class: "stages"}, (fault.stages || []).map((s, i) =>
      pgchaos.element("li", {}, [
        pgchaos.element("b", {text: pgchaos.letter(i)}),
        document.createTextNode(" " + pgchaos.time(s.at) + " (" + pgchaos.time(s.at - fault.from) + " after the fault): " + pgchaos.short(s.label)),
      ])));
  }

  // closeup draws the close-up of one fault into its section, in a window of its own, and returns the charts.
  pgchaos.closeup = function (section, run, draw) {
    const index = Number(section.dataset.fault);
    const fault = run.faults[index];
    if (!fault) return [];
    const within = pgchaos.window(around(fault, run.duration));
    const pictures = section.querySelectorAll(".chart");
    // Beside the static picture, and not in it: the buttons of the series are no part of a picture.
    const host = pgchaos.element("div", {class: "drawing"});
    if (pictures.length > 0) pictures[pictures.length - 1].insertAdjacentElement("afterend", host);
    else section.appendChild(host);
    try {
      for (const lane of lanes(run)) {
        const label = lane.title + (lane.unit ? " (" + lane.unit + ")" : "");
        const box = pgchaos.element("div", {class: "chart drawn", "aria-label": pgchaos.short(label) + ", around " + pgchaos.short(fault.label)});
        host.appendChild(pgchaos.element("p", {class: "title", text: label}));
        host.appendChild(box);
        const chart = draw(box, lane, within, {sync: "closeup-" + index, height: 140, marks: fault.stages || []});
        box.insertAdjacentElement("afterend", chart.below);
        within.add(chart, box);
      }
      within.reset();
      if (within.charts.length > 0) pictures.forEach((picture) => {
        picture.classList.add("drawn");
        picture.removeAttribute("tabindex"); // nothing is left in it to look at
      });
      if (!section.querySelector(".stages") && (fault.stages || []).length > 0) host.appendChild(stages(fault));
      return within.charts;
    } catch (error) {
      host.remove();
      throw error;
    }
  };
})();
