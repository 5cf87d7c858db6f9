// The page: plots of a task, and the tables below them.

// Settings that a reader asks for first.
const MAIN = ["network.width", "network.depth", "network.units", "network.students", "network.teachers", "network.multi", "network.fan_in", "network.wiring", "network.weights",
  "network.activation", "network.activation.name", "data.inputs.name", "data.alpha", "data.labels", "data.noise", "sampler.beta", "sampler.move.name", "sampler.start", "sampler.exchange",
  "training.lr", "training.temperature", "training.weight_decay", "training.start.name", "training.dynamics.name"];

function show(task) {
  redraw.length = 0;
  document.getElementById("plots").replaceChildren();
  const group = new Group(task), time = group.time;
  const last = axis => (axis === "seed" ? 2 : group.values(axis).every(isNumber) ? 0 : 1);
  const others = name => group.axes(name).filter(axis => axis !== time && axis !== "layer").sort((a, b) => last(a) - last(b));
  const has = (name, axis) => group.axes(name).includes(axis);
  const same = MAIN.filter(key => group.runs.length && group.runs.every(run => key in run.settings && run.settings[key] === group.runs[0].settings[key]));
  document.getElementById("plots").append(element("p", { className: "note" }, same.map(key => `${key} = ${group.runs[0].settings[key]}`).join(", ")));
  if (group.runs.length) {
    lines(group, "time", "In the course of time", "Points are means over replicas and samples, bands their errors; lines without points are theory, where there is one; dotted: independent machines. Click a name in the legend to hide it.", "curve", name => time && has(name, time) ? [time] : []);
    lines(group, "profile", "Over layers", "From the input to the output. Lines are theory, where there is one beside the results; dotted: independent machines.", "profile", name => has(name, "layer") ? ["layer"] : []);
    lines(group, "setting", "Against a setting or an axis", "One point for each run, or for each entry of an axis within runs.", "curve", name => others(name));
    map(group, "layers-time", "Layers and time", "", name => time && has(name, time) && has(name, "layer") ? [[time, "layer"]] : [], "profile");
    map(group, "layers-setting", "Layers and a setting", "", name => has(name, "layer") ? others(name).filter(axis => axis !== "seed").map(axis => [axis, "layer"]) : [], "profile");
    map(group, "phases", "Two axes", "", name => others(name).flatMap((x, i, all) => all.slice(i + 1).map(y => [x, y])), "curve");
    shape(group, "l-shape");
    const gone = group.runs.filter(run => run.data.left_out.length);
    if (gone.length) document.getElementById("plots").append(element("p", { className: "note" }, `Left out for their size, in ${gone.length} of ${group.runs.length} runs: ${unique(gone.flatMap(run => run.data.left_out)).join(", ")}. They are in results.nc.`));
  } else document.getElementById("plots").append(element("p", {}, "No run of this task has results to show; the table below says why."));
  table(task);
  again(task);
}

function table(task) {
  const runs = page.runs.filter(run => run.task === task || !run.task), known = runs.filter(run => run.task);
  const keys = unique(known.flatMap(run => Object.keys(run.settings)));
  // All settings that differ, also along a dimension and in runs without results.
  const swept = keys.filter(key => known.some(run => run.settings[key] !== known[0].settings[key]));
  const own = document.getElementById("runs"), head = element("tr");
  document.getElementById("runs-title").textContent = runs.length < page.runs.length ? `Runs of task=${task}: ${runs.length} of ${page.runs.length}` : "Runs";
  for (const name of ["run", "state", "files", ...swept, "remarks"]) head.append(element("th", { scope: "col" }, name));
  own.replaceChildren(element("thead", {}, head), element("tbody", {}, ...runs.map(run => element("tr", {},
    element("td", {}, run.name), element("td", {}, run.progress ? `${run.state}, ${run.progress}` : run.state),
    element("td", { className: "files" }, ...run.files.flatMap(file => [element("a", { href: `./${file.link.split("/").map(encodeURIComponent).join("/")}` }, file.name), " "])),
    ...swept.map(key => element("td", {}, run.settings[key] ?? "")),
    element("td", { className: "trouble" }, run.trouble.join("; "))))));
  const common = document.querySelector("#common table"), rows = keys.filter(key => !swept.includes(key));
  common.replaceChildren(...rows.map(key => element("tr", {}, element("th", { scope: "row" }, key), element("td", {}, known[0].settings[key]))));
}

function again(task) {
  const runs = page.runs.filter(run => run.task === task), place = document.getElementById("again");
  const tell = name => {
    const run = runs.find(own => own.name === name);
    const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`).join(", ");
    place.replaceChildren(
      run.command ? element("pre", {}, run.command) : element("p", {}, "The run does not say which command leads to it; its config.yaml has all settings."),
      element("p", { className: "note" }, run.command ? "Given where that run was started, the command finds it finished or goes on with it; given elsewhere, it makes the run anew in runs/ there (run.root=FOLDER for another folder)." : ""),
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
