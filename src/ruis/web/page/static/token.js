// The dialog that asks for the server's token.

import { text } from "./texts.js";

const by = (id) => document.getElementById(id);
let asking = null;

/** Ask a person; resolves to the token, or to null. Whoever asks meanwhile gets the same answer. */
export function askForToken(wrong) {
  asking ??= ask(wrong).finally(() => (asking = null));
  return asking;
}

function ask(wrong) {
  const dialog = by("token");
  const input = by("token-input");
  by("token-text").textContent = text(wrong ? "token.wrong" : "token.text");
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    by("token-cancel").onclick = () => dialog.close("");
    dialog.onclose = () => resolve(dialog.returnValue === "ok" ? input.value.trim() : null);
  });
}
