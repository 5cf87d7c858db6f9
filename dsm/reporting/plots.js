// Every plot puts some of the dimensions on its axes or in its legend, and a drop-down fixes each other.

const NONE = "nothing";
const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7f00"]; // of Okabe and Ito
const CURVES = 12; // in one plot
const SINGLE = ["line-ew-open", "x-thin-open", "cross-thin-open", "asterisk-open"]; // values of theory without neighbours, by dash
const OTHERS = ["diamond", "square-open", "triangle-up", "x-thin-open"]; // points of others
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const redraw = []; // one function a plot

function element(kind, attributes = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "list") made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const brief = key => key.replace(/\.name$/, "").split(".").pop(); // of a part its kind, as in start = planted

// ---- controls ----

function choice(label, options, value, changed) {
  const select = element("select", { "aria-label": label });
  for (const [own, shown] of options) select.append(element("option", { value: own, selected: own === value }, shown));
  select.addEventListener("change", () => changed(select.value));
  return element("label", {}, label, select);
}

// The controls of a plot anew; the one that the reader is at stays the one.
function fill(place, controls) {
  const label = place.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  place.replaceChildren(...controls);
  if (label) [...place.querySelectorAll("select, input")].find(own => own.getAttribute("aria-label") === label)?.focus();
}

function check(label, value, changed) {
  const box = element("input", { type: "checkbox", checked: value, "aria-label": label });
  box.addEventListener("change", () => changed(box.checked));
  return element("label", { className: "check" }, box, label);
}

// Drop-downs for all axes of a quantity that are not drawn along; fills `at` with what they say. `latest` is the axis that
// the reader has set last: the others follow it to where there are runs.
function fixings(group, name, drawn, at, changed, latest) {
  const axes = group.axes(name).filter(axis => !drawn.includes(axis));
  for (const axis of Object.keys(at)) if (!axes.includes(axis)) delete at[axis];
  const options = Object.fromEntries(axes.map(axis => [axis, choices(group, name, axis, drawn)]));
  for (const axis of axes)
    if (!options[axis].includes(at[axis])) {
      const own = group.reference.settings[axis];
      at[axis] = axis === group.time || axis === "seed" ? options[axis][0] : options[axis].includes(own) ? own : preferred(axis, options[axis]);
    }
  follow(group, name, drawn, at, latest);
  return axes.map(axis => choice(group.title(axis), options[axis].map(value => [value, value]), at[axis], value => { at[axis] = value; changed(axis); }));
}

function choices(group, name, axis, drawn) {
  const runs = group.of(name, drawn), values = group.values(axis, runs);
  if (axis === "seed") return values.length > 1 ? [POOLED, ...values] : values;
  if (group.isSetting(axis)) return values.length > 1 ? [...values, ANY] : values;
  if (axis !== group.time) return values;
  return [...(runs.some(run => run.data.quantities[name].rest) ? [REST] : []), LAST, ...evenly(values, 40)];
}

// If no run is at all these values, go to the run that is at most of them, among those that are at the latest.
function follow(group, name, drawn, at, latest) {
  const has = (run, axis) => group.isSetting(axis) ? group.isAt(run, axis, at[axis])
    : at[axis] === REST ? Boolean(run.data.quantities[name].rest) : place(run, axis, at[axis]) >= 0;
  const runs = group.of(name, drawn).filter(run => latest === undefined || has(run, latest));
  const axes = Object.keys(at).filter(axis => runs.some(run => group.isSetting(axis) || run.data.coordinates[axis]));
  const score = run => axes.filter(axis => has(run, axis)).length;
  const best = runs.reduce((best, run) => best === null || score(run) > score(best) ? run : best, null);
  for (const axis of best === null ? [] : axes)
    if (!has(best, axis)) at[axis] = group.isSetting(axis) ? best.settings[axis] : axis === group.time ? LAST : preferred(axis, best.data.coordinates[axis].values.map(text));
}

// Of few choices the one that is looked at most.
function preferred(axis, options) {
  if (axis === "inputs" && options.includes("test")) return "test";
  return axis === "layer" || axis === "beta" ? options[options.length - 1] : options[0];
}

function shortened(words, most) {
  return words.length <= most ? words : `${words.slice(0, words.lastIndexOf(" ", most))} …`;
}

function named(group, names) {
  return names.map(name => [name, shortened(`${name}: ${group.quantities[name].name}`, 64)]);
}

// Quantities in the order in which they are looked at: first those with a figure of that kind, then those of the teacher.
// Of students from random starts, whose hidden units have signs and places of their own, those that do not see these.
function ordered(group, names, kind) {
  const isBlind = name => kind === "profile" && group.reference?.settings["sampler.start"] === "random" && /gauge_invariant|matched/.test(name);
  const rank = name => {
    const quantity = group.quantities[name];
    const first = kind === "curve" && /^test_(error|loss)$/.test(name) ? -8 : /^(R|teacher_best_correlation)$/.test(name) ? -5 : isBlind(name) ? -2 : 0;
    return first + (quantity.figures.split(" ").includes(kind) ? 0 : 4) + (["teacher", ""].includes(quantity.pair) ? 0 : 1);
  };
  return [...names].sort((a, b) => rank(a) - rank(b));
}

// Names of the legend that the reader has hidden stay hidden, whatever else is chosen. A double click shows one alone.
function legend(spot, draw) {
  const names = () => spot.plot.data.filter(trace => trace.showlegend !== false).map(trace => trace.name);
  const own = event => event.data[event.curveNumber].name;
  spot.plot.on("plotly_legendclick", event => {
    if (!spot.hidden.delete(own(event))) spot.hidden.add(own(event));
    draw();
    return false;
  });
  spot.plot.on("plotly_legenddoubleclick", event => {
    const others = names().filter(name => name !== own(event)), alone = others.every(name => spot.hidden.has(name)) && others.length;
    spot.hidden = new Set(alone ? [] : others);
    draw();
    return false;
  });
}

function card(id, title, about) {
  const controls = element("div", { className: "controls" });
  const plot = element("div", { className: "plot", id });
  plot.setAttribute("role", "img");
  const note = element("p", { className: "note" });
  document.getElementById("plots").append(
    element("section", { className: "card" }, element("h2", {}, title), element("p", { className: "note" }, about), controls, plot, note));
  return { controls, plot, note, hidden: new Set() };
}

// ---- drawing ----

function colour(index, number) {
  if (number <= PALETTE.length) return PALETTE[index];
  const at = index / (number - 1); // many: an ordered scale, readable on both grounds
  return `hsl(${230 - 190 * at}, 75%, ${dark.matches ? 62 : 42}%)`;
}

function layout(more) {
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--faint"), automargin: true };
  const titled = given => ({ ...axis, ...given, title: { standoff: 10, ...given?.title } });
  return {
    paper_bgcolor: css("--ground"), plot_bgcolor: css("--ground"), font: { color: css("--text"), size: 13 },
    margin: { l: 56, r: 12, t: 36, b: 48 }, hovermode: "closest",
    legend: narrow() ? { orientation: "h", yref: "container", y: 0, yanchor: "bottom" } : {}, ...more,
    xaxis: titled(more.xaxis), yaxis: titled(more.yaxis),
  };
}

const narrow = () => window.innerWidth < 800; // there the legend is below the plot

function paint(place, traces, more, said) {
  place.note.textContent = said.filter(Boolean).join(" ");
  place.plot.setAttribute("aria-label", `${traces.length} series. ${place.note.textContent}`);
  const named = traces.filter(trace => trace.showlegend !== false).length;
  place.plot.style.height = narrow() && more.showlegend ? `${400 + 20 * named}px` : ""; // the legend takes no room of the plot
  for (const trace of traces) {
    const isHidden = [trace.name, trace.key, trace.curve].some(name => place.hidden.has(name));
    trace.visible = !isHidden ? true : trace.showlegend !== false ? "legendonly" : false;
  }
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  return Plotly.react(place.plot, traces, layout(more), options);
}

const broken = (words, most) => {
  const lines = [""];
  for (const word of words.split(" ")) {
    if ((lines[lines.length - 1] + word).length > most) lines.push("");
    lines[lines.length - 1] += `${word} `;
  }
  return lines.map(line => line.trim()).join("<br>");
};

// Whole numbers within a short range have a tick each.
const isFew = values => values.every(Number.isInteger) && Math.max(...values) - Math.min(...values) < 20;

function uneven(values) {
  const steps = values.slice(1).map((value, i) => value - values[i]).filter(step => step > 0);
  return steps.length > 3 && Math.max(...steps) > 3 * Math.min(...steps);
}

function samples(runs) {
  const told = unique(runs.map(run => {
    const own = run.settings, replicas = own["sampler.replicas"] || own["training.replicas"];
    return `${own["data.samples"] || "?"} sample${own["data.samples"] === "1" ? "" : "s"}${replicas ? ` x ${replicas} replica${replicas === "1" ? "" : "s"}` : ""}`;
  }));
  const seeds = unique(runs.map(run => text(run.settings.seed))).sort(order), named = seeds.length > 6 ? `${seeds.length} seeds` : `seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}`;
  return `${told.length > 3 ? `${told.length} kinds of ensembles` : told.join("; ")}, ${named}`;
}

// A plot of quantities along an axis, one curve for each value of another.
function lines(group, id, title, about, kind, drawable) {
  const names = ordered(group, Object.keys(group.quantities).filter(name => drawable(name).length), kind);
  if (!names.length) return;
  const spot = card(id, title, about);
  const state = { name: names[0], x: null, series: null, at: {}, logx: null, logy: null };
  const render = latest => {
    const possible = drawable(state.name);
    if (!possible.includes(state.x)) { state.x = possible[0]; state.logx = null; }
    const others = group.axes(state.name).filter(axis => axis !== state.x);
    if (state.series !== NONE && !others.includes(state.series))
      state.series = others.find(axis => axis !== group.time && axis !== "seed") || NONE;
    const fixed = fixings(group, state.name, [state.x, state.series], state.at, render, latest);
    const set = key => value => { state[key] = value; if (key === "name") state.logy = null; render(); };
    draw();
    fill(spot.controls, [
      choice("quantity", named(group, names), state.name, set("name")),
      ...(possible.length > 1 ? [choice("along", possible.map(axis => [axis, group.title(axis)]), state.x, set("x"))] : []),
      ...(others.length ? [choice("one curve for each", [NONE, ...others].map(axis => [axis, axis === NONE ? NONE : group.title(axis)]), state.series, set("series"))] : []),
      ...fixed,
      ...(canBeLog() ? [check("logarithmic x", isLog(), value => { state.logx = value; render(); })] : []),
      check("logarithmic y", state.drawnLog, value => { state.logy = value; render(); }),
    ]);
  };
  const canBeLog = () => state.x !== "layer" && !group.isIndex(state.x) && group.values(state.x, group.of(state.name)).every(isNumber);
  const isLog = () => state.logx ?? (state.x === group.time && group.runs.some(run => uneven(run.data.coordinates[group.time].values)));
  const draw = () => {
    const all = state.series === NONE ? [null] : group.values(state.series, group.of(state.name)), values = evenly(all, CURVES);
    const traces = [], runs = new Set();
    let shown = 0, empty = 0, errors = false, theory = false;
    values.forEach((value, index) => {
      const at = value === null ? state.at : { ...state.at, [state.series]: value };
      const found = curve(group, state.name, state.x, at, value === null ? [] : [state.series]);
      if (!found) return;
      shown++;
      errors ||= (found.error || []).some(value => value !== null);
      theory ||= found.theory.length > 0;
      found.runs.forEach(run => runs.add(run));
      if (group.isSetting(state.x)) empty += group.values(state.x, group.of(state.name)).length - found.x.length;
      traces.push(...ofCurve(found, value === null ? "simulation" : `${brief(state.series)} = ${value}`, colour(index, values.length), state.x === group.time, values.length === 1, group.isIndex(state.x)));
    });
    const keys = new Set(traces.filter(trace => trace.key).map(trace => trace.key));
    if (values.length > 1) for (const key of [...keys].sort())
      traces.push({ x: [null], y: [null], mode: "lines", name: key, line: { color: "#888", dash: traces.find(trace => trace.key === key).line.dash } });
    const grey = page.points.filter(point => point.quantity === state.name && point.axis === state.x && belongs(group, point, state));
    for (const [number, label] of unique(grey.map(point => point.label)).entries()) {
      const own = grey.filter(point => point.label === label);
      traces.push({ x: own.map(p => p.x), y: own.map(p => p.y),
        error_y: own.some(p => p.error !== null) ? { type: "data", array: own.map(p => p.error ?? 0), color: "#888" } : undefined,
        mode: "markers", name: label, marker: { color: "#888", symbol: OTHERS[number % OTHERS.length] } });
    }
    const quantity = group.quantities[state.name];
    // One word among the values, such as inf, makes all of them words: a scale of numbers would have no place for it. Units
    // of a layer are words too.
    const places = group.values(state.x, group.of(state.name)).map(position), words = group.isIndex(state.x) || places.some(value => typeof value === "string"), log = isLog() && !words;
    const scale = words ? { type: "category", categoryorder: "array", categoryarray: places } : { type: log ? "log" : undefined, nticks: log ? (narrow() ? 5 : 10) : undefined };
    const zero = log && traces.some(trace => trace.x.includes(0));
    if (log) for (const trace of traces) trace.x = trace.x.map(x => x > 0 ? x : null);
    const guess = { type: "line", xref: "paper", x0: 0, x1: 1, y0: quantity.guess, y1: quantity.guess, line: { color: "#888", width: 1 }, label: { text: "guessing", textposition: "end", font: { color: "#888", size: 11 } } };
    state.drawnLog = state.logy ?? isWide(state.name, traces);
    const least = Math.min(...traces.filter(trace => !trace.band).flatMap(trace => trace.y).filter(y => y > 0));
    if (state.drawnLog) for (const band of traces.filter(trace => trace.band)) band.y = band.y.map(y => y === null ? null : Math.max(y, least / 2));
    paint(spot, traces, {
      shapes: Number.isFinite(quantity.guess) ? [guess] : [], showlegend: traces.length > 1,
      xaxis: { title: { text: broken(group.title(state.x), narrow() ? 36 : 60) }, ...scale, dtick: !log && !words && isFew(places) ? 1 : undefined },
      yaxis: { title: { text: broken(quantity.name, narrow() ? 30 : 48) }, ...(state.drawnLog ? { type: "log", nticks: 8 } : { type: "linear" }) },
    }, [
      shown ? "" : "There is no run with these settings.",
      shown && shown < values.length ? `For ${values.length - shown} of ${values.length} values of ${state.series} there is no run with the other settings.` : "",
      empty ? `${empty} point${empty > 1 ? "s are" : " is"} missing: there is no run with these settings.` : "",
      Object.keys(state.at).filter(key => state.at[key] === ANY).map(key => `Any ${key}: of several runs the newest counts.`).join(" "),
      values.length < all.length ? `${values.length} of ${all.length} values are drawn.` : "",
      zero ? `${brief(state.x)} = 0 has no place on a logarithmic axis.` : "",
      thinned([...runs]), grey.length ? "Grey markers: points of others." : "",
      theory ? ofTheory(state.name, [...runs], state.x === group.time || state.x === "layer" || group.isIndex(state.x)) : "",
      runs.size ? `${errors ? `Errors are jackknife standard errors over samples${state.at.seed === POOLED ? " of all seeds" : ""}` : "Without errors"} (${samples([...runs])}).` : "",
    ]);
  };
  render();
  legend(spot, draw);
  redraw.push(draw);
}

// Whether a point of others is of the settings that a plot shows.
function belongs(group, point, state) {
  const names = key => [key, key.split(".").pop()]; // a setting, or the dimension that it may be
  const free = key => names(key).some(axis => axis === state.x || axis === state.series);
  const set = key => names(key).map(axis => state.at[axis]).find(value => value !== undefined) ?? group.reference.settings[key];
  return Object.entries(point.where).every(([key, value]) => free(key) || set(key) === value);
}

// Errors over several decades, as of students that find the teacher, are seen on a logarithmic axis alone.
function isWide(name, traces) {
  const all = own => own.flatMap(trace => trace.y).filter(value => value !== null);
  const measured = all(traces.filter(trace => !trace.key && !trace.band)), positive = all(traces).filter(value => value > 0);
  return /error|loss/.test(name) && measured.length > 0 && measured.every(value => value > 0) && Math.max(...positive) > 30 * Math.min(...positive);
}

// What the lines of theory are, and what is to be said of them.
function ofTheory(name, runs, continuous) {
  const told = unique(runs.map(run => run.data.quantities[name].theory?.about).filter(Boolean));
  const caveats = unique(runs.flatMap(run => run.data.caveats));
  return [...told.map(one => `Theory: ${one}.`), ...caveats.map(one => `Mind that ${one}.`), continuous ? "" : "Theory is computed where there are points; lines between are guides to the eye."].join(" ");
}

function thinned(runs) {
  const fewer = runs.filter(run => run.data.records && run.data.records[0] < run.data.records[1]);
  if (!fewer.length) return "";
  return `Thinned out: ${fewer[0].data.records.join(" of ")} records are on this page${fewer.length > 1 ? " of the first run" : ""}; all are in results.nc.`;
}

function ofCurve(found, name, shade, band, alone, isIndex) {
  const traces = [], error = found.error && found.error.some(value => value !== null) ? found.error : null;
  const spread = sign => found.mean.map((value, i) => value === null || error[i] === null ? value : value + sign * error[i]);
  if (band && error)
    for (const [sign, fill] of [[1, "none"], [-1, "tonexty"]])
      traces.push({ x: found.x, y: spread(sign), mode: "lines", line: { width: 0 }, fill, fillcolor: shade.startsWith("#") ? `${shade}33` : shade.replace("hsl", "hsla").replace(")", ", 0.2)"),
        band: true, hoverinfo: "skip", showlegend: false, curve: name });
  if (!alone || found.mean.some(value => value !== null)) traces.push({ // where theory is alone it has the legend for itself
    x: found.x, y: found.mean, name, mode: band ? "lines+markers" : "markers", marker: { color: shade, size: band ? 4 : 8 },
    line: { color: shade, width: 1.5 }, customdata: error, hovertemplate: `%{x}: %{y}${error ? " ± %{customdata:.2g}" : ""}<extra>${name}</extra>`,
    error_y: !band && error ? { type: "data", array: error.map(value => value ?? 0), color: shade } : undefined,
  });
  // A line through one point is none: a value without neighbours is a dash.
  const lonely = values => values.some((value, i) => value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null);
  found.theory.forEach(line => traces.push({
    x: found.x, y: line.values, mode: isIndex ? "markers" : lonely(line.values) ? "lines+markers" : "lines",
    marker: { symbol: SINGLE[DASHES.indexOf(line.dash)], size: 14, line: { width: 2 } }, key: line.name, curve: name, name: alone ? line.name : `${line.name} (${name})`,
    line: { color: alone ? (dark.matches ? "#eeeeee" : "#222222") : shade, width: 1.5, dash: line.dash }, showlegend: alone,
  }));
  if (found.baseline && found.baseline.some(value => value !== null))
    traces.push({ x: found.x, y: found.baseline, mode: "lines", key: "baseline: independent machines", curve: name, name: "baseline: independent machines", showlegend: alone,
      opacity: 0.7, line: { color: alone ? "#888" : shade, dash: "dot", width: 1.5 } });
  return traces;
}

// A map of a quantity over two axes.
function map(group, id, title, about, pairs, kind) {
  const names = ordered(group, Object.keys(group.quantities).filter(name => group.isMeasured(name) && pairs(name).length), kind);
  if (!names.length) return;
  const spot = card(id, title, about);
  const state = { name: names[0], pair: null, at: {} };
  const render = latest => {
    const possible = pairs(state.name), spelt = pair => pair.join(" | ");
    if (!possible.map(spelt).includes(state.pair)) state.pair = spelt(possible[0]);
    const [x, y] = possible.find(pair => spelt(pair) === state.pair);
    const fixed = fixings(group, state.name, [x, y], state.at, render, latest);
    fill(spot.controls, [
      choice("quantity", named(group, names), state.name, value => { state.name = value; render(); }),
      ...(possible.length > 1 ? [choice("axes", possible.map(pair => [spelt(pair), `${pair[0]} and ${pair[1]}`]), state.pair, value => { state.pair = value; render(); })] : []),
      ...fixed,
    ]);
    draw();
  };
  const draw = () => {
    const [x, y] = pairs(state.name).find(pair => pair.join(" | ") === state.pair);
    const rows = group.values(y, group.of(state.name)), columns = axisValues(group, x, state);
    const found = rows.map(value => curve(group, state.name, x, { ...state.at, [y]: value }, [y]));
    const z = found.map(one => columns.map(column => { const i = one ? one.x.indexOf(position(column)) : -1; return i < 0 ? null : one.mean[i]; }));
    const runs = unique(found.flatMap(one => one ? one.runs : []));
    const known = z.flat().filter(value => value !== null);
    paint(spot, [{ type: "heatmap", x: columns, y: rows, z, colorscale: "Cividis", hoverongaps: false, hovertemplate: `${x} %{x}, ${y} %{y}: %{z}<extra></extra>`,
      colorbar: { title: { text: broken(group.quantities[state.name].name, 40), side: "right" }, thickness: 14 } }],
      { xaxis: { title: { text: group.title(x) }, type: "category" }, yaxis: { title: { text: broken(group.title(y), 40) }, type: "category" } },
      [known.length ? `From ${Math.min(...known)} to ${Math.max(...known)}; means over samples (${samples(runs)}), without errors.` : "There is no run with these settings.", thinned(runs)]);
  };
  render();
  redraw.push(draw);
}

// Those of a dimension are the run's own: others may have recorded at other times.
function axisValues(group, axis, state) {
  const all = group.of(state.name), own = group.isSetting(axis) ? all : group.having(state.at);
  return group.values(axis, own.length ? own : all);
}

// One point a unit of a student: its specialisation and the norm of its fan-out.
function shape(group, id) {
  const runs = group.runs.filter(run => run.data.scatter);
  if (!runs.length) return;
  const spot = card(id, "L shape of specialisation", "One point for each unit of a student and sample, at the last record, on test inputs. Specialised units lie on the right; units that are not needed lie low. Dashed: the mean with a teacher that the students do not know.");
  const state = { run: runs[0].name, at: {} };
  const render = () => {
    const run = runs.find(own => own.name === state.run), { dims, groups } = run.data.scatter;
    const controls = [choice("run", runs.map(own => [own.name, own.name]), state.run, value => { state.run = value; state.at = {}; render(); })];
    for (const dim of dims) {
      const values = unique(groups.map(one => text(one.at[dim])));
      if (!values.includes(state.at[dim])) state.at[dim] = values[0];
      if (values.length > 1) controls.push(choice(dim, values.map(value => [value, value]), state.at[dim], value => { state.at[dim] = value; render(); }));
    }
    fill(spot.controls, runs.length > 1 ? controls : controls.slice(1));
    draw();
  };
  const draw = () => {
    const run = runs.find(own => own.name === state.run), { dims, groups, x, y } = run.data.scatter;
    const one = groups.find(own => dims.every(dim => text(own.at[dim]) === state.at[dim]));
    const shapes = one.baseline === null ? [] : [{ type: "line", x0: one.baseline, x1: one.baseline, yref: "paper", y0: 0, y1: 1, line: { color: "#888", dash: "dash", width: 1.5 } }];
    paint(spot, [{ x: one.x, y: one.y, mode: "markers", marker: { size: 5, opacity: 0.6, color: PALETTE[0] }, hovertemplate: "%{x}, %{y}<extra></extra>" }],
      { shapes, showlegend: false, xaxis: { title: { text: broken(x, narrow() ? 36 : 70) }, range: [0, 1.03] }, yaxis: { title: { text: broken(y, narrow() ? 30 : 44) }, rangemode: "tozero" } },
      [one.x.length < one.all ? `${one.x.length} of ${one.all} points.` : `${one.all} points.`, `${samples([run])}.`]);
  };
  render();
  redraw.push(draw);
}

