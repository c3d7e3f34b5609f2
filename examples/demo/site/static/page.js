// The page: which screen, what the buttons do, and the words for what happened.

import { fetch, onChange, refresh, session, signOut } from "/auth/client.js";
import { draw, graph } from "/line.js";
import { events, held, isOver, isThief, me, onStory, otherOrigin, share, tell } from "/story.js";

const ASK_EVERY = 1000, STEAL_EVERY = 4000, TOKEN_LIVES = 10;
// For longer than this two refreshes of one token are not taken for a race.
const SLOT = 2000;
const $ = (id) => document.getElementById(id);
const NAME = { ada: "Ada", thief: "the attacker" };
const onLoopback = ["localhost", "127.0.0.1"].includes(location.hostname);

let account = null;

// What this browser holds

/** The refresh token that this browser holds, as the demo's route tells it: { generation, print }. */
async function token() {
  const response = await window.fetch("/auth/session/refresh/demo/token");
  return response.ok ? response.json() : null;
}

async function ask() {
  const response = await fetch("/api/account");
  if (response.ok) account = await response.json();
  render();
}

onChange(async (now, why) => {
  if (why === "refreshed") tell("refresh", { parent: held(events(), me), token: await token() });
  if (why === "stolen") tell("theft", { token: held(events(), me) });
  if (why === "ended" && held(events(), me)) tell("ended");
  render();
});

// Ada

async function signIn() {
  const response = await fetch("/api/login", { method: "POST" });
  if (!response.ok) return;
  tell("login", { token: await token() });
  await ask();
}

function steal(event) {
  event.preventDefault();
  const other = window.open("", "thief", "popup,width=620,height=900");
  share(other);
  tell("copy", { token: held(events(), "ada"), when: new FormData(event.target).get("when") });
  const form = Object.assign(document.createElement("form"), {
    method: "post", action: "/auth/session/refresh/demo/copy", target: "thief",
  });
  document.body.append(form);
  form.submit();
  form.remove();
}

async function lose() {
  const before = held(events(), me);
  const response = await window.fetch("/auth/session/refresh/demo/lose", { method: "POST" });
  if (response.status === 504) tell("lost", { token: before });
}

async function leave() {
  if (await signOut()) tell("signout");
  render();
}

// The attacker

async function attack() {
  const had = held(events(), me);
  if (!had) return;
  const { code } = await refresh();
  if (code === "unauthorised" && held(events(), me)) tell("ended");
  // Without a front token of its own this page was told nothing.
  if (code === "token_theft" && held(events(), me)) tell("theft", { token: had });
  if (code === "refreshed") await ask();
}

/** Whether the attacker may go on: at once, or some time after Ada has refreshed the tokens that were copied. */
function mayAttack() {
  const all = events();
  const copied = all.findLastIndex((event) => event.what === "copy");
  if (copied < 0) return false;
  if (all[copied].when !== "second") return true;
  const refreshed = all.slice(copied + 1).find((event) => event.who === "ada" && event.what === "refresh");
  return refreshed !== undefined && Date.now() - refreshed.at > SLOT;
}

/** The copied access token is good for a moment without any refresh. */
async function look() {
  const response = await window.fetch("/api/account");
  if (response.ok) account = await response.json();
  render();
}

// What is shown

function screen() {
  const all = events();
  if (all.some((event) => event.what === "theft")) return "over";
  if (isThief) return isOver(all, me) ? "over" : held(all, me) ? "in" : "idle";
  if (session()) return "in";
  return all.at(-1)?.what === "ended" ? "over" : "out";
}

function render() {
  const all = events(), now = screen();
  for (const id of ["out", "in", "idle", "over"]) $(id).hidden = id !== now;
  $("line").hidden = $("log-section").hidden = all.length === 0 || now === "idle";
  $("owner-actions").hidden = isThief;
  $("thief-actions").hidden = !isThief;
  if (now === "in") renderAccount(all);
  if (now === "over") renderEnd(all);
  draw($("drawing"), all);
  renderLog(all);
}

function renderAccount(all) {
  $("name").textContent = isThief ? "You hold a copy of Ada’s cookies" : account?.name ?? "Ada";
  $("balance").textContent = account?.balance ?? "…";
  const mine = held(all, me);
  const others = held(all, isThief ? "ada" : "thief");
  $("holds").textContent = isThief
    ? waiting() ? `You hold ${name(mine)} and wait until Ada has refreshed.`
      : `This is Ada’s account, in your browser. You hold ${name(mine)}, Ada ${name(others)}. You refresh every four seconds.`
    : others ? `You hold ${name(mine)}. Another browser holds ${name(others)}, and sees all that you see.`
      : `You are signed in, and hold ${name(mine)}. This page asks for your balance every second.`;
  $("refreshes").textContent = all.filter((event) => event.who === me && event.what === "refresh").length;
  $("readable").textContent = document.cookie.includes("Token=") ? document.cookie : "no token: both are HttpOnly";
  renderClock();
}

function renderClock() {
  const left = Math.max(0, Math.min(TOKEN_LIVES, ((session()?.expires ?? 0) - Date.now()) / 1000));
  $("remaining").textContent = left > 0 ? `${Math.ceil(left)} s left` : "expired: the next request refreshes it";
  $("clock").value = left;
}

function renderEnd(all) {
  const theft = all.find((event) => event.what === "theft");
  $("over").classList.toggle("calm", !theft);
  $("evidence").hidden = !theft;
  $("again-in").textContent = isThief ? "Back to Ada’s browser" : "Sign in again";
  if (!theft) {
    $("verdict").textContent = "This session has ended";
    $("explained").textContent = isThief && all.some((event) => event.what === "signout")
      ? "Ada signed out, and with her the copy of her session." : "The service knows it no longer.";
    return;
  }
  const { nodes, refused } = graph(all);
  const rival = [...nodes.values()].filter((node) => !node.lost).reduce((a, b) => (b.generation > a.generation ? b : a));
  const copied = all.findLast((event) => event.what === "copy");
  $("verdict").textContent = "Theft detected. This session was ended everywhere.";
  $("explained").textContent = theft.who === "ada"
    ? "The attacker had exchanged the copied token before Ada. When Ada’s browser presented it again, the service saw two holders."
    : "Ada’s browser had exchanged the token before the attacker. When the attacker presented the copy, the service saw two holders.";
  $("second").textContent = capital(NAME[theft.who]);
  $("against").textContent = `${refused?.from.name ?? name(theft.token)} was presented; the line had gone on to ${rival.name}`;
  $("took").textContent = copied ? `${((theft.at - copied.at) / 1000).toFixed(1)} s` : "the copy was not made here";
}

function renderLog(all) {
  const list = $("log");
  const known = new Set([...list.children].map((item) => item.dataset.id));
  if (list.lastElementChild && list.lastElementChild.dataset.id !== all[0]?.id) {
    list.replaceChildren();
    known.clear();
  }
  for (const event of all) {
    if (known.has(event.id)) continue;
    const item = document.createElement("li");
    item.dataset.id = event.id;
    item.className = event.who;
    const time = document.createElement("time");
    time.dateTime = new Date(event.at).toISOString();
    time.textContent = new Date(event.at).toLocaleTimeString([], { hour12: false });
    const text = document.createElement("span");
    text.textContent = sentence(event, all);
    item.append(time, text);
    list.prepend(item);
  }
}

function sentence({ who, what, token, parent }, all) {
  switch (what) {
    case "login": return `Ada signed in. Her browser got ${name(token)}.`;
    case "copy": return `Ada’s cookies were copied. Two browsers hold ${name(token)} now, and nobody can tell them apart.`;
    case "refresh": return who === "ada"
      ? `Ada’s access token had expired. Her browser exchanged ${name(parent)} for ${name(token)}.`
      : `The attacker exchanged ${name(parent)} for ${name(token)}.`;
    case "lost": return `Ada’s browser asked for a successor of ${name(token)}, and the reply was lost. ${name(token)} is still good.`;
    case "theft": return `${capital(NAME[who])} presented ${name(token)}, which the line had left behind. Theft detected: the service ended the session.`;
    case "ended": return all.some((event) => event.what === "theft")
      ? `${capital(NAME[who])} was turned away: the session is over.` : `${capital(NAME[who])} learned that the session is over.`;
    case "signout": return "Ada signed out.";
    default: return what;
  }
}

const name = (token) => (token ? `R${token.generation}` : "nothing");
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const waiting = () => isThief && !mayAttack();

// Going

/** One at a time: a slow reply must not start a second round. */
function every(interval, work) {
  let busy = false;
  const once = async () => {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch {
      // The network is away; the next round asks again.
    } finally {
      busy = false;
    }
  };
  setInterval(once, interval);
  return once;
}

document.body.classList.toggle("thief", isThief);
$("whose").append(Object.assign(document.createElement("strong"), {
  textContent: isThief ? "The attacker’s browser" : "Ada’s browser",
}));
document.title = isThief ? "The attacker’s browser" : "Steal this session";
$("home").href = otherOrigin;
$("home").textContent = otherOrigin;
$("copy").hidden = $("lose").hidden = !onLoopback;

$("sign-in").onclick = signIn;
$("again-in").onclick = () => (isThief ? location.assign(otherOrigin) : signIn());
$("copy").onsubmit = steal;
$("second-tab").onclick = () => window.open(location.href, "_blank");
$("lose").onclick = lose;
$("sign-out").onclick = leave;
onStory(render);
setInterval(() => screen() === "in" && renderClock(), 250);

if (isThief) {
  const round = every(STEAL_EVERY, async () => {
    if (isOver(events(), me)) return session() && ask();
    return mayAttack() ? attack() : look();
  });
  let went = false;
  const begin = () => {
    if (!went && mayAttack()) {
      went = true;
      round();
    }
  };
  $("again").onclick = round;
  onStory(begin);
  begin();
  look();
} else {
  every(ASK_EVERY, async () => session() && ask())();
}
render();
