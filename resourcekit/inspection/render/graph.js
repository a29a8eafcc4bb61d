"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const canvas = at("canvas"), view = at("view"), details = at("details"), search = at("search"), results = at("results");
const svgNamespace = "http://www.w3.org/2000/svg";
const state = { environment: data.current, other: null, chosen: null, x: 0, y: 0, scale: 1, isFitted: true };
const boxes = new Map(), lines = [];

function make(tag, attributes, ...children) {
  const isDrawn = ["g", "rect", "text", "path", "circle", "title"].includes(tag);
  const element = isDrawn ? document.createElementNS(svgNamespace, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const entries = () => data.graphs[state.environment].entries;
const differences = () => (state.other ? data.differences[state.environment][state.other] : {});
const anyEntry = (name) => entries()[name] || Object.values(data.graphs).map((graph) => graph.entries[name]).find(Boolean);

// The picture

function draw() {
  for (const [source, target, path] of data.lines) {
    const line = make("path", { d: path });
    lines.push({ source, target, line });
    at("lines").append(line);
  }
  for (const [name, [x, y, width, height]] of Object.entries(data.boxes)) {
    const box = make("g", { transform: `translate(${x} ${y})`, tabindex: 0, role: "button", "data-name": name },
      make("title"), make("rect", { width, height, rx: 8 }),
      make("text", { class: "name", x: 13, y: 20 }), make("text", { class: "owner", x: 13, y: 36 }),
      make("circle", { class: "badge", cx: width, cy: 0, r: 5 }));
    box.addEventListener("click", () => { if (!dragged) choose(name); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(name); }
    });
    boxes.set(name, box);
    at("boxes").append(box);
  }
}

function paint() {
  const here = entries(), changed = differences();
  for (const [name, box] of boxes) {
    const entry = anyEntry(name), change = changed[name];
    const marks = ["box", entry.kind, entry.scope, here[name] ? null : "absent", change && here[name] ? "differs" : null];
    box.setAttribute("class", marks.filter(Boolean).join(" "));
    box.setAttribute("aria-label", `${name}, ${entry.owner}${here[name] ? "" : `, not in ${state.environment}`}`);
    const [title, , label, owner] = box.children;
    title.textContent = entry.doc || entry.owner;
    label.textContent = entry.label;
    owner.textContent = here[name] ? entry.line : `not in ${state.environment}`;
  }
  for (const { source, target, line } of lines) {
    const isHere = here[target] && here[target].needs.includes(source);
    line.classList.toggle("absent", !isHere);
  }
  const problems = data.graphs[state.environment].problems;
  at("problems").hidden = problems.length === 0;
  at("problems").textContent = problems.join("\n");
  focusChosen();
  legend();
}

function reach(name, key) {
  const found = new Set(), waiting = [name], here = entries();
  while (waiting.length) {
    for (const next of (here[waiting.pop()] || { needs: [], users: [] })[key]) {
      if (!found.has(next)) { found.add(next); waiting.push(next); }
    }
  }
  return found;
}

function focusChosen() {
  const name = state.chosen;
  canvas.classList.toggle("focused", Boolean(name));
  const above = name ? reach(name, "needs") : new Set(), below = name ? reach(name, "users") : new Set();
  for (const [each, box] of boxes) {
    box.classList.toggle("chosen", each === name);
    box.classList.toggle("near", above.has(each) || below.has(each));
  }
  const isNear = (source, target) =>
    (above.has(source) && (target === name || above.has(target))) || (below.has(target) && (source === name || below.has(source)));
  for (const { source, target, line } of lines) line.classList.toggle("near", Boolean(name) && isNear(source, target));
}

function legend() {
  const here = Object.values(entries());
  const kinds = [["app", "app-scoped", here.some((entry) => entry.scope === "app" && entry.kind === "resource")],
    ["", "per run", here.some((entry) => entry.scope === "run")],
    ["other", "provider or value", here.some((entry) => entry.kind !== "resource")],
    ["differs", `differs from ${state.other}`, Boolean(state.other)]];
  const count = here.filter((entry) => entry.kind === "resource").length;
  at("legend").replaceChildren(make("span", {}, `${count} resource${count === 1 ? "" : "s"}`),
    ...kinds.filter(([, , isThere]) => isThere).map(([mark, words]) => make("span", {}, make("i", { class: mark }), words)));
}

// Moving about

function place() {
  view.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.scale})`);
  canvas.classList.toggle("tiny", state.scale < 0.28);
}

function zoom(factor, x, y) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = Math.min(3, Math.max(0.02, state.scale * factor));
  const [cx, cy] = [x ?? width / 2, y ?? height / 2];
  state.x = cx - ((cx - state.x) * scale) / state.scale;
  state.y = cy - ((cy - state.y) * scale) / state.scale;
  state.scale = scale;
  state.isFitted = false;
  place();
}

function room() {
  const { width, height } = canvas.getBoundingClientRect();
  const panel = details.hidden ? 0 : details.getBoundingClientRect().width;
  return [panel < width * 0.6 ? width - panel : width, height];
}

function fit() {
  const [width, height] = room(), [w, h] = data.size;
  state.scale = Math.min(1.4, (width - 96) / Math.max(w, 1), (height - 150) / Math.max(h, 1));
  state.x = (width - w * state.scale) / 2;
  state.y = (height - 40 - h * state.scale) / 2;
  state.isFitted = true;
  place();
}

function show(name) {
  const [x, y, w, h] = data.boxes[name], [width, height] = room();
  const left = state.x + x * state.scale, top = state.y + y * state.scale;
  const isSeen = state.scale >= 0.5 && left > 20 && top > 20 && left + w * state.scale < width - 20 && top + h * state.scale < height - 70;
  if (isSeen) return;
  state.scale = Math.max(state.scale, 0.9);
  state.x = width / 2 - (x + w / 2) * state.scale;
  state.y = height / 2 - (y + h / 2) * state.scale;
  state.isFitted = false;
  place();
}

const pointers = new Map();
let dragged = false, spread = 0;

canvas.addEventListener("pointerdown", (event) => {
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  dragged = false;
  spread = 0;
});
window.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  dragged = true;
  canvas.classList.add("dragging");
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  const points = [...pointers.values()], frame = canvas.getBoundingClientRect();
  if (points.length === 2) {
    const apart = Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]);
    if (spread) zoom(apart / spread, (points[0][0] + points[1][0]) / 2 - frame.left, (points[0][1] + points[1][1]) / 2 - frame.top);
    spread = apart;
    return;
  }
  state.x += dx;
  state.y += dy;
  state.isFitted = false;
  place();
});
for (const kind of ["pointerup", "pointercancel"]) {
  window.addEventListener(kind, (event) => {
    pointers.delete(event.pointerId);
    canvas.classList.remove("dragging");
    if (event.target === canvas && !dragged) choose(null);
  });
}
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const frame = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - frame.left, event.clientY - frame.top);
}, { passive: false });
at("closer").addEventListener("click", () => zoom(1.3));
at("farther").addEventListener("click", () => zoom(1 / 1.3));
at("fit").addEventListener("click", fit);
window.addEventListener("resize", () => (state.isFitted ? fit() : place()));

// Details

function choose(name, isShown = false) {
  state.chosen = name && data.boxes[name] ? name : null;
  history.replaceState(null, "", state.chosen ? `#${encodeURIComponent(state.chosen)}` : "#");
  focusChosen();
  tell();
  if (state.isFitted) fit();
  if (state.chosen && isShown) show(state.chosen);
}

function link(name) {
  return make("button", { class: "link", onclick: () => choose(name, true) }, name);
}

function section(title, ...children) {
  return children.length ? [make("h3", {}, title), ...children] : [];
}

function fieldRow(field, change) {
  const differs = change && Object.hasOwn(change.fields, field.name);
  const there = differs ? change.fields[field.name] : "";
  return make("div", { class: differs ? "field differs" : "field" },
    make("div", { class: "head" }, make("b", {}, field.name), field.secret ? make("span", { class: "tag" }, "secret") : "",
      make("span", { class: "type" }, field.type)),
    make("div", { class: "value" }, field.shown ? make("code", {}, field.shown) : make("span", { class: "soft" }, "no value")),
    make("div", { class: "from" }, [field.source, ...field.reads.map((read) => `reads ${read}`)].join(" · "),
      field.declared ? make("span", { class: "place" }, ` ${field.declared}`) : ""),
    field.description ? make("div", { class: "from" }, field.description) : "",
    differs ? make("div", { class: "other" }, ...(there ? [`${state.other}: `, make("code", {}, there)] : [`not in ${state.other}`])) : "");
}

function lostFields(entry, change) {
  const known = new Set(entry.fields.map((field) => field.name));
  return Object.entries(change ? change.fields : {}).filter(([name]) => !known.has(name)).map(([name, there]) =>
    make("div", { class: "field differs" }, make("div", { class: "head" }, make("b", {}, name)),
      make("div", { class: "other" }, `only in ${state.other}: `, make("code", {}, there))));
}

function tell() {
  const name = state.chosen, here = name && entries()[name];
  details.hidden = !name;
  if (!name) return;
  const entry = here || anyEntry(name), change = differences()[name];
  const tags = [entry.kind === "resource" ? null : make("span", { class: "tag" }, entry.kind),
    entry.scope ? make("span", { class: `tag ${entry.scope}` }, entry.scope === "app" ? "app-scoped" : "per run") : null,
    entry.async ? make("span", { class: "tag" }, "async") : null,
    here ? null : make("span", { class: "tag warn" }, `not in ${state.environment}`),
    change && change.change === "added" ? make("span", { class: "tag warn" }, `not in ${state.other}`) : null];
  const facts = Object.entries(change ? change.facts : {}).map(([fact, there]) =>
    make("div", { class: "fact" }, `${fact} in ${state.other}: `, make("code", {}, there || "none")));
  const keys = entry.keys.filter((key) => key !== name);
  details.replaceChildren(...[
    make("button", { class: "close", "aria-label": "Close", onclick: () => choose(null) }, "×"),
    make("h2", {}, name),
    make("div", { class: "soft" }, entry.owner, entry.vends ? `, gives ${entry.vends}` : ""),
    make("div", {}, ...tags.filter(Boolean)),
    entry.doc ? make("p", {}, entry.doc) : null,
    entry.declared ? make("div", { class: "place" }, entry.declared) : null,
    ...facts,
    ...section("Also under", ...keys.map((key) => make("code", {}, key))),
    ...section("Fields", ...entry.fields.map((field) => fieldRow(field, here && change)), ...lostFields(entry, change)),
    ...section("Hooks", ...entry.hooks.map((hook) => make("div", {}, make("code", {}, hook)))),
    ...section("Needs", ...entry.needs.map(link)),
    ...section("Needed by", ...entry.users.map(link)),
  ].filter(Boolean));
  details.scrollTop = 0;
}

// Search

let found = [], marked = 0;

function matches(words) {
  const ranked = [];
  for (const [name, entry] of Object.entries(entries())) {
    const texts = [[name, ""], [entry.owner, entry.owner]];
    for (const field of entry.fields) {
      for (const read of field.reads) texts.push([read, read]);
      texts.push([field.name, `field ${field.name}`]);
    }
    const place = texts.findIndex(([text]) => text.toLowerCase().includes(words));
    const rank = name.toLowerCase() === words ? -2 : name.toLowerCase().startsWith(words) ? -1 : place;
    if (place >= 0) ranked.push([rank, name, texts[place][1] || entry.owner]);
  }
  return ranked.sort((one, other) => one[0] - other[0]);
}

function lookUp() {
  const words = search.value.trim().toLowerCase();
  found = words ? matches(words) : [];
  marked = 0;
  results.hidden = !words;
  search.setAttribute("aria-expanded", String(Boolean(words)));
  const shown = found.slice(0, 50);
  results.replaceChildren(...shown.map(([, name, what], index) =>
    make("li", { role: "option", "aria-selected": String(index === 0), onpointerdown: (event) => { event.preventDefault(); take(index); } },
      make("span", {}, name), make("span", { class: "what" }, what))));
  if (words && !found.length) results.append(make("li", { class: "none" }, "Nothing found"));
  if (found.length > shown.length) results.append(make("li", { class: "none" }, `and ${found.length - shown.length} more`));
}

function mark(step) {
  const options = [...results.querySelectorAll("[role=option]")];
  if (!options.length) return;
  marked = (marked + step + options.length) % options.length;
  options.forEach((option, index) => option.setAttribute("aria-selected", String(index === marked)));
  options[marked].scrollIntoView({ block: "nearest" });
}

function take(index) {
  if (!found[index]) return;
  results.hidden = true;
  search.setAttribute("aria-expanded", "false");
  choose(found[index][1], true);
}

search.addEventListener("input", lookUp);
search.addEventListener("focus", lookUp);
search.addEventListener("blur", () => { results.hidden = true; });
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { event.preventDefault(); mark(1); }
  else if (event.key === "ArrowUp") { event.preventDefault(); mark(-1); }
  else if (event.key === "Enter") take(marked);
  else if (event.key === "Escape") { search.value = ""; lookUp(); search.blur(); }
});
window.addEventListener("keydown", (event) => {
  if (event.target === search || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = 80, moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  if (event.key === "/") { event.preventDefault(); search.focus(); search.select(); }
  else if (event.key === "Escape") choose(null);
  else if (event.key === "0") fit();
  else if (event.key === "+" || event.key === "=") zoom(1.3);
  else if (event.key === "-") zoom(1 / 1.3);
  else if (moves[event.key] && event.target.tagName !== "SELECT") { state.x += moves[event.key][0]; state.y += moves[event.key][1]; place(); }
});

// Environments

function enter(name, other) {
  state.environment = name;
  const others = data.environments.filter((each) => each !== name);
  state.other = others.includes(other) ? other : others[0] || null;
  for (const button of at("switch").children) button.setAttribute("aria-pressed", String(button.textContent === name));
  at("compare").replaceChildren(...others.map((each) => make("option", { selected: each === state.other }, each)));
  at("compare-label").hidden = others.length === 0;
  paint();
  tell();
  if (state.isFitted) fit();
}

if (data.environments.length > 1) {
  at("switch").append(...data.environments.map((name) =>
    make("button", { onclick: () => enter(name, state.environment), "aria-pressed": "false" }, name)));
}
at("compare").addEventListener("change", (event) => enter(state.environment, event.target.value));

draw();
enter(data.current, null);
if (location.hash.length > 1) choose(decodeURIComponent(location.hash.slice(1)), true);
