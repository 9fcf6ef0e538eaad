// The server's HTTP interface, and nothing else knows its addresses.

import { Problem, problemOf } from "./problems.js";

const BASE = new URL("../v1/", import.meta.url);
const KEPT = "ruis-token";
const POLL = 300; // milliseconds between two looks at how far the server is
const TRIES = 30; // how often a server with a full queue is asked
const FEWER = 3; // how often one that could not do it in time, or cut the line
const TOKEN = /^[ -~]+$/; // the characters that the server lets a token have, and a header can carry

let token = kept();
let askForToken = async () => null;

function kept() {
  try {
    const found = sessionStorage.getItem(KEPT);
    return TOKEN.test(found ?? "") ? found : null;
  } catch {
    return null;
  }
}

/** Say who asks a person for the token; `ask(wrong)` resolves to it, or to null. */
export function onTokenNeeded(ask) {
  askForToken = ask;
}

/** The models that the server has. */
export const models = async () => (await patiently(() => json("models"), {})).models;

/** What the server takes at most. */
export const limits = () => patiently(() => json("limits"), {});

/** Whether the server answers at all. */
export async function alive() {
  try {
    return (await fetch(new URL("../healthz", BASE), { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/** What is in an image, and how much noise. */
export async function inspect(image, options = {}) {
  const { blob } = await patiently(() => send("inspect", { body: image, ...options }), options);
  return JSON.parse(await blob.text());
}

/** An image as a PNG that every browser can show; `range` has what is black and what is white. */
export async function preview(image, side, { range, ...options } = {}) {
  const query = range ? { side, black: range[0], white: range[1] } : { side };
  return (await patiently(() => send("preview", { body: image, query, ...options }), options)).blob;
}

/**
 * Denoise an image. `told(phase, fraction)` hears how far it is: uploading, queued, working,
 * downloading; or "busy" with the seconds until the next try.
 */
export async function denoise(image, settings, { signal, told }) {
  const query = { model: settings.model, strength: settings.strength };
  const once = async () => {
    const id = newId();
    const watch = new AbortController();
    const sent = () => {
      told("queued", 0);
      follow(id, told, AbortSignal.any([watch.signal, signal]));
    };
    const came = (fraction) => {
      watch.abort();
      told("downloading", fraction);
    };
    told("uploading", 0);
    try {
      const upload = (fraction) => told("uploading", fraction);
      return await send("denoise", { body: image, query, signal, id, upload, sent, came });
    } finally {
      watch.abort();
    }
  };
  const { headers, blob } = await patiently(once, { signal, told });
  return { blob, report: reportOf(headers), type: headers.get("content-type") ?? "" };
}

/** Ask again while the server is busy, as long as it says; a person sees the seconds go by. */
async function patiently(once, { signal, told = () => {} }) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await once();
    } catch (error) {
      if (!(error instanceof Problem) || tries >= (error.status === 429 ? TRIES : FEWER)) throw error;
      const cut = error.name === "unreachable" && (await alive());
      if (!error.passes && !cut) throw error; // a full server may cut off a body that it never read
      for (let left = error.wait ?? 2; left > 0; left -= 1) {
        told("busy", left);
        await pause(1000, signal);
      }
    }
  }
}

/** Tell how far the server is with a request, until `signal` ends. */
async function follow(id, told, signal) {
  while (!signal.aborted) {
    try {
      const { state, fraction } = await json(`progress/${id}`, { signal });
      if (signal.aborted) return;
      if (state === "working") told("working", fraction);
      else if (state === "waiting") told("queued", 0);
      await pause(POLL, signal);
    } catch {
      return; // the answer itself will say what is wrong
    }
  }
}

async function json(path, options = {}) {
  const { blob } = await send(path, { method: "GET", ...options });
  return JSON.parse(await blob.text());
}

/** Send a request; when a token is needed, ask for it and send again. */
async function send(path, options) {
  let wrong = false;
  for (;;) {
    try {
      return await exchange(path, options);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      const given = await tokenOfPerson(wrong || token !== null);
      if (given === null) throw error;
      token = given;
      wrong = true;
      try {
        sessionStorage.setItem(KEPT, token);
      } catch {
        // then it lasts until the page is left
      }
    }
  }
}

/** Ask a person until there is something that can be a token; null if they gave up. */
async function tokenOfPerson(wrong) {
  const given = await askForToken(wrong);
  return given === null || TOKEN.test(given) ? given : tokenOfPerson(true);
}

/** One request and its answer. XMLHttpRequest, because fetch cannot tell how far an upload is. */
function exchange(path, { method = "POST", body, query = {}, signal, id, upload, sent, came }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const url = new URL(path, BASE);
    url.search = new URLSearchParams(query);
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "blob";
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    if (id) request.setRequestHeader("X-Request-Id", id);
    if (body) request.setRequestHeader("Content-Type", "application/octet-stream");
    const stop = () => request.abort();
    signal?.addEventListener("abort", stop, { once: true });
    request.upload.onprogress = (event) => upload?.(share(event));
    request.upload.onload = () => sent?.();
    request.onprogress = (event) => request.status === 200 && came?.(share(event));
    request.onabort = () => reject(signal?.reason ?? new DOMException("", "AbortError"));
    request.onerror = () => reject(new Problem("unreachable"));
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    request.onload = async () => {
      const headers = { get: (name) => request.getResponseHeader(name) };
      if (request.status === 200) resolve({ headers, blob: request.response });
      else reject(await problemOf(request.status, headers, request.response));
    };
    request.send(body ?? null);
  });
}

const share = (event) => (event.lengthComputable && event.total ? event.loaded / event.total : 0);

function reportOf(headers) {
  try {
    return JSON.parse(decodeURIComponent(headers.get("ruis-report")));
  } catch {
    return null;
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A name for a request, for asking how far it is (`crypto.randomUUID` is absent without HTTPS). */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
