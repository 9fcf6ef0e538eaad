// What the stage shows of a picture: its pixels are decoded when it is chosen, and let go afterwards.

import * as api from "./api.js";
import { decode, decodeSmall, thumbnail } from "./pictures.js";

export class Screening {
  #stage;
  #item = null;
  #before = null; // of the item that is shown
  #after = null;
  #of = null; // the result that `#after` was decoded from
  #thumbnails = Promise.resolve();

  constructor(stage) {
    this.#stage = stage;
  }

  /** Whether the picture is shown with fewer pixels than it has. */
  get reduced() {
    const report = this.#item?.result?.report;
    return Boolean(report && this.#before && this.#before.width < report.columns);
  }

  /** Show what there is of a picture; called again whenever there is more. */
  async show(item) {
    if (item !== this.#item) {
      this.#letGo();
      this.#item = item;
      this.#stage.show(null);
    }
    try {
      if (!(await this.#showBefore(item))) return;
      await this.#showAfter(item);
      if (item === this.#item && item.phase === "done") this.#stage.blend = 1;
    } catch {
      return; // what is wrong with the picture, denoising it tells
    }
    if (item.result && !item.inspection) await this.#inspect(item);
  }

  /** Show another strength at once, from what is there, until the server has the real one. */
  slide(strength) {
    const made = this.#of?.settings.strength;
    if (made) this.#stage.blend = strength / made;
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
    if (this.#before) return true;
    const before = await decode(item.file);
    if (item !== this.#item || this.#before) {
      before.close();
      return item === this.#item;
    }
    this.#before = before;
    item.thumbnail ??= thumbnail(before);
    this.#put(item);
    return true;
  }

  async #showAfter(item) {
    const { result } = item;
    if (result === this.#of) return;
    if (!result) {
      this.#after?.close();
      this.#after = this.#of = null;
      return this.#put(item);
    }
    const after = await decode(result.blob);
    if (item !== this.#item || item.result !== result) return after.close();
    this.#after?.close();
    this.#after = after;
    this.#of = result;
    this.#put(item);
  }

  #put(item) {
    const report = item.result?.report;
    const size = report
      ? { width: report.columns, height: report.rows }
      : { width: this.#before.width, height: this.#before.height };
    this.#stage.show({ name: item.name, size, before: this.#before, after: this.#after, blend: 1 });
  }

  async #inspect(item) {
    item.inspection = {}; // asked for once
    item.inspection = await api.inspect(item.file).catch(() => ({}));
  }

  #letGo() {
    this.#before?.close();
    this.#after?.close();
    this.#item = this.#before = this.#after = this.#of = null;
  }
}
