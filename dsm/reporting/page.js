"use strict";
// Draws what the page knows. A quantity is an array with named dimensions, of one run; settings in which runs differ are
// dimensions as well, over runs. Runs that differ in the values of a dimension alone are pieces of one. Every plot puts some of these on its axes or in its legend, and a drop-down fixes each other.

const page = JSON.parse(document.getElementById("data").textContent);
const LAST = "last record", REST = "mean at rest", NONE = "nothing";
const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7f00"]; // of Okabe and Ito
const CURVES = 12; // in one plot
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
const text = value => typeof value === "number" ? String(value) : value;
const setting = (run, key) => text(run.settings[key] ?? "null");
const isNumber = value => value !== "" && Number.isFinite(Number(value));
const unique = values => [...new Set(values)];

function sorted(values) {
  return values.every(isNumber) ? [...values].sort((a, b) => a - b) : [...values].sort();
}

function evenly(values, most) {
  if (values.length <= most) return values;
  return unique(Array.from({ length: most }, (_, i) => values[Math.round(i * (values.length - 1) / (most - 1))]));
}

// ---- what there is ----

class Group { // the runs of one task
  constructor(task) {
    this.task = task;
    this.runs = page.runs.filter(run => run.task === task && run.data);
    this.runs.sort((a, b) => a.made < b.made ? 1 : -1); // where several have a value the newest counts
    this.swept = page.swept[task] || [];
    const differing = (a, b) => this.swept.filter(key => a.settings[key] !== b.settings[key]);
    // Where a page begins: at the run with the most neighbours, that is runs which differ from it in one setting.
    let most = -1;
    for (const run of this.runs) {
      const counts = {};
      for (const other of this.runs) { const keys = differing(run, other); if (keys.length === 1) counts[keys[0]] = (counts[keys[0]] || 0) + 1; }
      const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
      if (all > most) { most = all; this.reference = run; this.counts = counts; }
    }
    const rank = key => (key === "seed" ? 1e6 : 0) - (this.counts[key] || 0);
    this.swept = [...this.swept].sort((a, b) => rank(a) - rank(b));
    this.time = (this.runs.find(run => run.data.time) || { data: {} }).data.time;
    this.quantities = {};
    for (const run of this.runs)
      for (const name of Object.keys(run.data.quantities)) this.quantities[name] = page.described[name];
    this.sizes = {};
    this.names = {};
    for (const run of this.runs)
      for (const [dim, coordinate] of Object.entries(run.data.coordinates)) {
        this.names[dim] = coordinate.name;
      }
    for (const dim of Object.keys(this.names)) this.sizes[dim] = this.values(dim).length;
  }

  isSetting(axis) { return this.swept.includes(axis); }

  title(axis) { return this.isSetting(axis) || !this.names[axis] ? axis : `${axis}: ${this.names[axis]}`; }

  // Axes that a quantity has: settings that differ, and its own dimensions of more than one entry.
  axes(quantity) {
    const dims = unique(this.runs.flatMap(run => run.data.quantities[quantity]?.mean.dims || []));
    return [...this.swept, ...dims.filter(dim => this.sizes[dim] > 1)];
  }

  values(axis, runs = this.runs) {
    if (this.isSetting(axis)) return sorted(unique(runs.map(run => setting(run, axis))));
    const found = unique(runs.flatMap(run => run.data.coordinates[axis]?.values || []).map(text));
    return sorted(found);
  }

  // The runs whose settings are these.
  having(at) {
    return this.runs.filter(run => this.swept.every(key => !(key in at) || setting(run, key) === at[key]));
  }
}

// Where along a dimension of a run `want` is; -1 if nowhere.
function place(run, dim, want) {
  const values = run.data.coordinates[dim]?.values || [];
  if (want === undefined || want === LAST || want === REST) return dim === run.data.time ? values.length - 1 : 0;
  return values.findIndex(value => text(value) === want);
}

// The values of an array along one of its dimensions (or the single one, if it is null), everything else fixed. An array
// without that dimension is constant along it.
function along(run, array, dim, at) {
  if (!array) return null;
  let offset = 0, step = 0, stride = 1, size = dim === null ? 1 : run.data.coordinates[dim]?.values.length || 0;
  for (let i = array.dims.length - 1; i >= 0; i--) {
    if (array.dims[i] === dim) step = stride;
    else {
      const where = place(run, array.dims[i], at[array.dims[i]]);
      if (where < 0) return null;
      offset += where * stride;
    }
    stride *= array.shape[i];
  }
  return Array.from({ length: size }, (_, i) => array.values[offset + i * step]);
}

// Mean and error of a quantity as it is asked for: of one record, or at rest.
function source(run, name, at) {
  const quantity = run.data.quantities[name];
  if (!quantity) return null;
  if (!run.data.time || at[run.data.time] !== REST) return quantity;
  return quantity.rest ? { ...quantity, ...quantity.rest } : null; // a run that is not finished has none
}

// {x, mean, error, theory: [{name, values}], baseline} along an axis; null if no run has that.
function curve(group, name, axis, at) {
  if (axis === group.time) return first(group, name, axis, at);
  const pieces = group.isSetting(axis)
    ? group.values(axis).map(value => {
      const one = first(group, name, null, { ...at, [axis]: value });
      return one && { ...one, x: [isNumber(value) ? Number(value) : value] };
    })
    : group.having(at).map(run => ofRun(run, name, axis, at));
  const parts = pieces.filter(Boolean);
  if (!parts.length) return null;
  const made = parts.length === 1 ? parts[0] : joined(parts);
  return axis === "layer" && group.quantities[name].figures.split(" ").includes("from_input") ? fromInput(made) : made;
}

// Of the first run that has such a quantity.
function first(group, name, axis, at) {
  for (const run of group.having(at)) {
    const found = ofRun(run, name, axis, at);
    if (found) return found;
  }
  return null;
}

// Curves side by side along their axis; of several values at one place the first counts.
function joined(parts) {
  const places = parts.flatMap((part, number) => part.x.map((x, entry) => ({ x, number, entry })));
  const seen = new Set(), kept = places.filter(({ x }) => !seen.has(x) && seen.add(x));
  if (kept.every(({ x }) => typeof x === "number")) kept.sort((a, b) => a.x - b.x);
  const take = pick => kept.map(({ number, entry }) => { const values = pick(parts[number]); return values ? values[entry] : null; });
  const told = unique(parts.flatMap(part => part.theory.map(line => line.name)));
  return {
    x: kept.map(({ x }) => x), mean: take(part => part.mean), error: take(part => part.error), baseline: take(part => part.baseline),
    theory: told.map(line => ({ name: line, values: take(part => part.theory.find(own => own.name === line)?.values) })),
    runs: unique(parts.flatMap(part => part.runs)),
  };
}

function ofRun(run, name, axis, at) {
  const found = source(run, name, at);
  const mean = found && along(run, found.mean, axis, at);
  if (!mean) return null;
  const x = axis === null ? [0] : run.data.coordinates[axis].values.map(value => isNumber(value) ? Number(value) : value);
  return {
    x, mean, runs: [run], error: along(run, found.error, axis, at), baseline: along(run, found.baseline, axis, at),
    theory: theories(run, found, axis, at),
  };
}

// Two machines see the same input, layer 0: their overlap is 1 there.
function fromInput(made) {
  return {
    ...made, x: [0, ...made.x], mean: [1, ...made.mean], error: made.error && [null, ...made.error],
    baseline: made.baseline && [null, ...made.baseline], theory: made.theory.map(line => ({ ...line, values: [1, ...line.values] })),
  };
}

// The lines of theory: one for each entry of the dimensions that simulation does not have, such as closure and branch.
function theories(run, quantity, axis, at) {
  if (!quantity.theory) return [];
  const own = quantity.theory.dims.filter(dim => !quantity.mean.dims.includes(dim) && dim !== axis && dim !== run.data.time);
  let places = [{}];
  for (const dim of own)
    places = places.flatMap(one => run.data.coordinates[dim].values.map(value => ({ ...one, [dim]: text(value) })));
  const lines = [];
  for (const one of places) {
    const values = along(run, quantity.theory, axis, { ...at, ...one });
    const same = other => other.values.every((v, i) => v === values[i]);
    if (values && values.some(value => value !== null) && !lines.some(same))
      lines.push({ name: ["theory", ...Object.values(one)].join(", "), values });
  }
  return lines;
}

// ---- controls ----

function choice(label, options, value, changed) {
  const select = element("select", { "aria-label": label });
  for (const [own, shown] of options) select.append(element("option", { value: own, selected: own === value }, shown));
  select.addEventListener("change", () => changed(select.value));
  return element("label", {}, label, select);
}

function check(label, value, changed) {
  const box = element("input", { type: "checkbox", checked: value });
  box.addEventListener("change", () => changed(box.checked));
  return element("label", { className: "check" }, box, label);
}

// Drop-downs for all axes of a quantity that are not drawn along; fills `at` with what they say. `latest` is the axis that
// the reader has set last: the others follow it to where there are runs.
function fixings(group, name, drawn, at, changed, latest) {
  const axes = group.axes(name).filter(axis => !drawn.includes(axis));
  for (const axis of Object.keys(at)) if (!axes.includes(axis)) delete at[axis];
  const options = Object.fromEntries(axes.map(axis => [axis, choices(group, name, axis)]));
  for (const axis of axes)
    if (!options[axis].includes(at[axis]))
      at[axis] = axis === group.time ? options[axis][0] : group.isSetting(axis) ? setting(group.reference, axis) : preferred(axis, options[axis]);
  follow(group, name, at, latest);
  return axes.map(axis => choice(group.title(axis), options[axis].map(value => [value, value]), at[axis], value => { at[axis] = value; changed(axis); }));
}

function choices(group, name, axis) {
  const values = group.values(axis);
  if (axis !== group.time) return values;
  return [...(group.runs.some(run => run.data.quantities[name]?.rest) ? [REST] : []), LAST, ...evenly(values, 40)];
}

// If no run is at all these values, go to the run that is at most of them, among those that are at the latest.
function follow(group, name, at, latest) {
  const has = (run, axis) => group.isSetting(axis) ? setting(run, axis) === at[axis]
    : at[axis] === REST ? Boolean(run.data.quantities[name].rest) : place(run, axis, at[axis]) >= 0;
  const runs = group.runs.filter(run => run.data.quantities[name] && (latest === undefined || has(run, latest)));
  const axes = Object.keys(at).filter(axis => runs.some(run => group.isSetting(axis) || run.data.coordinates[axis]));
  const score = run => axes.filter(axis => has(run, axis)).length;
  const best = runs.reduce((best, run) => best === null || score(run) > score(best) ? run : best, null);
  for (const axis of best === null ? [] : axes)
    if (!has(best, axis)) at[axis] = group.isSetting(axis) ? setting(best, axis) : axis === group.time ? LAST : preferred(axis, best.data.coordinates[axis].values.map(text));
}

// Of few choices the one that is looked at most.
function preferred(axis, options) {
  if (axis === "inputs" && options.includes("test")) return "test";
  return axis === "layer" || axis === "beta" ? options[options.length - 1] : options[0];
}

function named(group, names) {
  return names.map(name => [name, `${name}: ${group.quantities[name].name}`.slice(0, 110)]);
}

// Quantities in the order in which they are looked at: first those with a figure of that kind, then those of the teacher.
function ordered(group, names, kind) {
  const rank = name => {
    const quantity = group.quantities[name];
    const first = kind === "curve" && /^test_(error|loss)$/.test(name) ? -8 : 0;
    return first + (quantity.figures.split(" ").includes(kind) ? 0 : 4) + (["teacher", ""].includes(quantity.pair) ? 0 : 1);
  };
  return [...names].sort((a, b) => rank(a) - rank(b));
}

function card(id, title, about) {
  const controls = element("div", { className: "controls" });
  const plot = element("div", { className: "plot", id });
  plot.setAttribute("role", "img");
  const note = element("p", { className: "note" });
  document.getElementById("plots").append(
    element("section", { className: "card" }, element("h2", {}, title), element("p", { className: "note" }, about), controls, plot, note));
  return { controls, plot, note };
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
  const below = window.innerWidth < 800;
  return {
    paper_bgcolor: css("--ground"), plot_bgcolor: css("--ground"), font: { color: css("--text"), size: 13 },
    margin: { l: 56, r: 12, t: 36, b: 48 }, hovermode: "closest",
    legend: below ? { orientation: "h", y: -0.25 } : {}, ...more,
    xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
  };
}

function paint(place, traces, more, said) {
  place.note.textContent = said.filter(Boolean).join(" ");
  place.plot.setAttribute("aria-label", `${traces.length} series. ${place.note.textContent}`);
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

function uneven(values) {
  const steps = values.slice(1).map((value, i) => value - values[i]).filter(step => step > 0);
  return steps.length > 3 && Math.max(...steps) > 3 * Math.min(...steps);
}

function samples(runs) {
  const told = unique(runs.map(run => {
    const own = run.settings, replicas = own["sampler.replicas"] || own["training.replicas"];
    return `${own["data.samples"] || "?"} samples${replicas ? ` x ${replicas} replica${replicas === "1" ? "" : "s"}` : ""}, seed ${own.seed}`;
  }));
  return told.length > 3 ? `${told.length} kinds of ensembles` : told.join("; ");
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
    spot.controls.replaceChildren(
      choice("quantity", named(group, names), state.name, set("name")),
      ...(possible.length > 1 ? [choice("along", possible.map(axis => [axis, group.title(axis)]), state.x, set("x"))] : []),
      ...(others.length ? [choice("one curve for each", [NONE, ...others].map(axis => [axis, axis === NONE ? NONE : group.title(axis)]), state.series, set("series"))] : []),
      ...fixed,
      check("logarithmic x", isLog(), value => { state.logx = value; render(); }),
      check("logarithmic y", Boolean(state.logy), value => { state.logy = value; render(); }));
    draw();
  };
  const isLog = () => state.logx ?? (state.x === group.time && group.runs.some(run => uneven(run.data.coordinates[group.time].values)));
  const draw = () => {
    const all = state.series === NONE ? [null] : group.values(state.series), values = evenly(all, CURVES);
    const traces = [], runs = new Set();
    let shown = 0;
    values.forEach((value, index) => {
      const at = value === null ? state.at : { ...state.at, [state.series]: value };
      const found = curve(group, state.name, state.x, at);
      if (!found) return;
      shown++;
      found.runs.forEach(run => runs.add(run));
      traces.push(...ofCurve(found, value === null ? "simulation" : `${brief(state.series)} = ${value}`, colour(index, values.length), state.x === group.time, values.length === 1));
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
    const quantity = group.quantities[state.name], log = isLog();
    const shapes = Number.isFinite(quantity.guess) ? [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: quantity.guess, y1: quantity.guess, line: { color: "#888", dash: "dot", width: 1 } }] : [];
    paint(spot, traces, {
      shapes, showlegend: traces.length > 1,
      xaxis: { title: { text: broken(group.title(state.x), 60) }, type: log ? "log" : undefined, dtick: state.x === "layer" && group.sizes.layer < 20 ? 1 : undefined },
      yaxis: { title: { text: broken(quantity.name, 48) }, type: state.logy ? "log" : "linear" },
    }, [
      shown ? "" : "No run has these settings.",
      shown < values.length && shown ? `${values.length - shown} of ${values.length} curves have no run with these settings.` : "",
      values.length < all.length ? `${values.length} of ${all.length} values are drawn.` : "",
      log && state.x === group.time ? "Time 0 has no place on a logarithmic axis." : "",
      thinned([...runs]), shapes.length ? "Dotted: guessing." : "", grey.length ? "Grey markers: points of others." : "",
      runs.size ? `Errors are jackknife standard errors over samples (${samples([...runs])}).` : "",
    ]);
  };
  render();
  redraw.push(draw);
}

// Whether a point of others is of the settings that a plot shows.
function belongs(group, point, state) {
  const names = key => [key, key.split(".").pop()]; // a setting, or the dimension that it may be
  const free = key => names(key).some(axis => axis === state.x || axis === state.series);
  const set = key => names(key).map(axis => state.at[axis]).find(value => value !== undefined) ?? group.reference.settings[key];
  return Object.entries(point.where).every(([key, value]) => free(key) || set(key) === value);
}

function thinned(runs) {
  const fewer = runs.filter(run => run.data.records && run.data.records[0] < run.data.records[1]);
  if (!fewer.length) return "";
  return `Thinned out: ${fewer[0].data.records.join(" of ")} records are on this page${fewer.length > 1 ? " of the first run" : ""}; all are in results.nc.`;
}

function ofCurve(found, name, shade, band, alone) {
  const traces = [], error = found.error && found.error.some(value => value !== null) ? found.error : null;
  const spread = sign => found.mean.map((value, i) => value === null || error[i] === null ? value : value + sign * error[i]);
  if (band && error)
    for (const [sign, fill] of [[1, "none"], [-1, "tonexty"]])
      traces.push({ x: found.x, y: spread(sign), mode: "lines", line: { width: 0 }, fill, fillcolor: shade.startsWith("#") ? `${shade}33` : shade.replace("hsl", "hsla").replace(")", ", 0.2)"),
        hoverinfo: "skip", showlegend: false, legendgroup: name });
  traces.push({
    x: found.x, y: found.mean, name, legendgroup: name, mode: band ? "lines+markers" : "markers", marker: { color: shade, size: band ? 4 : 8 },
    line: { color: shade, width: 1.5 }, customdata: error, hovertemplate: `%{x}: %{y}${error ? " ± %{customdata:.2g}" : ""}<extra>${name}</extra>`,
    error_y: !band && error ? { type: "data", array: error.map(value => value ?? 0), color: shade } : undefined,
  });
  found.theory.forEach((line, index) => traces.push({
    x: found.x, y: line.values, mode: "lines", key: line.name, name: alone ? line.name : `${line.name} (${name})`, legendgroup: alone ? line.name : name,
    line: { color: alone ? (dark.matches ? "#eeeeee" : "#222222") : shade, width: 1.5, dash: ["solid", "dash", "dashdot", "dot"][index % 4] }, showlegend: alone,
  }));
  if (found.baseline && found.baseline.some(value => value !== null))
    traces.push({ x: found.x, y: found.baseline, mode: "lines", key: "baseline: independent machines", name: "baseline: independent machines", legendgroup: "baseline", showlegend: alone,
      opacity: 0.7, line: { color: alone ? "#888" : shade, dash: "dot", width: 1.5 } });
  return traces;
}

// A map of a quantity over two axes.
function map(group, id, title, about, pairs, kind) {
  const names = ordered(group, Object.keys(group.quantities).filter(name => pairs(name).length), kind);
  if (!names.length) return;
  const spot = card(id, title, about);
  const state = { name: names[0], pair: null, at: {} };
  const render = latest => {
    const possible = pairs(state.name), spelt = pair => pair.join(" | ");
    if (!possible.map(spelt).includes(state.pair)) state.pair = spelt(possible[0]);
    const [x, y] = possible.find(pair => spelt(pair) === state.pair);
    const fixed = fixings(group, state.name, [x, y], state.at, render, latest);
    spot.controls.replaceChildren(
      choice("quantity", named(group, names), state.name, value => { state.name = value; render(); }),
      ...(possible.length > 1 ? [choice("axes", possible.map(pair => [spelt(pair), `${pair[0]} and ${pair[1]}`]), state.pair, value => { state.pair = value; render(); })] : []),
      ...fixed);
    draw();
  };
  const draw = () => {
    const [x, y] = pairs(state.name).find(pair => pair.join(" | ") === state.pair);
    const rows = group.values(y), columns = axisValues(group, x, state);
    const found = rows.map(value => curve(group, state.name, x, { ...state.at, [y]: value }));
    const z = found.map(one => columns.map(column => { const i = one ? one.x.findIndex(own => text(own) === column) : -1; return i < 0 ? null : one.mean[i]; }));
    const runs = unique(found.flatMap(one => one ? one.runs : []));
    const known = z.flat().filter(value => value !== null);
    paint(spot, [{ type: "heatmap", x: columns, y: rows, z, colorscale: "Cividis", hoverongaps: false, hovertemplate: `${x} %{x}, ${y} %{y}: %{z}<extra></extra>`,
      colorbar: { title: { text: broken(group.quantities[state.name].name, 40), side: "right" }, thickness: 14 } }],
      { xaxis: { title: { text: group.title(x) }, type: "category" }, yaxis: { title: { text: broken(group.title(y), 40) }, type: "category" } },
      [known.length ? `From ${Math.min(...known)} to ${Math.max(...known)}; means over samples (${samples(runs)}), without errors.` : "No run has these settings.", thinned(runs)]);
  };
  render();
  redraw.push(draw);
}

// Those of a dimension are the run's own: others may have recorded at other times.
function axisValues(group, axis, state) {
  const runs = group.isSetting(axis) ? group.runs : group.having(state.at);
  return group.values(axis, runs.length ? runs : group.runs);
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
    spot.controls.replaceChildren(...(runs.length > 1 ? controls : controls.slice(1)));
    draw();
  };
  const draw = () => {
    const run = runs.find(own => own.name === state.run), { dims, groups, x, y } = run.data.scatter;
    const one = groups.find(own => dims.every(dim => text(own.at[dim]) === state.at[dim]));
    const shapes = one.baseline === null ? [] : [{ type: "line", x0: one.baseline, x1: one.baseline, yref: "paper", y0: 0, y1: 1, line: { color: "#888", dash: "dash", width: 1.5 } }];
    paint(spot, [{ x: one.x, y: one.y, mode: "markers", marker: { size: 5, opacity: 0.6, color: PALETTE[0] }, hovertemplate: "%{x}, %{y}<extra></extra>" }],
      { shapes, showlegend: false, xaxis: { title: { text: broken(x, 70) }, range: [0, 1.03] }, yaxis: { title: { text: broken(y, 44) }, rangemode: "tozero" } },
      [one.x.length < one.all ? `${one.x.length} of ${one.all} points.` : `${one.all} points.`, `${samples([run])}.`]);
  };
  render();
  redraw.push(draw);
}

// ---- the page ----

function show(task) {
  redraw.length = 0;
  document.getElementById("plots").replaceChildren();
  const group = new Group(task), time = group.time;
  const last = axis => (axis === "seed" ? 2 : group.values(axis).every(isNumber) ? 0 : 1);
  const others = name => group.axes(name).filter(axis => axis !== time && axis !== "layer").sort((a, b) => last(a) - last(b));
  const has = (name, axis) => group.axes(name).includes(axis);
  if (group.runs.length) {
    lines(group, "time", "In the course of time", "Points are means over replicas and samples, bands their errors; lines without points are theory, where there is one, and dotted ones independent machines. Click a name in the legend to hide it.", "curve", name => time && has(name, time) ? [time] : []);
    lines(group, "profile", "Over layers", "From the input to the output. Lines are theory, where there is one beside the results; dotted: independent machines.", "profile", name => has(name, "layer") ? ["layer"] : []);
    lines(group, "setting", "Against a setting", "One point a run, or an entry of an axis within runs.", "curve", name => others(name));
    map(group, "layers-time", "Layers and time", "", name => time && has(name, time) && has(name, "layer") ? [[time, "layer"]] : [], "profile");
    map(group, "layers-setting", "Layers and a setting", "", name => has(name, "layer") ? others(name).filter(axis => axis !== "seed").map(axis => [axis, "layer"]) : [], "profile");
    map(group, "phases", "Two settings", "A phase diagram, where the axes are those of one.", name => others(name).flatMap((x, i, all) => all.slice(i + 1).map(y => [x, y])), "curve");
    shape(group, "l-shape");
    const gone = group.runs.filter(run => run.data.left_out.length);
    if (gone.length) document.getElementById("plots").append(element("p", { className: "note" }, `Left out for their size, in ${gone.length} of ${group.runs.length} runs: ${unique(gone.flatMap(run => run.data.left_out)).join(", ")}. They are in results.nc.`));
  } else document.getElementById("plots").append(element("p", {}, "No run of this task has results to show; the table below says why."));
  table(task);
  again(task);
}

function table(task) {
  const runs = page.runs.filter(run => run.task === task || !run.task), swept = page.swept[task] || [];
  const own = document.getElementById("runs"), head = element("tr");
  for (const name of ["run", "state", ...swept, "files", "remarks"]) head.append(element("th", { scope: "col" }, name));
  own.replaceChildren(element("thead", {}, head), element("tbody", {}, ...runs.map(run => element("tr", {},
    element("td", {}, run.name), element("td", {}, run.progress ? `${run.state}, ${run.progress}` : run.state),
    ...swept.map(key => element("td", {}, run.settings[key] ?? "")),
    element("td", {}, ...run.files.flatMap(file => [element("a", { href: encodeURI(file.link) }, file.name), " "])),
    element("td", { className: "trouble" }, run.trouble.join("; "))))));
  const common = document.querySelector("#common table"), first = runs.find(run => run.task);
  const rows = first ? Object.entries(first.settings).filter(([key]) => !swept.includes(key)) : [];
  common.replaceChildren(...rows.map(([key, value]) => element("tr", {}, element("th", { scope: "row" }, key), element("td", {}, value))));
}

function again(task) {
  const runs = page.runs.filter(run => run.task === task), place = document.getElementById("again");
  const tell = name => {
    const run = runs.find(own => own.name === name);
    const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`).join(", ");
    place.replaceChildren(
      run.command ? element("pre", {}, run.command) : element("p", {}, "The run does not say which command leads to it; its config.yaml has all settings."),
      element("p", { className: "note" }, [run.made && `Made ${run.made}`, run.device && `on ${run.device}`, run.commit && `from commit ${run.commit}`, versions && `with ${versions}`].filter(Boolean).join(", ")));
  };
  if (!runs.length) { place.replaceChildren(); return; }
  document.getElementById("again-choice").replaceChildren(...(runs.length > 1 ? [choice("run", runs.map(run => [run.name, run.name]), runs[0].name, tell)] : []));
  tell(runs[0].name);
}

function start() {
  const counts = {};
  for (const run of page.runs) counts[run.state] = (counts[run.state] || 0) + 1;
  const told = Object.entries(counts).map(([state, number]) => `${number} ${state}`).join(", ");
  document.getElementById("summary").textContent = `${page.folder}: ${page.runs.length} run${page.runs.length > 1 ? "s" : ""} (${told}). Page written ${page.written} by dsm ${page.dsm}.`;
  const notices = document.getElementById("notices");
  notices.hidden = !page.notices.length;
  notices.replaceChildren(...page.notices.map(notice => element("p", {}, notice)));
  const tasks = unique(page.runs.map(run => run.task)).filter(Boolean);
  const first = tasks.find(task => page.runs.some(run => run.task === task && run.data)) ?? tasks[0] ?? "";
  if (tasks.length > 1) document.getElementById("tasks").replaceChildren(choice("task", tasks.map(task => [task, task]), first, show));
  show(first);
  dark.addEventListener("change", () => redraw.forEach(draw => draw()));
}

start();
