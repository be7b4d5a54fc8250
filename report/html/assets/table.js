"use strict";
// The table behind every lane: built when it is opened, for the window that is shown, page by page.
(function () {
  const rowsOfPage = 200;

  function row(name, texts) {
    return pgchaos.element("tr", {}, texts.map((text, i) => {
      const head = name === "th" || i === 0;
      const cell = pgchaos.element(head ? "th" : "td", {text: text});
      if (head) cell.setAttribute("scope", name === "th" ? "col" : "row");
      return cell;
    }));
  }

  // lines are the samples of a lane within the window.
  function lines(lane, from, to) {
    const found = [];
    (lane.times || []).forEach((time, i) => {
      if (time >= from && time <= to) found.push(i);
    });
    return {
      head: ["Time"].concat(lane.series.map((s) => pgchaos.short(s.name))),
      count: found.length,
      texts: (k) => [pgchaos.time(lane.times[found[k]])].concat(lane.series.map((s) => pgchaos.value(s.values[found[k]], lane.unit))),
    };
  }

  // spans are the bands of a lane that the window touches.
  function spans(lane, from, to) {
    const found = [];
    for (const r of lane.rows) {
      for (const s of r.spans) if (s.to >= from && s.from <= to) found.push([r.name, s]);
    }
    return {
      head: ["Name", "From", "To", "State"],
      count: found.length,
      texts: (k) => [pgchaos.short(found[k][0]), pgchaos.time(found[k][1].from), pgchaos.time(found[k][1].to), pgchaos.short(found[k][1].label)],
    };
  }

  function button(text, enabled, act) {
    const made = pgchaos.element("button", {type: "button", text: text});
    made.disabled = !enabled;
    made.addEventListener("click", act);
    return made;
  }

  function fill(box, lane, view, page) {
    const content = lane.rows ? spans(lane, view.from, view.to) : lines(lane, view.from, view.to);
    const first = page * rowsOfPage;
    const end = Math.min(content.count, first + rowsOfPage);
    const body = pgchaos.element("tbody");
    for (let k = first; k < end; k++) body.appendChild(row("td", content.texts(k)));
    const caption = content.count === 0
      ? "No samples"
      : "Rows " + (first + 1) + " to " + end + " of " + content.count;
    const table = pgchaos.element("table", {}, [
      pgchaos.element("caption", {text: lane.title + ", " + pgchaos.time(view.from) + " to " + pgchaos.time(view.to) + ". " + caption + "."}),
      pgchaos.element("thead", {}, [row("th", content.head)]),
      body,
    ]);
    box.textContent = "";
    box.appendChild(pgchaos.element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of " + lane.title}, [table]));
    if (content.count <= rowsOfPage) return;
    const turn = (to) => () => {
      fill(box, lane, view, to);
      const buttons = box.querySelectorAll("button");
      (buttons[to > page ? 1 : 0].disabled ? buttons[to > page ? 0 : 1] : buttons[to > page ? 1 : 0]).focus();
    };
    box.appendChild(pgchaos.element("p", {class: "pages"}, [
      button("Earlier rows", page > 0, turn(page - 1)),
      button("Later rows", end < content.count, turn(page + 1)),
    ]));
  }

  // table makes the details of a lane fill themselves. It returns what is to be called when the window changes.
  pgchaos.table = function (details, lane, shown) {
    const box = pgchaos.element("div", {class: "samples"});
    let filled = "";
    const update = () => {
      const view = shown();
      const wanted = view.from + " " + view.to;
      if (!details.open || filled === wanted) return;
      filled = wanted;
      fill(box, lane, view, 0);
    };
    details.appendChild(box);
    details.addEventListener("toggle", update);
    return update;
  };
})();
