"use strict";
// How figures and times are written: as in the report for a terminal.
var pgchaos = {};

(function () {
  // significant writes a number with at most so many digits, without zeros at its end and with commas.
  function significant(number, digits) {
    const text = String(Number(number.toPrecision(digits)));
    if (text.indexOf("e") >= 0) return text;
    const parts = text.split(".");
    parts[0] = parts[0].replace(/\B(?=(\d{3})+$)/g, ",");
    return parts.join(".");
  }

  // scaled writes a number with the greatest of the units that leaves it at 1 or more. digits writes the number itself.
  function scaled(number, digits, units) {
    let chosen = units[units.length - 1];
    for (const unit of units) {
      if (Math.abs(number) >= unit[0]) {
        chosen = unit;
        break;
      }
    }
    return digits(number / chosen[0]) + " " + chosen[1];
  }

  // How many digits a figure has: in a table, at the cursor (as many as can be read at a glance, and all of a whole number), on an axis.
  const exact = (number) => significant(number, 6);
  const readable = (number) => (Math.abs(number) < 100 ? significant(number, 3) : significant(Math.round(number), 15));
  const short = (number) => significant(number, 3);

  const times = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]];
  // As in postgresql.conf, a unit is 1024 of the one before.
  const sizes = [[1 << 30, "GB"], [1 << 20, "MB"], [1 << 10, "kB"], [1, "B"]];

  function write(number, unit, digits) {
    if (number === 0 && (unit === "s" || unit === "B")) return "0 " + unit;
    switch (unit) {
      case "s":
        return scaled(number, digits, times);
      case "B":
        return scaled(number, digits, sizes);
      case "":
        return digits(number);
      case "/s":
        return digits(number) + "/s";
      default:
        return digits(number) + " " + unit;
    }
  }

  // value is a figure with its unit, as exactly as a table has it. What is null was not measured.
  pgchaos.value = function (number, unit) {
    return number === null || number === undefined ? "not known" : write(number, unit, exact);
  };

  // figure is the same, to be read at a glance.
  pgchaos.figure = function (number, unit) {
    return number === null || number === undefined ? "not known" : write(number, unit, readable);
  };

  // tick is a figure for an axis, where little space is.
  pgchaos.tick = function (number, unit) {
    return number === null ? "" : write(number, unit, short);
  };

  // time is a moment on the run's clock.
  pgchaos.time = function (seconds) {
    return Number(seconds.toFixed(3)).toLocaleString("en-US", {maximumFractionDigits: 3}) + " s";
  };

  // nearest is the index of the time that is nearest, or -1. The times ascend.
  pgchaos.nearest = function (sorted, time) {
    let low = 0;
    let high = sorted.length - 1;
    if (high < 0) return -1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low > 0 && time - sorted[low - 1] <= sorted[low] - time ? low - 1 : low;
  };

  // reach is somewhat more than the usual distance of two samples; of less than two it is what is given.
  pgchaos.reach = function (sorted, otherwise) {
    const distances = [];
    const step = Math.max(1, Math.floor(sorted.length / 2000));
    for (let i = step; i < sorted.length; i += step) distances.push(sorted[i] - sorted[i - 1]);
    if (distances.length === 0) return otherwise;
    distances.sort((a, b) => a - b);
    return 1.5 * distances[Math.floor(distances.length * 0.95)];
  };

  // element makes an element of the page. All texts go in as text, so that nothing in them is read as HTML.
  pgchaos.element = function (name, properties, children) {
    const made = document.createElement(name);
    for (const key of Object.keys(properties || {})) {
      if (key === "text") made.textContent = properties[key];
      else made.setAttribute(key, properties[key]);
    }
    for (const child of children || []) made.appendChild(child);
    return made;
  };
})();
