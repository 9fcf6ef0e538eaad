// Light or dark: as the system says, until someone chooses otherwise here. This runs before the first
// paint, so that nobody who works in the dark gets a white flash.

const KEPT = "ruis-theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

try {
  const kept = localStorage.getItem(KEPT);
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
} catch {
  // storage can be forbidden; the system's choice remains
}

/** Whether the page is dark now. */
export const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

/** Change to the other one, and remember. */
export function toggle() {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem(KEPT, root.dataset.theme);
  } catch {
    // as above
  }
}

/** Call back when the system changes its mind. */
export const onSystemChange = (call) => system.addEventListener("change", call);
