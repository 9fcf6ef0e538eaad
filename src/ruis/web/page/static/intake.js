// How pictures come in: chosen, dropped anywhere (folders too), or pasted.

const by = (id) => document.getElementById(id);

/** Call `take(files)` for whatever comes. */
export function listen(take) {
  const input = by("files");
  for (const id of ["choose", "add"]) by(id).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    give([...input.files], take);
    input.value = ""; // the same file may be chosen again
  });

  document.addEventListener("paste", (event) => give([...(event.clipboardData?.files ?? [])], take));

  let inside = 0; // a drag enters a child before it leaves the parent
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const show = (change) => {
    inside = Math.max(0, inside + change);
    by("drop").hidden = inside === 0;
  };
  addEventListener("dragenter", (event) => carries(event) && show(1));
  addEventListener("dragleave", (event) => carries(event) && show(-1));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    show(-inside);
    give(await filesOf(event.dataTransfer), take);
  });
}

function give(files, take) {
  if (files.length) take(files);
}

async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map(unfold))).flat();
}

/** The files of an entry: itself, or all that is in a folder, by name. */
async function unfold(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break; // a reader gives a hundred at a time
    found.push(...some);
  }
  const shown = found.filter((one) => !one.name.startsWith("."));
  shown.sort((one, other) => one.name.localeCompare(other.name));
  return (await Promise.all(shown.map(unfold))).flat();
}
