// The divider between before and after: img-comparison-slider, made usable by keyboard and screen
// reader. The element moves by whole steps here, where its own keys glide as long as they are held.

import { percent, text } from "./texts.js";

const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
const SHIFTED = 10; // steps at once with Shift

export class Divider {
  constructor(element) {
    this.element = element;
    this.handle = element.querySelector("[slot=handle]");
    element.addEventListener("slide", () => this.say());
    element.addEventListener("keydown", (event) => this.#key(event));
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.#hold();
  }

  get value() {
    return this.element.value;
  }

  set value(percentage) {
    this.element.value = Math.min(100, Math.max(0, percentage));
    this.say();
  }

  /** Whether a pointer is on the handle, and therefore the divider's. */
  holds(event) {
    const box = this.handle.getBoundingClientRect();
    const inside = (value, from, to) => value >= from && value <= to;
    return inside(event.clientX, box.left, box.right) && inside(event.clientY, box.top, box.bottom);
  }

  /** Tell a screen reader what it is and where it stands. */
  say() {
    const now = Math.round(this.value);
    this.element.setAttribute("aria-label", text("divider"));
    this.element.setAttribute("aria-valuenow", String(now));
    this.element.setAttribute("aria-valuetext", text("divider.value", { percent: percent(now / 100) }));
  }

  #key(event) {
    const ends = { Home: 0, End: 100 };
    const step = (KEYS[event.key] ?? 0) * (event.shiftKey ? SHIFTED : 1);
    if (!step && !(event.key in ends)) return;
    event.preventDefault();
    event.stopPropagation(); // the same keys move the picture, when the stage has the focus
    this.value = ends[event.key] ?? Math.round(this.value) + step;
  }

  /** The element glides for a tenth of a second wherever it is put; who wants no motion gets none. */
  #hold() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(".first { --transition-time: 0s !important }");
    this.element.shadowRoot.adoptedStyleSheets.push(sheet);
  }
}
