// Checks access tokens with the key set and the revocations, without asking the session service for each.
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { SESSIONS = "http://127.0.0.1:3000", KEY = "", STALE = "10" } = process.env;
const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", SESSIONS), { cacheMaxAge: 60_000 });
const revoked = new Map(); // the SHA-256 of a session's handle, and until when one of its tokens may be good
let since, readAt = -Infinity;

/** Reads what was revoked since the last read; to the end, or it does not count. */
async function read() {
  const began = performance.now();
  let now, next;
  do {
    const query = new URLSearchParams(next ? { after: next } : since ? { since } : {});
    const request = { headers: { "api-key": KEY }, signal: AbortSignal.timeout(2_000) };
    const reply = await fetch(`${SESSIONS}/session/revocations?${query}`, request);
    if (!reply.ok) throw new Error(`the revocations: ${reply.status}`);
    const page = await reply.json();
    for (const { sessionHandleHash, until } of page.revocations) revoked.set(sessionHandleHash, until);
    now ??= page.now;
    next = page.next;
  } while (next);
  for (const [hash, until] of revoked) if (until < now) revoked.delete(hash);
  [since, readAt] = [now, began];
}
/** The token's claims; null if it is not good. Throws if that can't be told: answer 503. */
async function check(token) {
  if (performance.now() - readAt > Number(STALE) * 1000) throw new Error("the revocations are too old");
  const rules = { algorithms: ["EdDSA", "ES256"], requiredClaims: ["exp", "sub", "sid"] };
  const claims = await jwtVerify(token, keys, rules).then(({ payload }) => payload, refuse);
  // A token that was just refreshed has to be shown to the service once (PUT /session), which replaces it.
  const isGood = claims && !("prt" in claims) && !revoked.has(createHash("sha256").update(claims.sid).digest("hex"));
  return isGood ? claims : null;
}
function refuse(error) {
  if (/^ERR_(JWT|JWS|JWKS_NO|JOSE_ALG|JOSE_NOT)/.test(error.code)) return null;
  throw error;
}

// Here: a token a line.
const keepReading = () => read().catch(console.error).finally(() => setTimeout(keepReading, 1_000).unref());
keepReading();
for await (const token of createInterface({ input: process.stdin })) {
  console.log(await check(token).then((claims) => (claims ? `good ${claims.sub}` : "refused"), () => "unavailable"));
}
