// Sessions behind the edge, for pages without a bundler: a fetch that refreshes the session when it has to, and what a
// page may know of its session. No dependency; served by the edge as /auth/client.js.
//
//   import { fetch, session, signOut, onChange } from "/auth/client.js";

const EDGE = new URL(import.meta.url).origin; // another origin's page may import it, if the edge trusts that origin
const TOKEN = "session-front-token"; // shared by the origin's tabs
const HASH = "session-front-token-hash"; // the cookie's value when TOKEN was stored
const LOCK = "session-refresh";
const LIMIT_MS = 10_000; // for a refresh; one whose reply is lost can be repeated

const listeners = new Set();
const memory = new Map(); // where the browser has no storage for this page

/** The session: { userId, payload, expires } with the access token's expiry in ms since the epoch; null without one. */
export function session() {
  const token = read(TOKEN);
  if (!token) return null;
  const bytes = Uint8Array.from(atob(token), (c) => c.charCodeAt(0));
  const { uid, ate, up } = JSON.parse(new TextDecoder().decode(bytes));
  return { userId: uid, payload: up, expires: ate };
}

/** Calls back with (session, why) whenever the session changes; "elsewhere" is another tab. Returns a way to stop. */
export function onChange(callback) {
  listeners.add(callback);
  return () => listeners.delete(callback);
}

/**
 * Like the browser's fetch. After a 401 of the edge's origin it refreshes the session and, if that brought a new access
 * token, sends the request once more. An aborted signal rejects at once, also during the refresh.
 */
export async function fetch(input, init) {
  let request = new Request(input, init);
  if (EDGE !== location.origin && isEdges(request.url) && request.credentials === "same-origin") {
    request = new Request(request, { credentials: "include" });
  }
  const before = read(TOKEN);
  const response = await send(request.clone());
  if (response.status !== 401 || !isEdges(response.url)) return response;
  const { ok } = await unlessAborted(request.signal, refresh(before));
  return ok ? send(request) : response;
}

/**
 * Refreshes the session, unless another tab has done so since `before` was read. Resolves to { ok, code }; not ok with
 * code "unauthorised", "token_theft" or "payload_too_large" means that the session is over, any other code that the
 * refresh could not be done now.
 */
export function refresh(before = read(TOKEN)) {
  return exclusively(async () => {
    const now = read(TOKEN);
    if (now && now !== before) return { ok: true, code: "elsewhere" };
    try {
      let response = await postRefresh();
      // Another tab has signed in meanwhile, and this reply has replaced its cookies by those of a session that the login
      // has ended. Only the edge can say whose cookies the browser holds now.
      if (response.ok && read(TOKEN) !== now) response = await postRefresh();
      const { code = "refreshed" } = await response.json();
      note(response, code === "token_theft" ? "stolen" : "refreshed");
      return { ok: response.ok, code };
    } catch {
      return { ok: false, code: "unreachable" };
    }
  });
}

function postRefresh() {
  const init = { method: "POST", credentials: "include", signal: AbortSignal.timeout(LIMIT_MS) };
  return window.fetch(`${EDGE}/auth/session/refresh`, init);
}

/**
 * Ends the session; with { everywhere: true } all sessions of the user, with { others: true } all but this one. True if
 * they are over.
 */
export async function signOut({ everywhere = false, others = false } = {}) {
  const which = everywhere ? "/all" : others ? "/others" : "";
  const response = await fetch(`${EDGE}/auth/signout${which}`, { method: "POST" });
  return response.ok || (response.status === 401 && !others);
}

async function send(request) {
  const had = read(TOKEN);
  const response = await window.fetch(request);
  note(response, had ? "renewed" : "signed in");
  return response;
}

// What another origin says of a session is not of ours. The reply to a no-cors request has no address.
function isEdges(url) {
  return url !== "" && new URL(url).origin === EDGE;
}

function note(response, why) {
  if (!isEdges(response.url)) return;
  const token = response.headers.get("front-token");
  const had = read(TOKEN);
  if (token === "remove") {
    store(null);
    if (had) announce(response.ok ? "signed out" : why === "stolen" ? why : "ended");
  } else if (token && token !== had) {
    store(token);
    announce(why);
  }
}

// One tab at a time. Without locks (a page that is not a secure context) racing refreshes meet in the service, which
// gives all of them the same tokens.
async function exclusively(work) {
  let started = false;
  const start = () => {
    started = true;
    return work();
  };
  try {
    return await navigator.locks.request(LOCK, start);
  } catch (error) {
    if (started) throw error;
    return start();
  }
}

function unlessAborted(signal, promise) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function announce(why) {
  for (const callback of listeners) callback(session(), why);
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return memory.get(key) ?? null;
  }
}

function store(token) {
  for (const [key, value] of [[TOKEN, token], [HASH, cookie()]]) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch {
      memory.set(key, value);
    }
  }
}

// The edge's mark of the latest front token. Another origin cannot read it, and knows only what replies say.
function cookie() {
  try {
    return document.cookie.match(/(?:^|; )(?:__Host-|__Secure-)?sFrontTokenHash=([^;]*)/)?.[1] ?? null;
  } catch {
    return null;
  }
}

// A form or a link may have changed the session, by replies that no script has seen.
if (EDGE === location.origin && cookie() !== read(HASH)) {
  if (cookie() === null) store(null);
  else await refresh();
}

addEventListener("storage", (event) => {
  if (event.key === TOKEN) announce("elsewhere");
});
