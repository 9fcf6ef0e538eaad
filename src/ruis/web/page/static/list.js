// The strip of pictures: a small copy of each, its name, and how far it is, in words.

import { text } from "./texts.js";

/** Tells of "choose" and "discard", each with the item as `detail`. */
export class List extends EventTarget {
  #rows = new Map();
  #chosen = null;

  constructor(element) {
    super();
    this.element = element;
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  add(item) {
    const row = document.createElement("li");
    row.className = "card";
    const open = document.createElement("button");
    open.type = "button";
    open.className = "open";
    const picture = document.createElement("span");
    picture.className = "thumbnail";
    const name = document.createElement("span");
    name.className = "card-name";
    name.textContent = item.name;
    const state = document.createElement("span");
    state.className = "state";
    open.append(picture, name, state);
    open.addEventListener("click", () => this.#tell("choose", item));
    const discard = document.createElement("button");
    discard.type = "button";
    discard.className = "discard";
    discard.textContent = "×";
    discard.addEventListener("click", () => this.#tell("discard", item));
    row.append(open, discard);
    this.element.append(row);
    this.#rows.set(item, { row, open, picture, state, discard });
    this.update(item);
  }

  update(item) {
    const parts = this.#rows.get(item);
    if (!parts) return;
    const state = text(`state.${item.phase}`);
    parts.row.dataset.phase = item.phase;
    parts.state.textContent = state;
    parts.open.title = item.name;
    parts.open.setAttribute("aria-label", text("item.label", { name: item.name, state }));
    parts.discard.setAttribute("aria-label", text("discard.name", { name: item.name }));
    parts.discard.title = text("discard");
    if (item.thumbnail && !parts.picture.firstChild) {
      item.thumbnail.setAttribute("aria-hidden", "true");
      parts.picture.replaceChildren(item.thumbnail);
    }
  }

  /** Take a picture out; returns the one that is in its place now, or next to it. */
  remove(item) {
    const items = [...this.#rows.keys()];
    const place = items.indexOf(item);
    this.#rows.get(item)?.row.remove();
    this.#rows.delete(item);
    return items[place + 1] ?? items[place - 1];
  }

  focus(item) {
    this.#rows.get(item)?.open.focus();
  }

  choose(item) {
    this.#chosen = item;
    for (const [other, { row, open }] of this.#rows) {
      row.classList.toggle("chosen", other === item);
      if (other === item) open.setAttribute("aria-current", "true");
      else open.removeAttribute("aria-current");
    }
    this.#reveal(this.#rows.get(item)?.row);
  }

  /** Scroll the strip, and never the page: that would take the picture out of sight. */
  #reveal(row) {
    if (!row) return;
    const strip = this.element.getBoundingClientRect();
    const card = row.getBoundingClientRect();
    if (card.left < strip.left) this.element.scrollLeft -= strip.left - card.left;
    if (card.right > strip.right) this.element.scrollLeft += card.right - strip.right;
  }

  say() {
    for (const item of this.#rows.keys()) this.update(item);
  }

  /** Arrow keys go along the pictures; Delete takes one out. */
  #key(event) {
    const items = [...this.#rows.keys()];
    const place = items.findIndex((item) => this.#rows.get(item).open === event.target);
    if (place < 0) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in steps) {
      const next = items[place + steps[event.key]];
      if (!next) return;
      event.preventDefault();
      this.focus(next);
      this.#tell("choose", next);
    } else if (event.key === "Delete") {
      this.#tell("discard", items[place]);
    }
  }

  #tell(what, item) {
    this.dispatchEvent(new CustomEvent(what, { detail: item }));
  }
}
