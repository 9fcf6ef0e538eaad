// What was found and done, in words: from the report that comes with a result, and an inspection.

import { number, percent, text, textOr } from "./texts.js";

const WORDS = [
  [1.5 / 255, "none"],
  [6 / 255, "little"],
  [15 / 255, "clear"],
  [35 / 255, "strong"],
  [Infinity, "severe"],
];
const FAINT = 2 / 255; // below this the models take fine texture with the noise
const NOTHING = 1e-5;

/** Sentences on the noise of a picture: the first is the verdict. */
export function verdict(report) {
  const sigma = noiseOf(report);
  const [, word] = WORDS.find(([most]) => sigma < most);
  const amount = { percent: percent(sigma, 1), levels: number(sigma * 255, 1) };
  const sentences = [text(`verdict.${word}`), text("verdict.amount", amount)];
  const left = report.strength === 1 && sigma >= FAINT && report.sigma_after > sigma / 2;
  if (left) sentences.push(text("verdict.left"));
  else if (report.strength === 0 || report.removed < NOTHING) sentences.push(text("verdict.nothing"));
  else if (sigma < FAINT) sentences.push(text("verdict.faint"));
  else sentences.push(text(`verdict.${kindOf(report)}`));
  return sentences;
}

/** What was removed: white noise, or do neighbours in it resemble or oppose each other? */
function kindOf({ looks_white: white, whiteness }) {
  if (white) return "white";
  return whiteness > 0 ? "coloured" : "restless";
}

/**
 * How much noise there was. Sigma is measured as white noise, which sees little of the coarse noise that
 * cameras make; what a model that knows it took out is then nearer.
 */
function noiseOf({ sigma, removed, strength }) {
  return strength > 0 ? Math.max(sigma, removed / strength) : sigma;
}

/** Size, colours, depth and time, in one line. */
export function facts(report, reduced) {
  const { columns, rows, channels, dtype } = report;
  return [
    text("facts.size", { columns, rows }),
    textOr(`colour.${channels}`, text("colour.other", { count: channels })),
    textOr(`depth.${dtype}`, dtype),
    report.seconds === undefined ? "" : text("facts.seconds", { seconds: number(report.seconds, 1) }),
    reduced ? text("facts.reduced") : "",
  ].filter(Boolean).join(" · ");
}

/** Which model was taken, and why. */
export function chosen(report) {
  if (report.why === "asked for") return "";
  const why = textOr(`why.${report.why}`, report.why);
  return why ? text("model.chosen", { model: report.model, why }) : "";
}

/** All that is known, as rows of (name, value). */
export function details(result, inspection) {
  const { report, blob } = result;
  const sigma = (value) => `${percent(value, 2)} (${number(value * 255, 2)}/255)`;
  const rows = [
    ["model", report.model],
    ["sigma", sigma(report.sigma)],
    ["sigma_after", sigma(report.sigma_after)],
    ["removed", sigma(report.removed)],
    ["whiteness", number(report.whiteness, 3)],
    ["strength", percent(report.strength)],
    ["seconds", text("seconds", { seconds: number(report.seconds, 2) })],
    ["format", report.format?.toUpperCase()],
    ["dtype", textOr(`depth.${report.dtype}`, report.dtype)],
    ["bytes", text("bytes", { megabytes: number(blob.size / 1e6, 2) })],
  ];
  if (inspection?.sigma_per_channel?.length > 1) {
    rows.push(["sigma_per_channel", inspection.sigma_per_channel.map((one) => percent(one, 1)).join(", ")]);
  }
  if (inspection?.metadata?.length) {
    rows.push(["metadata", inspection.metadata.map((one) => one.toUpperCase()).join(", ")]);
  }
  return rows.filter(([, value]) => value).map(([name, value]) => [text(`detail.${name}`), value]);
}
