// The line of refresh tokens as a drawing: Ada's above, the attacker's below, one column for each generation.

import { held } from "/static/story.js";

const SVG = "http://www.w3.org/2000/svg";
const COLUMN = 104, LEFT = 56, ROWS = { ada: 62, thief: 146 }, HEIGHT = 204, SHOWN = 12;

const drawn = new Set();

/** Draws the story into `svg`, and describes it in words. */
export function draw(svg, events) {
  // Drawn anew, it would lose where one has scrolled to.
  const story = `${events[0]?.id} ${events.length}`;
  if (svg.dataset.story === story) return;
  svg.dataset.story = story;
  const { nodes, refused } = graph(events);
  const last = Math.max(0, ...[...nodes.values()].map((node) => node.generation));
  const first = Math.max(0, Math.min(last - SHOWN + 1, refused?.isEnd ? refused.from.generation : last));
  const x = (generation) => LEFT + (generation - first) * COLUMN;
  const width = Math.max(x(Math.max(last, (refused?.from.generation ?? 0) + 1)) + LEFT, 320);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", HEIGHT);
  add(svg, "title", {}, "The line of refresh tokens");
  add(svg, "desc", {}, describe(nodes, refused));

  // A lost successor hangs between its parent and the successor that arrived.
  const at = (node) => node.lost
    ? { x: x(node.generation - 0.5), y: ROWS[node.by] - 36 }
    : { x: x(node.generation), y: ROWS[node.by] };
  const shown = [...nodes.values()].filter((node) => node.generation >= first);
  for (const node of shown) {
    const parent = nodes.get(node.parent);
    if (parent && parent.generation >= first) link(svg, at(parent), at(node), classes(node, "link"));
  }
  if (refused) {
    const from = at(refused.from), to = { x: from.x + COLUMN, y: ROWS[refused.by] };
    link(svg, from, to, refused.by === "thief" ? "link by-thief new" : "link new");
    const cross = `M${to.x - 9} ${to.y - 9}l18 18m0 -18l-18 18`;
    add(svg, "path", { d: cross, class: "refused new" });
    const below = refused.by === "thief" ? 32 : -20;
    const label = `${refused.from.name}${refused.isEnd ? " again" : ", no key"}`;
    add(svg, "text", { x: to.x, y: to.y + below, class: `who ${refused.by}` }, label);
  }
  const holders = { ada: held(events, "ada"), thief: held(events, "thief") };
  for (const node of shown) {
    const { x: cx, y: cy } = at(node);
    const group = add(svg, "g", { class: classes(node, "node") });
    if (!drawn.has(node.id)) group.classList.add("new");
    drawn.add(node.id);
    add(group, "circle", { cx, cy, r: node.lost ? 10 : 21 });
    if (node.lost) continue;
    add(group, "text", { x: cx, y: cy + 1 }, node.name);
    add(group, "text", { x: cx, y: cy + 12, class: "print" }, node.id);
    for (const [who, label, dy] of [["ada", "Ada", -32], ["thief", "attacker", 44]]) {
      if (holders[who]?.print !== node.id) continue;
      group.classList.add(`held-${who}`);
      add(group, "circle", { cx, cy, r: who === "ada" ? 25 : 28, class: "ring" });
      add(group, "text", { x: cx, y: cy + dy, class: `who ${who}` }, label);
    }
  }
  svg.parentElement.scrollLeft = svg.parentElement.scrollWidth;
}

/** The tokens that there were, by what tells them apart, and the one that was refused. */
export function graph(events) {
  const nodes = new Map();
  let refused = null;
  const node = (token, by, parent, lost = false) => {
    if (token && !nodes.has(token.print)) {
      const { generation, print } = token;
      nodes.set(print, { id: print, generation, name: `R${generation}`, by, parent, lost });
    }
  };
  for (const { id, who, what, token, parent } of events) {
    if (what === "login") node(token, who, null);
    // Who lost a race gets the successor of what the winner has by now.
    const before = [...nodes.values()].find((other) => !other.lost && other.generation === token?.generation - 1);
    if (what === "refresh") node(token, who, before?.id ?? parent.print);
    if (what === "lost" && token) node({ generation: token.generation + 1, print: id }, who, token.print, true);
    if ((what === "theft" || what === "refused") && token && nodes.has(token.print)) {
      refused = { from: nodes.get(token.print), by: who, isEnd: what === "theft" };
    }
  }
  return { nodes, refused };
}

function describe(nodes, refused) {
  const name = { ada: "Ada", thief: "the attacker" };
  const steps = [...nodes.values()].map((node) =>
    node.lost ? `a successor whose reply was lost` : `${node.name}, given to ${name[node.by]}`);
  const end = refused ? ` Then ${name[refused.by]} presented ${refused.from.name}${refused.isEnd ? " again" : " without the key"}, and was refused.` : "";
  return `${steps.join("; ")}.${end}`;
}

function classes(node, base) {
  return [base, node.by === "thief" && "by-thief", node.lost && "lost"].filter(Boolean).join(" ");
}

function link(svg, from, to, kind) {
  const middle = (from.x + to.x) / 2;
  const d = `M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
  svg.append(element("path", { d, class: kind }));
}

function add(parent, name, attributes, text) {
  const child = element(name, attributes);
  if (text) child.textContent = text;
  parent.append(child);
  return child;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
