// What the stage shows of a picture: its pixels are decoded when it is chosen, and let go afterwards.

import * as api from "./api.js";
import { decode, decodeSmall, thumbnail } from "./pictures.js";

export class Screening {
  #stage;
  #item = null;
  #before = null; // of the item that is shown
  #after = null;
  #of = null; // the result that `#after` was decoded from
  #decoding = new Map(); // what is being decoded, so that nobody begins it twice
  #hopeless; // the result (or its absence) with which decoding failed
  #leaving = new AbortController(); // ends what only the item that is shown needs
  #thumbnails = Promise.resolve();

  constructor(stage) {
    this.#stage = stage;
  }

  /** Whether the picture is shown with fewer pixels than it has. */
  get reduced() {
    const report = this.#item?.result?.report;
    return Boolean(report && this.#before && this.#before.width < report.columns);
  }

  /** Show what there is of a picture; called again whenever there may be more. */
  async show(item) {
    if (item !== this.#item) {
      this.#letGo();
      this.#item = item;
      this.#stage.show(null);
    }
    const { result } = item;
    if (this.#hopeless === result) return;
    try {
      await this.#showBefore(item);
      await this.#showAfter(item, result);
      if (item === this.#item && item.phase === "done") this.#stage.blend = 1;
    } catch {
      // what is wrong with the picture, denoising it tells
      if (item === this.#item) this.#hopeless = result;
    }
  }

  /** Show another strength at once, from what is there, until the server has the real one. */
  slide(strength) {
    const made = this.#of?.settings.strength;
    if (made) this.#stage.blend = strength / made;
  }

  /** Find out once what else there is to know of a picture. */
  async inspect(item) {
    if (item.inspection) return;
    item.inspection = {};
    item.inspection = await api.inspect(item.file).catch(() => ({}));
  }

  /** Make the small copy of a picture; one after the other. */
  addThumbnail(item) {
    this.#thumbnails = this.#thumbnails.then(async () => {
      try {
        item.thumbnail ??= await decodeSmall(item.file);
      } catch {
        // it stays without
      }
    });
    return this.#thumbnails;
  }

  forget(item) {
    if (item === this.#item) this.#letGo();
  }

  async #showBefore(item) {
    if (this.#before) return;
    const before = await this.#decode(item.file);
    if (item !== this.#item) return before.close();
    if (this.#before) return;
    this.#before = before;
    item.thumbnail ??= thumbnail(before);
    this.#put(item);
  }

  async #showAfter(item, result) {
    if (item !== this.#item || result === this.#of) return;
    const range = result?.report?.data_range; // that of the picture before: a TIFF does not say it
    const after = result && (await this.#decode(result.blob, range));
    if (item !== this.#item || item.result !== result) return after?.close();
    if (result === this.#of) return;
    this.#after?.close();
    this.#after = after;
    this.#of = result;
    this.#put(item);
  }

  #decode(blob, range) {
    const decoding = this.#decoding;
    if (!decoding.has(blob)) {
      const made = decode(blob, { signal: this.#leaving.signal, range });
      decoding.set(blob, made.finally(() => decoding.delete(blob)));
    }
    return decoding.get(blob);
  }

  #put(item) {
    const report = item.result?.report;
    const size = report
      ? { width: report.columns, height: report.rows }
      : { width: this.#before.width, height: this.#before.height };
    this.#stage.show({ name: item.name, size, before: this.#before, after: this.#after, blend: 1 });
  }

  #letGo() {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    this.#decoding = new Map();
    this.#before?.close();
    this.#after?.close();
    this.#item = this.#before = this.#after = this.#of = null;
    this.#hopeless = undefined;
  }
}
