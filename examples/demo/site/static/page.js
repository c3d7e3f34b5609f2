// The page: which screen, what the buttons do, and the words for what happened.

import { onChange, refresh, session } from "/auth/client.js";
import { askForDevices, closeDevices } from "/static/devices.js";
import { fetch, isBound as holdsKey, logIn, signOut } from "/static/key.js";
import { draw, graph } from "/static/line.js";
import { events, greet, held, isBound, isOver, isThief, me, newId, onLoot, onStory, otherOrigin, share, tell, token } from "/static/story.js";
import { attempt, onAttempt } from "/static/turns.js";

const ASK_EVERY = 1000, STEAL_EVERY = 4000, TOKEN_LIVES = 10;
// For longer than this two refreshes of one token are not taken for a race.
const SLOT = 2000;
// A theft so shortly before a swap would be over before anyone has looked.
const SECONDS_TO_READ = 3;
// So much earlier than it has to, a browser refreshes a bound session.
const MARGIN = 5;
const $ = (id) => document.getElementById(id);
const NAME = { ada: "Ada", thief: "the attacker" };
const OWNER = { ada: "Ada’s", thief: "the attacker’s" };
const ENDS = ["ended", "signout", "theft"];
const onLoopback = ["localhost", "127.0.0.1"].includes(location.hostname);

let account = null;
let shown = null;

// What this browser holds

function swapped(token) {
  const parent = held(events(), me);
  // Who has lost the session meanwhile has nothing to tell any more.
  if (token && parent && token.print !== parent.print) tell("refresh", { parent, token });
}

/** What happened while no page was there to tell it: a reply came when the page was being left. */
async function catchUp() {
  const now = await token();
  if (now) swapped(now);
  else if (held(events(), me)) tell("ended");
}

/** Asks for the account, by way of a refresh if need be. */
async function ask() {
  const response = await fetch("/api/account");
  // A 401 that leaves the session there: it could not be refreshed now.
  if (response.status >= 500 || (response.status === 401 && session())) throw new Error("the service is away");
  if (response.ok) account = await response.json();
  await askForDevices();
}

/** The same without a refresh: the copied access token is good for a moment. */
async function look() {
  const response = await window.fetch("/api/account");
  if (response.status >= 500) throw new Error("the service is away");
  if (response.ok) account = await response.json();
  // By this mark the edge's script would know at the next load that the session has changed, and refresh it.
  if (!session()) document.cookie = "sFrontTokenHash=; Path=/; Max-Age=0";
}

onChange(async (now, why) => {
  if (why === "refreshed" || why === "renewed") swapped(await token());
  if (why === "stolen") tell("theft", { token: held(events(), me) });
  if (why === "ended" && held(events(), me)) tell("ended");
  render();
});

// Ada

async function signIn() {
  const response = await logIn($("stay").checked ? "/api/login?stay" : "/api/login", $("bind").checked);
  if (!response.ok) throw new Error("the service is away");
  tell("login", { token: await token(), bound: await holdsKey() });
  await ask();
}

/** Opens the attacker's window, which a browser allows in the very moment of a click. */
function openThief() {
  const other = window.open("", "thief", "popup,width=620,height=900");
  $("blocked").hidden = Boolean(other);
  if (!other) return;
  share(other);
  other.focus();
  attempt(() => steal(other));
}

/** Has the cookies copied into the attacker's window. That window reports what it got. */
async function steal(other) {
  if (isDue() && !(await refresh()).ok) {
    other.close();
    return ask();
  }
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
  if (response.status === 504) return tell("lost", { token: before });
  await ask();
}

async function leave() {
  if (!(await signOut())) throw new Error("the service is away");
  tell("signout");
}

// The attacker

async function attack() {
  const had = held(events(), me);
  if (!had) return;
  const { code } = await refresh();
  if (code === "unreachable") throw new Error(code);
  if (code === "unauthorised" && held(events(), me)) tell("ended");
  // Without a front token of its own this page was told nothing.
  if (code === "token_theft" && held(events(), me)) tell("theft", { token: had });
  // While the copied access token is good the edge answers a script by 200, and swaps nothing.
  const isRefused = code === "device_proof_needed" || (code === "refreshed" && (await token())?.print === had.print);
  if (isRefused) tell("refused", { token: had });
  else if (code === "refreshed") await ask();
}

/**
 * Whether the attacker may go on: at once, or after Ada has swapped the token that was copied. Never so soon after a swap of
 * hers that the two would look like a race of her tabs, unless there is a key to tell them apart.
 */
function mayAttack() {
  const all = events();
  const copy = all.findLast((event) => event.what === "copy");
  if (copy && isBound(all)) return true;
  const swaps = all.filter((event) => event.who === "ada" && event.what === "refresh");
  if (!copy || Date.now() - (swaps.at(-1)?.at ?? 0) <= SLOT) return false;
  const since = all.slice(all.indexOf(copy));
  return copy.when !== "second" || swaps.some((event) => event.parent.print === copy.token.print)
    || since.some((event) => event.who === "thief" || ENDS.includes(event.what));
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
  $("facts").hidden = now !== "in";
  $("owner-actions").hidden = now !== "in" || isThief;
  $("thief-actions").hidden = now !== "in" || !isThief;
  $("line").hidden = $("story").hidden = all.length === 0 || now === "idle";
  document.body.classList.toggle("told", !$("story").hidden);
  if (now === "in") renderAccount(all);
  else closeDevices();
  if (now === "over") renderEnd(all);
  $("why").textContent = isBound(all) ? "Why a copy is worthless" : "Why it is noticed";
  $("why-noticed").hidden = isBound(all);
  $("why-refused").hidden = !isBound(all);
  draw($("drawing"), all);
  renderLog(all);
  if (now !== shown) enter(now);
}

/** A new screen: its heading is where reading and the keyboard go on. */
function enter(now) {
  const heading = $(now).querySelector("h1");
  document.title = now === "out" ? "Steal this session" : `${heading.textContent} · ${whose}`;
  if (shown !== null) heading.focus();
  shown = now;
}

function renderAccount(all) {
  const mine = held(all, me), others = held(all, isThief ? "ada" : "thief");
  $("name").textContent = isThief ? "You hold a copy of Ada’s cookies" : `Signed in as ${account?.name ?? "Ada"}`;
  $("plot").textContent = isThief ? thiefsPlot(all, mine, others) : isBound(all) ? boundPlot(all, mine) : adasPlot(mine, others);
  $("balance").textContent = account?.balance ?? "…";
  $("refreshes").textContent = all.filter((event) => event.who === me && event.what === "refresh").length;
  $("readable").textContent = document.cookie.includes("Token=") ? document.cookie
    : isBound(all) ? "neither a token nor the key" : "no token: both are HttpOnly";
  $("loot").textContent = name(mine);
  $("lose").hidden = !onLoopback || isBound(all);
  $("timing").hidden = isBound(all);
  renderClock();
}

function adasPlot(mine, others) {
  return others
    ? `You are Ada, and hold ${name(mine)}. Another browser holds ${name(others)}, and sees all that you see. Whoever swaps second shows that there are two of you.`
    : `You are Ada. Every 5 to 10 s your browser swaps its refresh token for a new one, now ${name(mine)}. Steal it, and see who swaps first.`;
}

function boundPlot(all, mine) {
  return wasRefused(all)
    ? `A copy of your cookies was tried, and refused: it came without a signature of your browser’s key. You go on as Ada, now with ${name(mine)}.`
    : `You are Ada. Your browser swaps its refresh token every five seconds, now ${name(mine)}, and signs each swap with its key, here one in software. Steal the cookies, and see what they are worth without it.`;
}

function thiefsPlot(all, mine, others) {
  if (all.some((event) => event.who === "thief" && event.what === "refresh")) {
    return `This is Ada’s account, in your browser. You hold ${name(mine)}, and Ada ${name(others)}. You swap every four seconds. Her next swap shows that there are two of you.`;
  }
  const { when } = all.findLast((event) => event.what === "copy");
  return others?.print === mine.print
    ? `This is Ada’s account, in your browser. You hold ${name(mine)}, as she does, and ${when === "second" ? "wait until she has swapped it" : "swap it in a moment"}.`
    : `You hold ${name(mine)}. Ada has swapped it for ${name(others)}. Your swap will show that there are two of you.`;
}

const secondsLeft = () => Math.max(0, Math.min(TOKEN_LIVES, ((session()?.expires ?? 0) - Date.now()) / 1000));
const isDue = () => secondsLeft() < SECONDS_TO_READ && !isBound(events());

function renderClock() {
  const left = secondsLeft();
  $("remaining").textContent = left > 0 ? `${Math.ceil(left)} s left`
    : session() ? "expired: the next request refreshes it" : "copied, until it expires";
  $("clock").value = left;
  const wait = isBound(events()) ? Math.max(0, left - MARGIN) : left;
  $("due").textContent = isDue() ? "Ada swaps first" : `Ada swaps in ${Math.ceil(wait)} s`;
}

function renderEnd(all) {
  const theft = all.find((event) => event.what === "theft");
  $("over").classList.toggle("calm", !theft && !isThief);
  $("evidence").hidden = !theft;
  $("again-in").textContent = !isThief ? "Sign in again" : ownerIsThere() ? "Close this window" : "Go to Ada’s browser";
  const hasNoKey = isThief && !theft && wasRefused(all);
  $("verdict").textContent = hasNoKey ? "Your copy is worthless." : isThief ? "You are out. Your copy is worthless."
    : theft ? "Theft detected. This session was ended everywhere." : "This session has ended";
  if (!theft) {
    $("explained").textContent = hasNoKey
      ? "This session is bound to a key that never leaves Ada’s browser. Your swap came without its signature, and was refused at once. Ada goes on."
      : all.some((event) => event.what === "signout")
      ? "Ada signed out, and with her every copy of her session." : "The service knows it no longer.";
    return;
  }
  const { nodes, refused } = graph(all);
  const successor = [...nodes.values()].find((node) => node.parent === refused?.from.id && !node.lost);
  const copied = all.findLast((event) => event.what === "copy");
  $("explained").textContent = theft.who === "ada"
    ? "The attacker had swapped the stolen token before Ada. When her browser showed it again, the service knew that there were two holders, and ended the session for both."
    : "Ada’s browser had swapped its token before the attacker. When the attacker showed the copy, the service knew that there were two holders, and ended the session for both.";
  $("second").textContent = `${OWNER[theft.who]} browser, which showed ${name(theft.token)}`;
  $("against").textContent = successor
    ? `${name(theft.token)} had been swapped for ${successor.name} by ${NAME[successor.by]}` : `${name(theft.token)} had been swapped by someone else`;
  $("took").textContent = copied ? `${((theft.at - copied.at) / 1000).toFixed(1)} s after the copy` : "the copy was not made here";
}

function renderLog(all) {
  const list = $("log").firstElementChild;
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

function sentence({ who, what, token, parent, again, bound }, all) {
  switch (what) {
    case "login": return again
      ? `Ada signed in once more. Her session goes on as a new one, with ${name(token)}; whatever was copied before is worthless.`
      : `Ada signed in. Her browser got ${name(token)}${bound ? ", and bound the session to its key" : ""}.`;
    case "copy": return `Ada’s cookies were stolen. Two browsers hold ${name(token)} now, and ${isBound(all) ? "only Ada’s has the key" : "nobody can tell them apart"}.`;
    case "refused": return `The attacker’s browser showed ${name(token)} without a signature of Ada’s key, and was refused. Her session goes on.`;
    case "refresh": return graph(all).nodes.get(token.print)?.parent === parent.print
      ? `${capital(OWNER[who])} browser swapped ${name(parent)} for ${name(token)}.`
      : `${capital(OWNER[who])} browser showed ${name(parent)}. It had been swapped so soon that the service took the two for a race, and gave it ${name(token)}, too.`;
    case "lost": return `Ada’s browser asked for a successor of ${name(token)}, and the reply was lost. ${name(token)} is still good.`;
    case "theft": return `${capital(OWNER[who])} browser showed ${name(token)}, which the line had left behind. Theft detected: the service ended the session.`;
    case "ended": return all.some((event) => event.what === "theft")
      ? `${capital(NAME[who])} was turned away: the session is over.` : `${capital(NAME[who])} learned that the session is over.`;
    case "signout": return "Ada signed out.";
    default: return what;
  }
}

const name = (token) => (token ? `R${token.generation}` : "nothing");
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const wasRefused = (all) => all.some((event) => event.what === "refused");
const ownerIsThere = () => Boolean(window.opener && !window.opener.closed);

// Going

/** A slow reply must not start a second round. */
function every(interval, work) {
  let busy = false;
  const once = async () => {
    if (busy) return;
    busy = true;
    await attempt(work);
    busy = false;
  };
  setInterval(once, interval);
  return once;
}

const whose = isThief ? "The attacker’s browser" : "Ada’s browser";
document.body.classList.toggle("thief", isThief);
$("whose").append(Object.assign(document.createElement("strong"), { textContent: whose }));
$("home").href = otherOrigin;
$("home").textContent = otherOrigin;
$("copy").hidden = $("binding").hidden = !onLoopback;

$("sign-in").onclick = () => attempt(signIn);
$("again-in").onclick = () => {
  if (!isThief) return attempt(signIn);
  return ownerIsThere() ? window.close() : location.assign(otherOrigin);
};
$("copy").onsubmit = (event) => {
  event.preventDefault();
  openThief();
};
$("second-tab").onclick = () => window.open(location.href, "_blank");
$("lose").onclick = () => attempt(lose);
$("sign-out").onclick = () => attempt(leave);
$("swap").onclick = () => attempt(attack);
onAttempt((hasAnswered) => {
  $("away").hidden = hasAnswered;
  if (!hasAnswered) closeDevices();
  render();
});
onStory(render);
onLoot((loot) => tell("copy", { ...loot, when: new FormData($("copy")).get("when") }));
render();
setInterval(() => screen() === "in" && renderClock(), 250);

if (isThief) {
  // What was just pasted here, until Ada's page has taken note of it.
  let loot = location.hash === "#stolen" ? { id: newId(), token: await token() } : null;
  let next = 0;
  if (!loot) await attempt(catchUp);
  const round = every(ASK_EVERY, async () => {
    if (loot && events().some(({ id }) => id === loot.id)) {
      loot = null;
      history.replaceState(null, "", "/");
    }
    greet(loot);
    if (isOver(events(), me)) return session() && !wasRefused(events()) && ask();
    if (!mayAttack() || Date.now() < next) return look();
    next = Date.now() + STEAL_EVERY;
    return attack();
  });
  onStory(() => mayAttack() && next === 0 && round());
  round();
} else {
  await attempt(catchUp);
  every(ASK_EVERY, () => (session() ? ask() : $("away").hidden || look()))();
}
