// What was removed, as a picture: gray where nothing was.

const GRAY = 128;

/** Write gray + factor x (before - after) into `before`; both are ImageData of one size. */
export function removed(before, after, factor) {
  const from = before.data;
  const to = after.data; // clamped arrays round and clip by themselves
  for (let place = 0; place < from.length; place += 4) {
    from[place] = GRAY + factor * (from[place] - to[place]);
    from[place + 1] = GRAY + factor * (from[place + 1] - to[place + 1]);
    from[place + 2] = GRAY + factor * (from[place + 2] - to[place + 2]);
  }
  return before;
}
