// A site's backend that keeps its sessions in cookies, over the native API: login, guard, refresh, logout, theft, 503.
const express = require("express");

const { SESSIONS = "http://127.0.0.1:3000", KEY = "", PORT = "8000" } = process.env;
const REFRESH = "/refresh";
const common = { path: "/", secure: true, sameSite: "lax" };
// A stale access token means "refresh", so its cookie outlives it.
const access = { name: "__Host-access", options: { ...common, httpOnly: true, maxAge: 400 * 86_400_000 } };
const refresh = { name: "__Secure-refresh", options: { ...common, httpOnly: true, path: REFRESH } };
const id = { name: "__Host-id", options: common };

/** Asks the session service. An error of any kind says nothing about the session. */
async function ask(method, path, body) {
  const headers = { "content-type": "application/json", "api-key": KEY };
  const signal = AbortSignal.timeout(5_000);
  const reply = await fetch(SESSIONS + path, { method, headers, body: JSON.stringify(body), signal });
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return reply.json();
}
/** What the browser has sent; a cookie that is gone is an empty text. */
function read(req, { name }) {
  const pair = (req.headers.cookie ?? "").split(/; */).find((pair) => pair.startsWith(`${name}=`));
  return pair?.slice(name.length + 1) ?? "";
}
function set(res, { name, options }, { value, expires }) {
  res.cookie(name, value, options.maxAge ? options : { ...options, expires: new Date(expires) });
}
function clear(res) {
  for (const { name, options } of [access, refresh, id]) res.clearCookie(name, { ...options, maxAge: undefined });
}
async function guard(req, res, next) {
  const tokens = { accessToken: read(req, access), idRefreshToken: read(req, id) };
  const answer = await ask("PUT", "/session", tokens);
  if (answer.status === "UNAUTHORISED") clear(res);
  if (answer.status !== "OK") return res.status(401).json({ error: answer.status });
  if (answer.newAccessToken) set(res, access, answer.newAccessToken);
  req.session = answer.session;
  next();
}

const app = express();
app.use((req, res, next) => {
  const changes = !["GET", "HEAD"].includes(req.method);
  const ours = ["same-origin", "none"].includes(req.get("sec-fetch-site"));
  if (changes && !ours) return res.status(403).json({ error: "cross_site" });
  res.set("cache-control", "no-store");
  next();
});
app.post("/login", express.json(), async (req, res) => {
  // Check the password here.
  const answer = await ask("POST", "/session", { userId: req.body.user, jwtPayload: { role: "reader" } });
  set(res, access, answer.accessToken);
  set(res, refresh, answer.refreshToken);
  set(res, id, answer.idRefreshToken);
  res.json({ user: answer.session.userId });
});
app.post(REFRESH, async (req, res) => {
  const tokens = { refreshToken: read(req, refresh), idRefreshToken: read(req, id) };
  const answer = await ask("PUT", "/refresh", tokens);
  if (answer.status !== "OK") {
    const theft = answer.sessionTheftDetected;
    if (theft.value) await ask("DELETE", "/session/all", { userId: theft.session.userId });
    clear(res);
    return res.status(401).json({ error: theft.value ? "token_theft" : answer.status });
  }
  set(res, access, answer.newAccessToken);
  set(res, refresh, answer.newRefreshToken);
  set(res, id, answer.newIdRefreshToken);
  res.json({ user: answer.session.userId });
});
app.get("/me", guard, (req, res) => res.json({ user: req.session.userId }));
app.post("/logout", guard, async (req, res) => {
  await ask("DELETE", "/session", { sessionHandle: req.session.handle });
  clear(res);
  res.json({});
});
app.use((error, req, res, next) => {
  console.error(error);
  const status = error.status ?? 503;
  res.status(status).set("retry-after", "1").json({ error: status === 503 ? "unavailable" : "bad_request" });
});
const server = app.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
