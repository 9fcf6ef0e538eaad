// The page: each part is made here, and what one part tells is passed on to the others.

import "./img-comparison-slider-8.0.7.js";
import * as api from "./api.js";
import * as dunes from "./dunes.js";
import * as intake from "./intake.js";
import { List } from "./list.js";
import { Panel, showProgress } from "./panel.js";
import { explain } from "./problems.js";
import { Queue } from "./queue.js";
import { Screening } from "./screening.js";
import { saveAll, saveOne } from "./save.js";
import { Stage } from "./stage.js";
import { firstLanguage, percent, speak, text } from "./texts.js";
import * as theme from "./theme.js";
import { askForToken } from "./token.js";

const AGAIN = 3000; // milliseconds until a server that is gone is looked for again

const by = (id) => document.getElementById(id);
const queue = new Queue();
const stage = new Stage(by("stage"));
const list = new List(by("list"));
const panel = new Panel();
const screening = new Screening(stage);
let chosen = null;

// -- pictures come in, are chosen, change, and go ----------------------------------------------------

intake.listen((files) => {
  const items = queue.add(files, panel.settings);
  announce(text("live.added", { count: items.length }));
  if (!chosen) choose(items[0]);
});

queue.addEventListener("added", ({ detail: item }) => {
  list.add(item);
  screening.addThumbnail(item).then(() => list.update(item));
  showWhatThereIs();
});

queue.addEventListener("changed", ({ detail: item }) => {
  list.update(item);
  if (item.phase === "done") {
    announce(text("live.done", { name: item.name }));
    if (!queue.limits) ask(); // nobody had the token when it was asked before
  }
  if (item.phase === "failed") {
    announce(text("live.failed", { name: item.name, problem: explain(item.problem) }));
    if (item.problem.name === "unreachable") watchServer();
  }
  if (item === chosen) showChosen();
  else if (!item.active) showPanel();
});

queue.addEventListener("removed", ({ detail: item }) => {
  const focused = document.activeElement;
  const near = list.remove(item);
  screening.forget(item);
  announce(text("live.removed", { name: item.name }));
  if (item === chosen) choose(queue.items[0] ?? null);
  showWhatThereIs();
  if (!near) by("choose").focus(); // what had the focus is gone
  else if (!focused.checkVisibility()) list.focus(near);
});

list.addEventListener("choose", ({ detail: item }) => choose(item));
list.addEventListener("discard", ({ detail: item }) => queue.remove(item));

function choose(item) {
  panel.settle();
  chosen = item;
  queue.prefer(item);
  list.choose(item);
  if (item) showChosen();
  else stage.show(null);
}

async function showChosen() {
  const item = chosen;
  keepFocus(() => showProgress(item), "cancel", "retry", "stage");
  showPanel();
  await screening.show(item);
  if (item === chosen) showPanel();
  if (item.result && by("details").open) {
    await screening.inspect(item);
    if (item === chosen) showPanel();
  }
}

by("details").addEventListener("toggle", () => chosen && showChosen());

function showPanel() {
  if (!chosen) return;
  const others = queue.itemsUnlike(chosen.settings).length;
  const done = queue.items.filter((item) => item.phase === "done").length;
  keepFocus(() => panel.show(chosen, { reduced: screening.reduced, others, done }), "model");
}

/** Do what may hide the button that has the focus; then the first of these that is seen gets it. */
function keepFocus(change, ...ids) {
  const focused = document.activeElement;
  change();
  if (!focused.checkVisibility()) ids.map(by).find((one) => one.checkVisibility())?.focus();
}

function showWhatThereIs() {
  const empty = queue.items.length === 0;
  by("empty").hidden = !empty;
  by("work").hidden = empty;
  by("add").hidden = empty;
  document.body.dataset.state = empty ? "empty" : "work";
  if (empty) {
    dunes.draw(by("dunes"));
  } else {
    showPanel();
  }
}

// -- settings, saving, trying again --------------------------------------------------------------------

panel.addEventListener("sliding", ({ detail: strength }) => screening.slide(strength));
panel.addEventListener("settings", ({ detail: settings }) => chosen && queue.redo(chosen, settings));
panel.addEventListener("apply-all", () => {
  for (const item of queue.itemsUnlike(chosen.settings)) queue.redo(item, chosen.settings);
});
panel.addEventListener("save", () => {
  saveOne(chosen);
  announce(text("live.saved"));
});
panel.addEventListener("save-all", async () => {
  await saveAll(queue.items.filter((item) => item.phase === "done"));
  announce(text("live.saved"));
});
by("retry").addEventListener("click", () => queue.redo(chosen));
by("discard").addEventListener("click", () => queue.remove(chosen));
by("cancel").addEventListener("click", () => queue.cancel(chosen));

// -- looking closer --------------------------------------------------------------------------------------

by("zoom-in").addEventListener("click", () => stage.zoomBy(1));
by("zoom-out").addEventListener("click", () => stage.zoomBy(-1));
by("factor").addEventListener("input", (event) => {
  stage.factor = Number(event.target.value);
  showTools();
});
for (const button of document.querySelectorAll("[data-zoom]")) {
  const { zoom } = button.dataset;
  button.addEventListener("click", () => stage.setZoom(zoom === "fit" ? zoom : Number(zoom)));
}
for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => (stage.mode = button.dataset.view));
}
stage.addEventListener("view", showTools);

function showTools() {
  by("zoom-value").textContent = percent(stage.zoom);
  by("factor-box").hidden = stage.mode !== "noise";
  by("factor-value").textContent = text("factor.value", { factor: stage.factor });
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === stage.mode));
  }
  for (const button of document.querySelectorAll("[data-zoom]")) {
    const { zoom } = button.dataset;
    const now = zoom === "fit" ? stage.fits : !stage.fits && Math.abs(stage.zoom - zoom) < 1e-3;
    button.setAttribute("aria-pressed", String(now));
    if (zoom !== "fit") button.textContent = percent(Number(zoom));
  }
}

// -- language, theme, and the server ----------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    const address = new URL(location);
    address.searchParams.set("lang", button.dataset.language);
    history.replaceState(null, "", address);
    say(button.dataset.language);
  });
}

async function say(wanted) {
  await speak(wanted);
  panel.say();
  list.say();
  stage.say();
  showTools();
  showTheme();
  if (chosen) {
    showProgress(chosen);
    showPanel();
  }
}

function showTheme() {
  const label = text(theme.isDark() ? "theme.light" : "theme.dark");
  by("theme").setAttribute("aria-label", label);
  by("theme").title = label;
}

by("theme").addEventListener("click", () => {
  theme.toggle();
  showTheme();
});
theme.onSystemChange(showTheme);
addEventListener("resize", () => by("empty").hidden || dunes.draw(by("dunes")));

function announce(words) {
  by("live").textContent = words;
}

let watching = false;

/** While the server is gone, say so; when it is back, ask what it has. */
async function watchServer() {
  if (watching) return;
  watching = true;
  while (!(await api.alive())) {
    by("connection").textContent = text("gone");
    by("connection").hidden = false;
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
  by("connection").hidden = true;
  watching = false;
}

let asking = null;

/** Ask the server what it has; whoever asks meanwhile waits for the same answer. */
function ask() {
  asking ??= learn().finally(() => (asking = null));
  return asking;
}

async function learn() {
  try {
    const known = await Promise.all([api.limits(), api.models()]);
    [queue.limits, panel.models] = known; // who sees the models may count on the limits
  } catch (problem) {
    if (problem.name === "unreachable") {
      await watchServer();
      await learn();
    }
  }
}

api.onTokenNeeded(askForToken);
await say(firstLanguage());
showWhatThereIs();
await ask();
