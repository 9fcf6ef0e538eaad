// The pictures that someone gave, and the order in which they go to the server.

import * as api from "./api.js";
import { Problem } from "./problems.js";

const AT_ONCE = 2; // one is being sent or fetched while the server works on the other
const MEGA = 1e6;

let count = 0;

/** One picture: the file, what is wanted of it, and how far it is. */
class Item {
  constructor(file, settings) {
    count += 1;
    this.id = count;
    this.file = file;
    this.name = file.name || `picture-${count}.png`;
    this.settings = { ...settings };
    this.phase = "waiting"; // uploading, queued, working, downloading, busy; done, failed, cancelled
    this.fraction = 0;
    this.seconds = 0; // until the next try, while busy
    this.result = null; // { blob, report, type, settings }
    this.problem = null;
    this.inspection = null;
    this.thumbnail = null;
  }

  get active() {
    return !["done", "failed", "cancelled"].includes(this.phase);
  }

  /** The name under which the result is saved: photo.png becomes photo.denoised.png. */
  get resultName() {
    const stem = this.name.replace(/\.[^.]*$/, "") || this.name;
    const endings = { jpeg: "jpg", tiff: "tif", pnm: this.name.match(/\.(p[bgpn]m)$/i)?.[1] ?? "pnm" };
    const format = this.result?.report?.format ?? this.result?.type.split("/")[1] ?? "png";
    const own = this.name.match(/\.([^.]+)$/)?.[1] ?? "";
    const same = { jpeg: /^jpe?g$/i, tiff: /^tiff?$/i }[format]?.test(own);
    return `${stem}.denoised.${same ? own : (endings[format] ?? format)}`;
  }
}

/** Tells of "added", "changed" and "removed", each with the item as `detail`. */
export class Queue extends EventTarget {
  items = [];
  limits = null;
  #first = null;
  #running = new Map();

  add(files, settings) {
    const items = Array.from(files, (file) => new Item(file, settings));
    for (const item of items) {
      this.items.push(item);
      this.#tell("added", item);
    }
    this.#next();
    return items;
  }

  /** The pictures that have other settings than these. */
  itemsUnlike({ model, strength }) {
    return this.items.filter(
      ({ settings }) => settings.model !== model || settings.strength !== strength,
    );
  }

  /** Let the shown picture go first. */
  prefer(item) {
    this.#first = item;
  }

  /** Do a picture again with other settings; the earlier result stays until there is a new one. */
  redo(item, settings = item.settings) {
    this.#stop(item);
    item.settings = { ...settings };
    this.#set(item, { phase: "waiting", fraction: 0, problem: null });
    this.#next();
  }

  cancel(item) {
    this.#stop(item);
    if (item.result) item.settings = { ...item.result.settings };
    this.#set(item, { phase: item.result ? "done" : "cancelled", fraction: 0 });
    this.#next();
  }

  remove(item) {
    this.#stop(item);
    this.items = this.items.filter((other) => other !== item);
    this.#tell("removed", item);
    this.#next();
  }

  #stop(item) {
    this.#running.get(item)?.abort();
    this.#running.delete(item);
  }

  #next() {
    while (this.#running.size < AT_ONCE) {
      const waiting = this.items.filter((item) => item.phase === "waiting" && !this.#running.has(item));
      const item = waiting.find((one) => one === this.#first) ?? waiting[0];
      if (!item) return;
      this.#run(item);
    }
  }

  async #run(item) {
    const stop = new AbortController();
    this.#running.set(item, stop);
    const mine = () => this.#running.get(item) === stop;
    const told = (phase, value) => {
      if (!mine()) return;
      if (phase === "busy") this.#set(item, { phase, seconds: value });
      else this.#set(item, { phase, fraction: value });
    };
    const settings = { ...item.settings };
    try {
      this.#check(item.file);
      const result = await api.denoise(item.file, settings, { signal: stop.signal, told });
      if (mine()) this.#set(item, { phase: "done", fraction: 1, result: { ...result, settings } });
    } catch (error) {
      if (!mine()) return;
      const problem = error instanceof Problem ? error : new Problem("internal", { detail: `${error}` });
      this.#set(item, { phase: "failed", problem, result: null });
    } finally {
      if (mine()) this.#running.delete(item);
      this.#next();
    }
  }

  /** Refuse here what the server would refuse after the whole of it was sent. */
  #check(file) {
    const most = this.limits?.max_bytes;
    if (most && file.size > most) {
      const values = { size: file.size / MEGA, most: most / MEGA };
      throw new Problem("too-large-here", { values });
    }
  }

  #set(item, values) {
    Object.assign(item, values);
    this.#tell("changed", item);
  }

  #tell(what, item) {
    this.dispatchEvent(new CustomEvent(what, { detail: item }));
  }
}
