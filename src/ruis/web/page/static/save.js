// Results to the disk of whoever looks, byte for byte as the server sent them.

import { downloadZip } from "./client-zip-2.5.1.js";

const LATER = 60_000; // milliseconds until a browser surely has begun to save

/** Save one result. */
export function saveOne(item) {
  offer(item.result.blob, item.resultName);
}

/** Save many results as one ZIP; nothing in it is compressed again. */
export async function saveAll(items) {
  const names = new Set();
  const files = items.map((item) => ({
    name: unused(item.resultName, names),
    lastModified: new Date(),
    input: item.result.blob,
  }));
  offer(await downloadZip(files).blob(), "denoised.zip");
}

/** A name that is not taken: the second photo.png is photo (2).png. */
function unused(name, names) {
  const [, stem, ending] = /^(.*?)((?:\.[^.]*)?)$/.exec(name);
  let free = name;
  for (let count = 2; names.has(free); count += 1) free = `${stem} (${count})${ending}`;
  names.add(free);
  return free;
}

function offer(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LATER);
}
