// Where Ada is signed in: a list of her sessions, the end of one or of the others, and a button that takes a fresh login.

import { session } from "/auth/client.js";
import { fetch, isBound, logIn, signOut } from "/static/key.js";
import { tell, token } from "/static/story.js";
import { attempt } from "/static/turns.js";

const $ = (id) => document.getElementById(id);
const items = new Map(); // by handle

/** Asks for the list and shows it, if one looks at it. */
export async function askForDevices() {
  if (!$("devices").open) return;
  const response = await fetch("/api/devices");
  if (response.status >= 500) throw new Error("the service is away");
  if (!response.ok) return;
  const { devices } = await response.json();
  // An item that stays keeps the keyboard's focus.
  const gone = new Set(items.keys());
  for (const device of devices) {
    gone.delete(device.handle);
    if (!items.has(device.handle)) items.set(device.handle, add(device));
    items.get(device.handle).textContent = when(device);
  }
  for (const handle of gone) remove(handle);
  $("end-others").disabled = devices.length < 2;
}

export function closeDevices() {
  $("devices").close();
}

function add({ handle, isThis, userAgent }) {
  const item = document.createElement("li"), text = document.createElement("div"), times = document.createElement("div");
  const title = element("strong", browser(userAgent));
  item.id = `device-${handle}`;
  times.className = "quiet";
  text.append(title, isThis ? " this one" : "", times);
  item.append(text);
  if (!isThis) {
    const button = element("button", "Sign out");
    button.setAttribute("aria-label", `Sign out ${title.textContent}`);
    button.onclick = () => attempt(() => end(handle));
    item.append(button);
  }
  $("device-list").append(item);
  return times;
}

function remove(handle) {
  const item = $(`device-${handle}`);
  if (item.contains(document.activeElement)) $("devices-title").focus();
  item.remove();
  items.delete(handle);
}

function when({ activeSecondsAgo, endsAt, bound }) {
  const active = activeSecondsAgo < 15 ? "active now" : activeSecondsAgo < 120
    ? `last active ${activeSecondsAgo} s ago` : `last active ${Math.round(activeSecondsAgo / 60)} min ago`;
  return `${active}, ${endsAt ? `until ${new Date(endsAt).toLocaleTimeString([], { timeStyle: "short" })} at most` : "stays signed in"}${bound ? ", bound to its key" : ""}`;
}

/** A browser's name for people, as far as its User-Agent gives it away. */
function browser(userAgent) {
  const name = ["Edg", "Firefox", "Chrome", "Safari"].find((name) => userAgent?.includes(`${name}/`));
  const system = ["Android", "iPhone", "Windows", "Mac OS", "Linux"].find((system) => userAgent?.includes(system));
  return [name === "Edg" ? "Edge" : name ?? "A browser", system && `on ${system}`].filter(Boolean).join(" ");
}

/** A reply that says something: yes, no, or that the session is over, which the page shows. */
async function answered(reply) {
  const response = await reply;
  if (response.status >= 500 || (response.status === 401 && session())) throw new Error("the service is away");
  return response;
}

async function end(handle) {
  const { status } = await answered(fetch("/api/devices/end", { method: "POST", body: JSON.stringify({ handle }) }));
  // Somebody else may have ended it meanwhile.
  if (status === 200 || status === 404) $("outcome").textContent = "That device is signed out.";
  await askForDevices();
}

async function endOthers() {
  if (await signOut({ others: true })) $("outcome").textContent = "All other devices are signed out.";
  await askForDevices();
}

async function closeAccount() {
  const response = await answered(fetch("/api/account/close", { method: "POST" }));
  const { code, age } = await response.json();
  const asksForLogin = code === "reauthenticate";
  $("sign-in-again").hidden = !asksForLogin;
  if (asksForLogin) $("sign-in-again").focus();
  $("outcome").textContent = asksForLogin
    ? `Ada’s login is ${age} s old. The account stays until she has signed in once more.`
    : response.ok ? "The login was fresh, so the account would be closed now. The demo keeps it." : "";
}

async function signInAgain() {
  const { ok } = await answered(logIn("/api/login/again"));
  if (!ok) return;
  $("close-account").focus();
  tell("login", { token: await token(), again: true, bound: await isBound() });
  await closeAccount();
  await askForDevices();
}

function element(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}

$("show-devices").onclick = () => {
  $("outcome").textContent = "";
  $("sign-in-again").hidden = true;
  $("devices").showModal();
  attempt(askForDevices);
};
$("hide-devices").onclick = closeDevices;
$("end-others").onclick = () => attempt(endOthers);
$("close-account").onclick = () => attempt(closeAccount);
$("sign-in-again").onclick = () => attempt(signInAgain);
