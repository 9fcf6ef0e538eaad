// From the bytes of an image file to pixels that this browser can draw.

import * as api from "./api.js";

const LONGEST = 4096; // the longest side that is asked of the server
const MOST_PIXELS = 40e6; // beyond this a browser's copy would need too much memory
const SMALL = 224; // pixels of a thumbnail's longer side

const STARTS = [
  [0x89, 0x50, 0x4e, 0x47], // PNG
  [0xff, 0xd8, 0xff], // JPEG
  [0x47, 0x49, 0x46, 0x38], // GIF
  [0x42, 0x4d], // BMP
];

/** Decode an image; what the browser cannot show, or should not, the server makes a PNG of. */
export async function decode(blob, options = {}) {
  if (await isShownByBrowsers(blob)) {
    try {
      if ((await areaOf(blob)) <= MOST_PIXELS) return await createImageBitmap(blob);
    } catch {
      // damaged, or of a kind that this browser lacks: the server knows more
    }
  }
  return createImageBitmap(await api.preview(blob, options.side ?? LONGEST, options));
}

/** A small copy of a decoded image, as a canvas. */
export function thumbnail(bitmap) {
  const scale = Math.min(1, SMALL / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Decode just enough for a thumbnail. */
export async function decodeSmall(blob, options = {}) {
  const bitmap = await decode(blob, { ...options, side: SMALL });
  const small = thumbnail(bitmap);
  bitmap.close();
  return small;
}

async function isShownByBrowsers(blob) {
  const bytes = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const webp = String.fromCharCode(...bytes.slice(0, 4), ...bytes.slice(8, 12)) === "RIFFWEBP";
  return webp || STARTS.some((start) => start.every((byte, place) => bytes[place] === byte));
}

/** The number of pixels, which an <img> knows without decoding them. */
async function areaOf(blob) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
      image.src = url;
    });
    return image.naturalWidth * image.naturalHeight;
  } finally {
    URL.revokeObjectURL(url);
  }
}
