// Every word that a person reads, in the language they chose. The words are in texts.*.json.

const LANGUAGES = ["en", "nl"];
let table = {};

/** The language that is spoken now. */
export let language = "en";

/** The words of a key; `{name}` becomes a value, and `values.count` chooses between one and many. */
export function text(key, values = {}) {
  const entry = table[key];
  if (entry === undefined) return "";
  const words = typeof entry === "string" ? entry : plural(entry, values.count);
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The words of a key if there are any, else the words given: for names that only the server knows. */
export const textOr = (key, other, values) => text(key, values) || other || "";

function plural(forms, count) {
  return forms[new Intl.PluralRules(language).select(count)] ?? forms.other;
}

/** A number as this language writes it. */
export function number(value, digits = 1) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

/** A fraction as a percentage. */
export function percent(fraction, digits = 0) {
  const style = { style: "percent", maximumFractionDigits: digits };
  return new Intl.NumberFormat(language, style).format(fraction);
}

/** The language to begin with: that of the address, else the page's as the server chose it. */
export function firstLanguage() {
  const asked = new URLSearchParams(location.search).get("lang") ?? document.documentElement.lang;
  return LANGUAGES.includes(asked) ? asked : "en";
}

/** Speak a language from now on: fetch its words and put them into the page. */
export async function speak(wanted) {
  const answer = await fetch(new URL(`texts.${wanted}.json`, import.meta.url));
  table = await answer.json();
  language = wanted;
  document.documentElement.lang = wanted;
  document.title = text("title");
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(element.dataset.text);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
    if (element.matches("button")) element.title = text(element.dataset.label);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === wanted));
  }
}
