"use strict";
// What the page knows. A quantity is an array with named dimensions, of one run; settings in which runs differ are
// dimensions as well, over runs. Runs that differ in the values of a dimension alone are pieces of one.

const page = JSON.parse(document.getElementById("data").textContent);
const LAST = "last record", REST = "mean at rest"; // of time
const ANY = "any", POOLED = "all, mean"; // of a setting, and of the seed
const FINISHED = Symbol("finished runs alone");
const DASHES = ["solid", "dash", "dashdot", "longdash"]; // of lines of theory; baselines are dotted

const text = value => typeof value === "number" ? String(value) : value;
const isNumber = value => value !== "" && Number.isFinite(Number(value));
const unique = values => [...new Set(values)];
const position = value => isNumber(value) ? Number(value) : value; // on an axis; Python's 1e-05 is 0.00001 here

// Numbers by size, infinity behind them, then words, and null last.
function order(a, b) {
  const rank = value => isNumber(value) ? 0 : value === "inf" ? 1 : value === "null" ? 3 : 2;
  return rank(a) - rank(b) || (rank(a) === 0 ? a - b : a < b ? -1 : a > b ? 1 : 0);
}

function evenly(values, most) {
  if (values.length <= most) return values;
  return unique(Array.from({ length: most }, (_, i) => values[Math.round(i * (values.length - 1) / (most - 1))]));
}

class Group { // the runs of one task
  constructor(task) {
    this.task = task;
    this.runs = page.runs.filter(run => run.task === task && run.data);
    this.runs.sort((a, b) => a.made < b.made ? 1 : a.made > b.made ? -1 : 0); // where several have a value the newest counts
    this.swept = page.swept[task] || [];
    const differing = (a, b) => this.swept.filter(key => key in a.settings && key in b.settings && a.settings[key] !== b.settings[key]);
    // Where a page begins: at the run with the most neighbours, that is runs which differ from it in one setting; a
    // finished one, if there is one.
    const finished = this.runs.filter(run => run.state === "done");
    let most = -1;
    for (const run of finished.length ? finished : this.runs) {
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

  // Whether the values of an axis are names alone, as those of units are.
  isIndex(axis) { return this.runs.some(run => run.data.coordinates[axis]?.index); }

  title(axis) { return this.isSetting(axis) || !this.names[axis] ? axis : `${axis}: ${this.names[axis]}`; }

  // The runs that have recorded a quantity, and have the settings among these axes.
  of(quantity, drawn = []) {
    const needed = drawn.filter(axis => this.isSetting(axis));
    return this.runs.filter(run => run.data.quantities[quantity] && needed.every(key => key in run.settings));
  }

  // Whether there is a simulation of a quantity, and not theory alone.
  isMeasured(quantity) { return this.of(quantity).some(run => run.data.quantities[quantity].mean.values.some(value => value !== null)); }

  // Axes that a quantity has: settings in which its runs differ, and its own dimensions of more than one entry.
  axes(quantity) {
    const runs = this.of(quantity), dims = unique(runs.flatMap(run => run.data.quantities[quantity].mean.dims));
    return [...this.swept.filter(key => this.values(key, runs).length > 1), ...dims.filter(dim => this.sizes[dim] > 1)];
  }

  values(axis, runs = this.runs) {
    const found = this.isSetting(axis) ? runs.filter(run => axis in run.settings).map(run => run.settings[axis])
      : runs.flatMap(run => run.data.coordinates[axis]?.values || []).map(text);
    return unique(found).sort(order);
  }

  // Whether a run is at a value of a setting. An option that it does not have makes no difference to it.
  isAt(run, key, value) { return !(key in run.settings) || value === ANY || value === POOLED || run.settings[key] === value; }

  // The runs whose settings are these; those in `drawn` are options that they must have.
  having(at, drawn = []) {
    return this.runs.filter(run => (!at[FINISHED] || run.state === "done") && this.swept.every(key => key in run.settings ? !(key in at) || this.isAt(run, key, at[key]) : !drawn.includes(key)));
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

// {x, mean, error, theory: [{name, dash, values}], baseline} along an axis; null if no run has that. The settings in
// `drawn` are in the plot as well.
function curve(group, name, axis, at, drawn = []) {
  if (at.seed === POOLED) {
    const each = more => group.values("seed", group.of(name)).map(seed => curve(group, name, axis, { ...at, ...more, seed }, drawn)).filter(Boolean);
    const finished = each({ [FINISHED]: true }), seeds = finished.length ? finished : each({}); // others end at other times
    return seeds.length < 2 ? seeds[0] ?? null : pooled(seeds);
  }
  const pieces = axis === group.time ? [first(group, name, axis, at, drawn)] : group.isSetting(axis)
    ? group.values(axis, group.of(name)).map(value => {
      const one = first(group, name, null, { ...at, [axis]: value }, [axis, ...drawn]);
      return one && { ...one, x: [position(value)] };
    })
    : group.having(at, drawn).map(run => ofRun(run, name, axis, at));
  const parts = pieces.filter(Boolean);
  if (!parts.length) return null;
  const whole = parts.length === 1 ? parts[0] : joined(parts), made = { ...whole, theory: distinct(whole.theory) };
  return axis === "layer" && group.quantities[name].figures.split(" ").includes("from_input") ? fromInput(made) : made;
}

// Of lines of theory that are the same to the digits that a page has, the first: branches are one where there is one solution.
function distinct(told) {
  const agree = (a, b) => a === b || (a !== null && b !== null && Math.abs(a - b) <= 1e-6 + 1e-3 * Math.abs(a));
  return told.filter((line, i) => !told.slice(0, i).some(other => other.values.every((value, k) => agree(value, line.values[k]))));
}

// Of the first run that has such a quantity.
function first(group, name, axis, at, drawn) {
  for (const run of group.having(at, drawn)) {
    const found = ofRun(run, name, axis, at);
    if (found) return found;
  }
  return null;
}

// Curves side by side along their axis; of several values at one place the first counts.
function joined(parts) {
  const places = parts.flatMap((part, number) => part.x.map((x, entry) => ({ x, number, entry })));
  const seen = new Set(), kept = places.filter(({ x }) => !seen.has(x) && seen.add(x));
  kept.sort((a, b) => order(a.x, b.x));
  const take = pick => kept.map(({ number, entry }) => { const values = pick(parts[number]); return values ? values[entry] : null; });
  const told = new Map(parts.flatMap(part => part.theory.map(line => [line.name, line.dash])));
  return {
    x: kept.map(({ x }) => x), mean: take(part => part.mean), error: take(part => part.error), baseline: take(part => part.baseline),
    theory: [...told].map(([name, dash]) => ({ name, dash, values: take(part => part.theory.find(own => own.name === name)?.values) })),
    runs: unique(parts.flatMap(part => part.runs)),
  };
}

// The mean of curves of several seeds, which are independent. Where none has an error, it is that of the seeds.
function pooled(curves) {
  const x = unique(curves.flatMap(one => one.x)).sort(order);
  const bare = !curves.some(one => (one.error || []).some(value => value !== null));
  const values = (pick, place) => curves.map(one => pick(one)?.[one.x.indexOf(place)] ?? null).filter(value => value !== null);
  const mean = pick => x.map(place => { const own = values(pick, place); return own.length ? own.reduce((sum, v) => sum + v, 0) / own.length : null; });
  const middle = mean(one => one.mean);
  const error = x.map((place, i) => {
    const own = values(one => bare ? one.mean : one.error, place), n = own.length;
    if (n < (bare ? 2 : 1)) return null;
    return Math.sqrt(own.reduce((sum, v) => sum + (bare ? (v - middle[i]) ** 2 / (n - 1) : v ** 2 / n), 0) / n);
  });
  const told = new Map(curves.flatMap(one => one.theory.map(line => [line.name, line.dash])));
  return {
    x, mean: middle, error, baseline: mean(one => one.baseline), runs: unique(curves.flatMap(one => one.runs)),
    theory: [...told].map(([name, dash]) => ({ name, dash, values: mean(one => one.theory.find(own => own.name === name)?.values) })),
  };
}

function ofRun(run, name, axis, at) {
  const found = source(run, name, at);
  const mean = found && along(run, found.mean, axis, at);
  if (!mean) return null;
  const x = axis === null ? [0] : run.data.coordinates[axis].values.map(position);
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
  const called = one => Object.entries(one).map(([dim, value]) => own.length > 1 || dim !== "closure" ? `${value} ${dim}` : value);
  const lines = [];
  for (const [index, one] of places.entries()) {
    const values = along(run, quantity.theory, axis, { ...at, ...one });
    if (values && values.some(value => value !== null))
      lines.push({ name: ["theory", ...called(one)].join(", "), dash: DASHES[index % DASHES.length], values });
  }
  return lines;
}

