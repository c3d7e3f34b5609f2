// Sessions behind the edge, for pages without a bundler: a fetch that refreshes by itself, and what a page may know of
// its session. No dependency; served by the edge as /auth/client.js.
//
//   import { fetch, session, signOut, onChange } from "/auth/client.js";

const KEY = "session-front-token"; // shared by the origin's tabs
const LOCK = "session-refresh";
const ATTEMPTS = 3;

const listeners = new Set();

/** The session: { userId, payload, expires } with the access token's expiry in ms since the epoch; null without one. */
export function session() {
  const token = localStorage.getItem(KEY);
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

/** Like the browser's fetch. When the access token has expired it refreshes the session and sends the request again. */
export async function fetch(input, init) {
  const request = new Request(input, init);
  for (let attempt = 1; ; attempt++) {
    const before = localStorage.getItem(KEY);
    const response = await window.fetch(request.clone());
    note(response, before ? "renewed" : "signed in");
    if (response.status !== 401 || !isOurs(response) || attempt === ATTEMPTS) return response;
    if (!(await refresh(before)).ok) return response;
  }
}

/**
 * Refreshes the session, unless another tab has done so since `before` was read. Resolves to { ok, code }; not ok with
 * code "unauthorised" or "token_theft" means that the session is over, any other code that it could not be tried.
 */
export function refresh(before = localStorage.getItem(KEY)) {
  return exclusively(async () => {
    const now = localStorage.getItem(KEY);
    if (now && now !== before) return { ok: true, code: "elsewhere" };
    const response = await window.fetch("/auth/session/refresh", { method: "POST" });
    const { code = "refreshed" } = await response.json().catch(() => ({ code: "unknown" }));
    note(response, code === "token_theft" ? "stolen" : "refreshed");
    return { ok: response.ok, code };
  });
}

/** Ends the session; with { everywhere: true } all sessions of the user. */
export async function signOut({ everywhere = false } = {}) {
  const response = await fetch(everywhere ? "/auth/signout/all" : "/auth/signout", { method: "POST" });
  return response.ok || response.status === 401;
}

// What another origin says of a session is not of ours.
function isOurs(response) {
  return new URL(response.url).origin === location.origin;
}

function note(response, why) {
  if (!isOurs(response)) return;
  const token = response.headers.get("front-token");
  const had = localStorage.getItem(KEY);
  if (token === "remove") {
    localStorage.removeItem(KEY);
    if (had) announce(response.ok ? "signed out" : why === "stolen" ? why : "ended");
  } else if (token && token !== had) {
    localStorage.setItem(KEY, token);
    announce(why);
  }
}

// One tab at a time. Without locks (a page that is not a secure context) racing refreshes meet in the service, which
// gives all of them the same tokens.
function exclusively(work) {
  return navigator.locks ? navigator.locks.request(LOCK, work) : work();
}

function announce(why) {
  for (const callback of listeners) callback(session(), why);
}

addEventListener("storage", (event) => {
  if (event.key === KEY) announce("elsewhere");
});
