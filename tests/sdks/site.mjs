// A site with a login of its own, on supertokens-node and Express, and a browser's part in front of it.
// Arguments: the core's connectionURI, the API key, and the scenario that has help from outside (without it: all others).
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.env.SDK_FOLDER + "/");
const SuperTokens = require("supertokens-node").default;
const Session = require("supertokens-node/recipe/session").default;
const { BooleanClaim } = require("supertokens-node/recipe/session/claims");
const { verifySession } = require("supertokens-node/recipe/session/framework/express");
const { middleware, errorHandler } = require("supertokens-node/framework/express");
const express = require("express");

const [connectionURI, apiKey, scenario] = process.argv.slice(2);
// Calls to the core are counted where they leave.
let calls = [];
const claim = new BooleanClaim({ key: "second-factor", fetchValue: async () => true });

SuperTokens.init({
  framework: "express",
  supertokens: {
    connectionURI,
    apiKey,
    networkInterceptor: (request) => {
      calls.push(new URL(request.url).pathname);
      return request;
    },
  },
  appInfo: { appName: "site", apiDomain: "http://127.0.0.1", websiteDomain: "http://127.0.0.1" },
  recipeList: [Session.init({ antiCsrf: "VIA_TOKEN" })],
});

const app = express();
app.use(middleware());
app.post("/login/:user", async (req, res) => {
  const user = SuperTokens.convertToRecipeUserId(req.params.user);
  const session = await Session.createNewSession(req, res, "public", user, { role: "admin", nested: { a: null } }, { cart: [1] });
  res.json({ handle: session.getHandle() });
});
app.get("/me", verifySession(), (req, res) => {
  res.json({ user: req.session.getUserId(), payload: req.session.getAccessTokenPayload() });
});
app.get("/checked", verifySession({ checkDatabase: true }), (req, res) => {
  res.json({ user: req.session.getUserId(), payload: req.session.getAccessTokenPayload() });
});
app.post("/claim", verifySession(), async (req, res) => {
  await req.session.fetchAndSetClaim(claim);
  res.json({ value: await req.session.getClaimValue(claim) });
});
app.post("/logout", verifySession(), async (req, res) => {
  await req.session.revokeSession();
  res.json({});
});
app.use(errorHandler());

const server = await new Promise((resolve) => {
  const started = app.listen(0, "127.0.0.1", () => resolve(started));
});
const base = `http://127.0.0.1:${server.address().port}`;

/** A client that keeps its tokens as the front-end SDKs do in header mode. */
class Browser {
  constructor(tokens = {}) {
    this.tokens = tokens;
  }
  clone() {
    return new Browser({ ...this.tokens });
  }
  async send(method, path, token = this.tokens.access) {
    const headers = { "st-auth-mode": "header", rid: "session" };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch(base + path, { method, headers });
    const access = response.headers.get("st-access-token");
    const refresh = response.headers.get("st-refresh-token");
    if (access !== null) this.tokens.access = access;
    if (refresh !== null) this.tokens.refresh = refresh;
    const text = await response.text();
    let body = text;
    try {
      body = JSON.parse(text);
    } catch {}
    return { status: response.status, body };
  }
  async login(user) {
    const reply = await this.send("POST", `/login/${user}`);
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    this.handle = reply.body.handle;
    return this;
  }
  refresh() {
    return this.send("POST", "/auth/session/refresh", this.tokens.refresh);
  }
}

/** A client that keeps its tokens in cookies, and the anti-CSRF token beside them. */
class CookieBrowser {
  constructor(cookies = {}, antiCsrf = undefined) {
    Object.assign(this, { cookies, antiCsrf });
  }
  /** What another site can make this browser send. */
  forged() {
    return new CookieBrowser({ ...this.cookies });
  }
  async send(method, path) {
    const cookie = Object.entries(this.cookies).map((pair) => pair.join("=")).join("; ");
    const headers = { "st-auth-mode": "cookie", rid: "anti-csrf", cookie };
    if (this.antiCsrf) headers["anti-csrf"] = this.antiCsrf;
    const response = await fetch(base + path, { method, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.cookies[name] = value;
    }
    this.antiCsrf = response.headers.get("anti-csrf") ?? this.antiCsrf;
    await response.text();
    return response.status;
  }
}

const login = (user) => new Browser().login(user);
const counted = async (work) => {
  calls = [];
  await work();
  return calls;
};

const scenarios = {
  async login_and_verify_without_a_call() {
    const browser = await login("ada");
    await browser.send("GET", "/me");
    const made = await counted(async () => {
      const reply = await browser.send("GET", "/me");
      assert.equal(reply.status, 200);
      assert.equal(reply.body.user, "ada");
      assert.equal(reply.body.payload.role, "admin");
      assert.deepEqual(reply.body.payload.nested, { a: null });
    });
    assert.deepEqual(made, []);
  },
  async verify_with_a_child() {
    const browser = await login("bob");
    assert.equal((await browser.refresh()).status, 200);
    const child = browser.tokens.access;
    const made = await counted(async () => assert.equal((await browser.send("GET", "/me")).status, 200));
    assert.deepEqual(made, ["/recipe/session/verify"]);
    assert.notEqual(browser.tokens.access, child);
    assert.deepEqual(await counted(() => browser.send("GET", "/me")), []);
  },
  async claims() {
    const browser = await login("cleo");
    const reply = await browser.send("POST", "/claim");
    assert.equal(reply.body.value, true);
    const me = await browser.send("GET", "/me");
    assert.equal(me.body.payload["second-factor"].v, true);
  },
  async a_race_of_refreshes_is_no_theft() {
    const browser = await login("dan");
    const tabs = [browser.clone(), browser.clone(), browser.clone()];
    for (const reply of await Promise.all(tabs.map((tab) => tab.refresh()))) assert.equal(reply.status, 200);
    for (const tab of tabs) assert.equal((await tab.send("GET", "/me")).status, 200);
  },
  async theft_is_seen_and_ends_the_session() {
    const browser = await login("eve");
    const thief = browser.clone();
    for (let i = 0; i < 2; i += 1) {
      assert.equal((await browser.refresh()).status, 200);
      assert.equal((await browser.send("GET", "/me")).status, 200);
    }
    assert.equal((await thief.refresh()).status, 401);
    assert.equal(await Session.getSessionInformation(browser.handle), undefined);
    assert.equal((await browser.refresh()).status, 401);
  },
  async sign_out() {
    const browser = await login("fay");
    assert.equal((await browser.send("POST", "/logout")).status, 200);
    assert.equal(await Session.getSessionInformation(browser.handle), undefined);
  },
  async list_and_revoke() {
    const user = `gus-${Date.now()}`;
    const handles = [];
    for (let i = 0; i < 3; i += 1) handles.push((await login(user)).handle);
    assert.deepEqual((await Session.getAllSessionHandlesForUser(user)).sort(), [...handles].sort());
    assert.equal(await Session.revokeSession(handles[0]), true);
    assert.equal(await Session.revokeSession(handles[0]), false);
    assert.deepEqual((await Session.revokeMultipleSessions(handles)).sort(), handles.slice(1).sort());
    for (let i = 0; i < 2; i += 1) await login(user);
    assert.equal((await Session.revokeAllSessionsForUser(user)).length, 2);
    assert.deepEqual(await Session.getAllSessionHandlesForUser(user), []);
  },
  async data_and_payload_by_handle() {
    const browser = await login("hal");
    const { handle } = browser;
    assert.equal(await Session.updateSessionDataInDatabase(handle, { cart: [2, null] }), true);
    assert.equal(await Session.mergeIntoAccessTokenPayload(handle, { role: "user" }), true);
    const information = await Session.getSessionInformation(handle);
    assert.deepEqual(information.sessionDataInDatabase, { cart: [2, null] });
    assert.equal(information.customClaimsInAccessTokenPayload.role, "user");
    assert.equal((await browser.send("GET", "/me")).body.payload.role, "admin");
    assert.equal((await browser.send("GET", "/checked")).body.payload.role, "user");
    assert.equal((await browser.send("GET", "/me")).body.payload.role, "user");
  },
  // The SDK itself takes them out of a new session's payload.
  async protected_claims_are_refused() {
    const { handle, tokens } = await login("ida");
    const forged = { refreshTokenHash1: "x" };
    const refused = { message: /The user payload contains protected field\n$/ };
    await assert.rejects(Session.mergeIntoAccessTokenPayload(handle, forged), refused);
    const session = await Session.getSessionWithoutRequestResponse(tokens.access, undefined, { antiCsrfCheck: false });
    await assert.rejects(session.mergeIntoAccessTokenPayload(forged), refused);
  },
  async cookies_and_anti_csrf_tokens() {
    const browser = new CookieBrowser();
    assert.equal(await browser.send("POST", "/login/mia"), 200);
    assert.ok(browser.antiCsrf && browser.cookies.sAccessToken && browser.cookies.sRefreshToken);
    assert.equal(await browser.forged().send("GET", "/me"), 200);
    assert.equal(await browser.forged().send("POST", "/claim"), 401);
    assert.equal(await browser.send("POST", "/claim"), 200);
    assert.equal(await browser.forged().send("POST", "/auth/session/refresh"), 401);
    const before = browser.antiCsrf;
    assert.equal(await browser.send("POST", "/auth/session/refresh"), 200);
    assert.notEqual(browser.antiCsrf, before);
    assert.equal(await browser.send("POST", "/claim"), 200);
    assert.equal(await browser.send("POST", "/logout"), 200);
    assert.equal(browser.cookies.sAccessToken, "");
  },
};

// These have help from outside. Each line that is printed asks for it, each line that comes answers.
const helped = {
  async requests_go_on_while_keys_rotate_and_a_core_restarts() {
    const browsers = await Promise.all(["jan", "kim", "leo"].map(login));
    const all = async () => {
      for (const browser of browsers) {
        assert.equal((await browser.refresh()).status, 200);
        assert.equal((await browser.send("GET", "/me")).status, 200);
      }
    };
    await all();
    for await (const line of lines()) {
      if (line === "end") return;
      // The service's clock is moved, the SDK's is not: it fetches keys at most every 500 ms, and the service
      // makes their set at most once a second. Between publishing a key and signing with it lie 90 s.
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await all();
    }
  },
  async an_outage_is_ridden_over() {
    const { handle } = await login("nia");
    for await (const line of lines()) {
      if (line === "end") return;
      const started = Date.now();
      const answer = Session.getSessionInformation(handle);
      if (line === "for good") {
        await assert.rejects(answer, /status code: 429/);
        const patience = Date.now() - started;
        console.error(`the site is told of an outage after ${patience} ms`);
        assert.ok(patience >= 2_550, `it gave up after ${patience} ms`);
      } else {
        assert.equal((await answer).userId, "nia");
        console.error(`an outage of a second was ridden over in ${Date.now() - started} ms`);
      }
    }
  },
};

async function* lines() {
  console.log("next");
  let rest = "";
  for await (const chunk of process.stdin) {
    rest += chunk;
    while (rest.includes("\n")) {
      const [line, ...others] = rest.split("\n");
      rest = others.join("\n");
      yield line;
      console.log("next");
    }
  }
}

const chosen = scenario ? { [scenario]: helped[scenario] } : scenarios;
for (const [name, run] of Object.entries(chosen)) {
  await run();
  console.error(`ok ${name}`);
}
process.exit(0);
