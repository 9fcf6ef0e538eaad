// Beside the picture: the verdict, the settings, and the way to the result.

import { explain } from "./problems.js";
import { number, percent, text, textOr } from "./texts.js";
import { chosen, details, facts, verdict } from "./verdict.js";

const PATIENCE = 350; // milliseconds without a change before a setting counts as chosen

const by = (id) => document.getElementById(id);

/**
 * Tells of "settings" (someone chose; `detail` has them), "sliding" (the strength is being moved),
 * "apply-all", "save" and "save-all".
 */
export class Panel extends EventTarget {
  #models = [];
  #timer = null; // runs while a choice may still change

  constructor() {
    super();
    by("model").addEventListener("change", () => this.#chose(0));
    by("strength").addEventListener("input", () => {
      this.#sayStrength();
      this.dispatchEvent(new CustomEvent("sliding", { detail: this.settings.strength }));
      this.#chose(PATIENCE);
    });
    by("settings").addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["apply-all", "save", "save-all"]) {
      by(name).addEventListener("click", () => this.dispatchEvent(new Event(name)));
    }
    this.#sayStrength();
  }

  get settings() {
    return { model: by("model").value || "auto", strength: Number(by("strength").value) / 100 };
  }

  /** Tell at once of a choice that was about to be told. */
  settle() {
    if (this.#timer !== null) this.#tell();
  }

  /** The models that can be chosen, as the server lists them. */
  set models(models) {
    this.#models = models;
    this.say();
  }

  /** Put the choices into this language's words. */
  say() {
    const wanted = this.settings.model;
    const names = ["auto", "medium", "fast", ...this.#models.map((model) => model.name)];
    const purpose = (name) => this.#models.find((model) => model.name === name)?.purpose;
    const label = (name) => textOr(`model.${name}`, purpose(name) ? `${name}: ${purpose(name)}` : name);
    by("model").replaceChildren(...names.map((name) => new Option(label(name), name)));
    by("model").value = names.includes(wanted) ? wanted : "auto";
    this.#sayStrength();
  }

  /** Show a picture; `others` have other settings, and `done` of all are done. */
  show(item, { reduced = false, others = 0, done = 0 } = {}) {
    const { result } = item;
    const report = result?.report;
    by("name").textContent = item.name;
    by("facts").textContent = report ? facts(report, reduced) : sizeOf(item.file);
    if (this.#timer === null) this.#showSettings(item.settings);
    by("model-why").textContent = report ? chosen(report) : "";
    const [first, ...rest] = report ? verdict(report) : [];
    by("verdict").hidden = !report;
    by("verdict").replaceChildren(element("p", first, "first"), element("p", rest.join(" ")));
    by("save").disabled = !result || item.phase !== "done";
    by("save-all").hidden = done < 2;
    by("save-all").textContent = text("save.all", { count: done });
    by("apply-all").hidden = others < 1;
    by("apply-all").textContent = text("apply.all", { count: others });
    this.#showDetails(item);
  }

  #showDetails(item) {
    const { result, inspection } = item;
    by("details").hidden = !result?.report;
    if (!result?.report) return;
    const rows = details(result, inspection).flatMap(([name, value]) => [
      element("dt", name),
      element("dd", value),
    ]);
    by("details-list").replaceChildren(...rows);
    by("notes").replaceChildren(...(result.report.notes ?? []).map((note) => element("li", note)));
  }

  #showSettings({ model, strength }) {
    by("model").value = model;
    by("strength").value = String(Math.round(strength * 100));
    this.#sayStrength();
  }

  #sayStrength() {
    by("strength-value").textContent = percent(Number(by("strength").value) / 100);
  }

  #chose(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), delay);
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.dispatchEvent(new CustomEvent("settings", { detail: this.settings }));
  }
}

/** What hinders a picture or how far it is, on the stage. */
export function showProgress(item) {
  const failed = item.phase === "failed" || item.phase === "cancelled";
  by("message").hidden = !failed;
  by("progress").hidden = !item.active;
  if (failed) {
    const { problem } = item;
    by("message-title").textContent = text("problem.title", { name: item.name });
    by("retry").hidden = Boolean(problem?.lasts);
    by("message-text").textContent = problem ? explain(problem) : text("problem.cancelled");
  }
  if (!item.active) return;
  const values = { percent: percent(item.fraction), count: item.seconds };
  by("progress-text").textContent = text(`progress.${item.phase}`, values);
  const measured = ["uploading", "working", "downloading"].includes(item.phase) && item.fraction > 0;
  if (measured) by("progress-bar").value = item.fraction;
  else by("progress-bar").removeAttribute("value");
}

const sizeOf = (file) => text("bytes", { megabytes: number(file.size / 1e6, 2) });

function element(kind, words = "", name = "") {
  const made = document.createElement(kind);
  made.textContent = words;
  if (name) made.className = name;
  return made;
}
