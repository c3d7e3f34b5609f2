// A session that is bound to a key of this browser (Device Bound Session Credentials, docs/browsers.md). Browsers that can do
// so do it by themselves, by HTTPS, with a key in the device's chip. Here the page plays that: a key in software, which no
// script can read, and the browser's own requests, by a route of the demo that lets them look as if they came by HTTPS.

import * as edge from "/auth/client.js";

const ROUTE = "/auth/session/refresh/demo/browser";
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Like the edge's fetch. As browsers do, it refreshes a bound session first if the marker cookie is gone. */
export async function fetch(input, init) {
  await refresh();
  return edge.fetch(input, init);
}

/** Like the edge's signOut. */
export async function signOut(options) {
  await refresh();
  return edge.signOut(options);
}

/** Whether this browser holds a key for its session. */
export async function isBound() {
  return Boolean(await kept());
}

/** Logs in, and binds the session. A fresh login of a bound session binds what it goes on as. */
export async function logIn(path, bind) {
  if (!(bind ?? await isBound())) {
    await keep(null);
    return edge.fetch(path, { method: "POST" });
  }
  await refresh();
  const response = await edge.fetch(ROUTE + path, { method: "POST" });
  if (response.ok) await keep(await register(response));
  return response;
}

/** Registers a new key, as the login's reply offers. Nothing is bound if the edge does not take it. */
async function register(login) {
  const [, path, challenge] = /path="([^"]+)";challenge="([^"]+)"/.exec(login.headers.get("secure-session-registration") ?? "") ?? [];
  if (!path) return null;
  const { publicKey, privateKey: key } = await crypto.subtle.generateKey(ALGORITHM, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const response = await post(path, await proof(key, challenge, { jwk: { kty, crv, x, y } }));
  if (!response.ok) return null;
  const { session_identifier: id, refresh_url: url } = await response.json();
  return { key, id, url, challenge: challengeOf(response) };
}

/** What a browser does before it sends a request without the marker. With a challenge that is no good it is asked again. */
async function refresh() {
  const bound = await kept();
  if (!bound || !edge.session() || document.cookie.includes("sDevice=")) return;
  let response = null;
  for (let tries = 0; tries < 2 && (!response || response.status === 403); tries++) {
    response = await post(bound.url, await proof(bound.key, bound.challenge), bound.id);
    bound.challenge = challengeOf(response) ?? bound.challenge;
  }
  if (response.ok) await keep(bound);
  else if (response.status !== 401) throw new Error("the service is away");
}

function post(path, proof, id = "") {
  const headers = { "secure-session-response": proof, "secure-session-id": id };
  return edge.fetch(ROUTE + path, { method: "POST", headers });
}

const challengeOf = (response) => /^"([^"]+)"/.exec(response.headers.get("secure-session-challenge") ?? "")?.[1];

/** A challenge, signed: a JWT. */
async function proof(key, challenge, header) {
  const parts = [{ alg: "ES256", typ: "dbsc+jwt", ...header }, { jti: challenge }];
  const message = parts.map((part) => base64url(bytes(JSON.stringify(part)))).join(".");
  return `${message}.${base64url(await crypto.subtle.sign(ALGORITHM, key, bytes(message)))}`;
}

const bytes = (text) => new TextEncoder().encode(text);

function base64url(buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// The one key of this origin: { key, id, url, challenge }, or null. A key that can't be exported can be kept all the same.

const kept = () => inStore("readonly", (store) => store.get(0));
const keep = (bound) => inStore("readwrite", (store) => store.put(bound, 0));

async function inStore(mode, work) {
  const opening = indexedDB.open("demo-key");
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  const database = await result(opening);
  try {
    return await result(work(database.transaction("keys", mode).objectStore("keys")));
  } finally {
    database.close();
  }
}

function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
