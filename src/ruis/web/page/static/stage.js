// The stage: before and after under the divider, the removed noise, and one view for all of them.

import { Divider } from "./divider.js";
import { listen } from "./gestures.js";
import { removed } from "./noise.js";
import { text } from "./texts.js";
import * as view from "./view.js";

const STEP = 48; // CSS pixels that an arrow key moves the picture

/** Tells of "view" when the zoom or what is shown has changed. */
export class Stage extends EventTarget {
  #canvases;
  #divider;
  #shown = null; // { name, size, before, after, blend }
  #view = null;
  #mode = "compare";
  #factor = 4;
  #drawing = 0;
  #room = { width: 1, height: 1, ratio: 1 };

  constructor(element) {
    super();
    this.element = element;
    const canvas = (id) => element.querySelector(`#${id}`);
    this.#canvases = { before: canvas("before"), after: canvas("after"), noise: canvas("noise") };
    this.#divider = new Divider(element.querySelector("#divider"));
    const free = (event) =>
      this.#shown && !event.target.closest(".message, .progress") && !this.#onHandle(event);
    listen(element, {
      free,
      onPan: (dx, dy) => this.#pan(dx, dy),
      onZoom: (factor, point) => this.#zoomAt(this.zoom * factor, point),
      onDouble: (point) => (this.#view.fits ? this.#zoomAt(1, point) : this.setZoom("fit")),
    });
    element.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#resize()).observe(element);
  }

  /** Show a picture; without `after`, it is alone. The view stays if the size does. */
  show(picture) {
    const before = this.#shown;
    const same = before && picture && before.name === picture.name
      && before.size.width === picture.size.width && before.size.height === picture.size.height;
    this.#shown = picture;
    if (!picture) this.#view = null;
    else if (!same) this.#view = view.fit(picture.size, this.#room);
    this.say();
    this.#changed();
  }

  /** Show the result between nothing (0) and all of it (1), until the server has the real one. */
  set blend(share) {
    if (!this.#shown) return;
    this.#shown.blend = share;
    this.#draw();
  }

  get zoom() {
    return this.#view?.scale ?? 1;
  }

  get fits() {
    return this.#view?.fits ?? true;
  }

  get mode() {
    return this.#mode;
  }

  /** "compare" or "noise". */
  set mode(mode) {
    this.#mode = mode;
    this.say();
    this.#changed();
  }

  get factor() {
    return this.#factor;
  }

  set factor(factor) {
    this.#factor = factor;
    this.say();
    this.#draw();
  }

  /** "fit", or screen pixels per image pixel, around the middle. */
  setZoom(scale) {
    if (!this.#shown) return;
    if (scale === "fit") this.#view = view.fit(this.#shown.size, this.#room);
    else this.#zoomAt(scale);
    this.#changed();
  }

  zoomBy(direction) {
    if (this.#shown) this.#zoomAt(view.step(this.zoom, direction));
  }

  /** Put what is seen into words. */
  say() {
    const name = this.#shown?.name ?? "";
    this.element.setAttribute("aria-label", text("stage.label", { name }));
    const label = text("noise.label", { name, factor: this.#factor });
    this.#canvases.noise.setAttribute("aria-label", label);
    this.#divider.say();
  }

  #onHandle(event) {
    return this.#comparing && this.#divider.holds(event);
  }

  get #comparing() {
    return this.#mode === "compare" && Boolean(this.#shown?.after);
  }

  #pan(dx, dy) {
    const { ratio } = this.#room;
    this.#view = view.pan(this.#view, dx * ratio, dy * ratio, this.#shown.size, this.#room);
    this.#draw();
  }

  #zoomAt(scale, point) {
    if (!this.#shown) return;
    const { width, height, ratio } = this.#room;
    const kept = point
      ? { x: point.x * ratio, y: point.y * ratio }
      : { x: width / 2, y: height / 2 };
    this.#view = view.zoom(this.#view, scale, kept, this.#shown.size, this.#room);
    this.#changed();
  }

  #key(event) {
    const ours = event.target === this.element || event.target === this.#divider.element;
    if (!ours || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const deeds = {
      "+": () => this.zoomBy(1),
      "=": () => this.zoomBy(1),
      "-": () => this.zoomBy(-1),
      0: () => this.setZoom("fit"),
      1: () => this.setZoom(1),
      b: () => (this.mode = "compare"),
      n: () => (this.mode = "noise"),
    };
    const move = moves[event.key];
    if (!this.#shown || !(move || deeds[event.key])) return;
    event.preventDefault();
    if (move) this.#pan(move[0] * STEP, move[1] * STEP);
    else deeds[event.key]();
  }

  #resize() {
    const ratio = devicePixelRatio;
    const box = this.element.getBoundingClientRect();
    this.#room = {
      width: Math.max(1, Math.round(box.width * ratio)),
      height: Math.max(1, Math.round(box.height * ratio)),
      ratio,
    };
    for (const canvas of Object.values(this.#canvases)) {
      canvas.width = this.#room.width;
      canvas.height = this.#room.height;
    }
    if (this.#shown) {
      const { size } = this.#shown;
      this.#view = this.#view.fits
        ? view.fit(size, this.#room)
        : view.within(this.#view, size, this.#room);
    }
    this.#changed();
  }

  #changed() {
    const { classList } = this.element;
    const noise = this.#mode === "noise" && Boolean(this.#shown?.after);
    classList.toggle("alone", !this.#comparing);
    classList.toggle("fits", this.fits);
    this.#divider.element.hidden = noise;
    this.#divider.element.tabIndex = this.#comparing ? 0 : -1;
    this.#canvases.noise.hidden = !noise;
    this.dispatchEvent(new Event("view"));
    this.#draw();
  }

  #draw() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const { before, after, noise } = this.#canvases;
    const shown = this.#shown;
    if (!shown) return [before, after].forEach((canvas) => pen(canvas));
    if (!noise.hidden) return this.#paintNoise(noise);
    this.#paintOn(pen(before), shown.before);
    const on = pen(after);
    this.#paintAfter(on);
  }

  #paintAfter(on) {
    const { before, after, blend } = this.#shown;
    if (!after || blend < 1) this.#paintOn(on, before);
    if (!after) return;
    on.globalAlpha = Math.min(1, blend);
    this.#paintOn(on, after);
    on.globalAlpha = 1;
  }

  #paintNoise(canvas) {
    const on = pen(canvas);
    const { width, height } = canvas;
    this.#paintOn(on, this.#shown.before);
    const from = on.getImageData(0, 0, width, height);
    on.clearRect(0, 0, width, height);
    this.#paintAfter(on);
    const to = on.getImageData(0, 0, width, height);
    on.putImageData(removed(from, to, this.#factor), 0, 0);
  }

  #paintOn(on, bitmap) {
    const { size } = this.#shown;
    const { x, y } = view.corner(this.#view, this.#room);
    const scale = this.zoom;
    on.imageSmoothingEnabled = scale < 1;
    on.imageSmoothingQuality = "high";
    on.drawImage(bitmap, x, y, Math.round(size.width * scale), Math.round(size.height * scale));
  }
}

/** The context of a canvas that has been wiped. */
function pen(canvas) {
  const context = canvas.getContext("2d", { willReadFrequently: canvas.id === "noise" });
  context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}
