// Which part of an image is seen, and how large: arithmetic alone, in pixels of the screen.
//
// A view is { scale, x, y, fits }: screen pixels per image pixel, and the point of the image that is in
// the middle of the stage; a stage is { width, height, ratio }, with the screen pixels per CSS pixel.
// `fits` says that it follows the stage when that changes its size.

export const LARGEST = 8;
const SMALLEST = 1 / 64;
const STEPS = [1 / 16, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 1.5, 2, 3, 4, 6, 8];

/**
 * The whole image. A small one is enlarged by a whole number, so that its pixels stay equal squares; or
 * freely, as long as they are finer than a CSS pixel and the difference cannot be seen.
 */
export function fit(image, stage) {
  const room = Math.min(stage.width / image.width, stage.height / image.height);
  const even = Math.max(Math.floor(room), Math.min(room, stage.ratio));
  const scale = room >= 1 ? Math.min(LARGEST, even) : Math.max(room, SMALLEST);
  return { scale, x: image.width / 2, y: image.height / 2, fits: true };
}

/** Another scale, with the image's point under `point` (from the stage's left top) kept in place. */
export function zoom(view, scale, point, image, stage) {
  const least = Math.min(1, fit(image, stage).scale);
  const next = Math.min(LARGEST, Math.max(least, scale));
  const dx = point.x - stage.width / 2;
  const dy = point.y - stage.height / 2;
  const moved = {
    scale: next,
    x: view.x + dx / view.scale - dx / next,
    y: view.y + dy / view.scale - dy / next,
    fits: false,
  };
  return within(moved, image, stage);
}

/** The next larger (or smaller) of the usual scales. */
export function step(scale, direction) {
  const close = 1.001;
  return direction > 0
    ? (STEPS.find((one) => one > scale * close) ?? LARGEST)
    : (STEPS.findLast((one) => one < scale / close) ?? STEPS[0]);
}

/** Moved by a distance on the screen. */
export function pan(view, dx, dy, image, stage) {
  const moved = { ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale };
  return within(moved, image, stage);
}

/** The nearest view that wastes no room: an image smaller than the stage is in its middle. */
export function within(view, image, stage) {
  const along = (middle, length, room) => {
    const half = room / 2 / view.scale;
    return length <= 2 * half ? length / 2 : Math.min(length - half, Math.max(half, middle));
  };
  return {
    ...view,
    x: along(view.x, image.width, stage.width),
    y: along(view.y, image.height, stage.height),
  };
}

/** Where the image's left top corner is on the stage, on whole pixels. */
export function corner(view, stage) {
  return {
    x: Math.round(stage.width / 2 - view.x * view.scale),
    y: Math.round(stage.height / 2 - view.y * view.scale),
  };
}
