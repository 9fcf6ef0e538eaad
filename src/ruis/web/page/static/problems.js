// What goes wrong, as one kind of error with a name; and what a person is told about it.

import { number, text } from "./texts.js";

const LASTING = new Set([
  "too-large-here",
  "body-too-large",
  "image-too-large",
  "unreadable-image",
  "unsupported-format",
  "unsupported-media-type",
]);

// of these the server knows more than we do
const VAGUE = new Set([
  "wrong-value",
  "unknown-name",
  "wrong-channels",
  "unreadable-image",
  "unsupported-format",
]);

/** A refusal of the server (RFC 9457), or something that is wrong before it is asked. */
export class Problem extends Error {
  constructor(name, { status = 0, detail = "", wait = null, values = {} } = {}) {
    super(detail || name);
    Object.assign(this, { name, status, detail, wait, values });
  }

  /** Whether trying again can help. */
  get lasts() {
    return LASTING.has(this.name);
  }

  /** Whether it passes by itself if one waits. */
  get passes() {
    return this.wait !== null && (this.status === 429 || this.status === 503);
  }
}

/** The problem that an answer with an error status stands for. */
export async function problemOf(status, headers, blob) {
  let told = {};
  try {
    told = JSON.parse(await blob.text());
  } catch {
    // not from our server: a proxy, perhaps
  }
  const name = /^\/problems\/([\w-]+)$/.exec(told.type ?? "")?.[1] ?? `status-${status}`;
  const seconds = Number.parseInt(headers.get("retry-after") ?? "", 10);
  const wait = Number.isFinite(seconds) ? Math.max(1, seconds) : status === 429 ? 2 : null;
  return new Problem(name, { status, detail: told.detail ?? told.title ?? `HTTP ${status}`, wait });
}

/** What to tell a person: a sentence of ours, and what the server added where we know less. */
export function explain(problem) {
  const values = Object.fromEntries(
    Object.entries(problem.values).map(([key, value]) => [key, number(value)]),
  );
  const ours = text(`problem.${problem.name}`, values);
  const vague = !ours || VAGUE.has(problem.name);
  const theirs = problem.detail && vague ? text("problem.details", { detail: problem.detail }) : "";
  return [ours, theirs].filter(Boolean).join(" ");
}
