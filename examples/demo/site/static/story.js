// What has happened, as a list of events that all tabs of this origin share, and the other browser's page as well. The
// server remembers nothing of it.

const KEY = "demo-story";

export const isThief = location.hostname === "127.0.0.1";
export const me = isThief ? "thief" : "ada";
const elsewhere = new URL(location.href);
elsewhere.hostname = isThief ? "localhost" : "127.0.0.1";
export const otherOrigin = elsewhere.origin;

const peers = new Set();
const listeners = new Set();
let lootListener = () => {};

function read() {
  return JSON.parse(localStorage.getItem(KEY)) ?? { started: 0, events: [] };
}

/** The refresh token that this browser holds, as the demo's route tells it: { generation, print }. */
export async function token() {
  const response = await window.fetch("/auth/session/refresh/demo/token");
  return response.ok ? response.json() : null;
}

/** The events so far, oldest first: { id, at, who, what, token, parent, when, again, bound }. */
export function events() {
  return read().events;
}

/** Calls back whenever there is something new. */
export function onStory(callback) {
  listeners.add(callback);
}

/** Calls back in Ada's browser with what the attacker's window has got: { id, token }. */
export function onLoot(callback) {
  lootListener = callback;
}

/** What tells events apart. */
export function newId() {
  return crypto.getRandomValues(new Uint32Array(3)).join("-");
}

/** Adds an event of this browser's. A login begins the story anew. */
export function tell(what, details = {}) {
  const event = { id: newId(), at: Date.now(), who: me, what, ...details };
  const story = what === "login" ? { started: event.at, events: [] } : read();
  story.events.push(event);
  write(story);
  for (const peer of peers) peer.postMessage({ story }, otherOrigin);
}

/** Shares the story with another window from now on. */
export function share(peer) {
  peers.add(peer);
}

/** What a browser holds: the last token that it was given, or null once it has none. */
export function held(all, who) {
  let token = null;
  for (const event of all) {
    if (event.what === "theft") token = null;
    if (event.what === "copy" && who === "thief") token = event.token;
    if (event.who !== who) continue;
    if (event.what === "login" || event.what === "refresh") token = event.token;
    if (["ended", "signout", "refused"].includes(event.what)) token = null;
  }
  return token;
}

/** Whether Ada's session is bound to a key of her browser. */
export function isBound(all) {
  return Boolean(all.find((event) => event.what === "login")?.bound);
}

/** Whether this browser's part is over: since it last got tokens, it has lost them. */
export function isOver(all, who) {
  return all.length > 0 && held(all, who) === null && (who === "ada" || all.some((event) => event.what === "copy"));
}

function write(story) {
  localStorage.setItem(KEY, JSON.stringify(story));
  for (const callback of listeners) callback();
}

function merge(incoming) {
  const mine = read();
  if (incoming.started < mine.started) return;
  const known = incoming.started > mine.started ? [] : mine.events;
  const ids = new Set(known.map((event) => event.id));
  const fresh = incoming.events.filter((event) => !ids.has(event.id));
  if (fresh.length === 0) return;
  const all = [...known, ...fresh].sort((a, b) => a.at - b.at);
  write({ started: incoming.started, events: all });
}

// Another tab's event; the other browser's page may know only this one.
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  for (const callback of listeners) callback();
  for (const peer of peers) peer.postMessage({ story: read() }, otherOrigin);
});

addEventListener("message", ({ origin, source, data: { story, hello, loot } }) => {
  if (origin !== otherOrigin) return;
  peers.add(source);
  if (story) merge(story);
  if (loot && !events().some(({ id }) => id === loot.id)) lootListener(loot);
  if (hello) source.postMessage({ story: read() }, otherOrigin);
});

/** From the attacker's window to the one that opened it, which may have been loaded anew since. */
export function greet(loot) {
  if (window.opener) peers.add(window.opener);
  window.opener?.postMessage({ hello: true, loot }, otherOrigin);
}
