// The page of the network: what is chosen stands in the address, the service answers it, picture and words show it.

import { element, fill, Panel } from "./network-panel.js";
import { group, Picture } from "./network-picture.js";

const byId = (id) => document.getElementById(id);
const texts = JSON.parse(byId("texts").textContent);
const api = byId("network").dataset.api;
const form = byId("filters");
const boxes = (name) => [...form.querySelectorAll(`input[name="${name}"]`)];
const OWN = ["q", "lang"]; // parameters of the page that the service does not take
const STARTS = ["alliance", "unit"];
const MOST_TIMES = 5; // that a network is asked for while there is no room for one

let network = { nodes: [], edges: [] };
let asked = null;

const picture = new Picture(byId("picture"), { onNode: chooseNode, onEdge: chooseEdge, onNothing: chooseNothing });
const panel = new Panel(byId("panel"), byId("list"), texts, {
  onNode: chooseNode,
  onEdge: chooseEdge,
  onStart: startFrom,
  onClose: close,
});

// The address ------------------------------------------------------------------------------------------------------

function fromForm() {
  const query = new URLSearchParams(location.search);
  const set = (name, value) => (value ? query.set(name, value) : query.delete(name));
  for (const name of ["district", "street", "as_of"]) set(name, form.elements[name].value);
  const depth = form.elements.depth;
  set("depth", depth.options[depth.selectedIndex].defaultSelected ? "" : depth.value);
  const kinds = boxes("kind").filter((box) => box.checked);
  const plain = kinds.filter((box) => box.dataset.group !== "events");
  const usual = boxes("kind").every((box) => box.dataset.group === "events" || box.checked);
  set("include", usual && kinds.length > plain.length ? "events" : "");
  set("kind", usual ? "" : kinds.map((box) => box.value).join(","));
  const edges = boxes("edge");
  set("edge", edges.every((box) => box.checked) ? "" : edges.filter((box) => box.checked).map((box) => box.value).join(","));
  return query;
}

function toForm() {
  const query = new URLSearchParams(location.search);
  for (const name of ["district", "street", "as_of"]) form.elements[name].value = query.get(name) || "";
  const depth = form.elements.depth;
  depth.value = query.get("depth") || [...depth.options].find((option) => option.defaultSelected).value;
  const kinds = query.get("kind")?.split(",");
  for (const box of boxes("kind")) {
    if (kinds) box.checked = box.value.split(",").some((value) => kinds.includes(value));
    else box.checked = "default" in box.dataset || query.get("include") === "events";
  }
  const edges = query.get("edge")?.split(",");
  for (const box of boxes("edge")) box.checked = !edges || edges.includes(box.value);
  byId("find").value = query.get("q") || "";
  narrowStreets();
}

function narrowStreets() {
  const district = form.elements.district.value;
  for (const group of form.elements.street.querySelectorAll("optgroup")) {
    group.hidden = group.disabled = Boolean(district) && group.dataset.district !== district;
  }
  if (form.elements.street.selectedOptions[0]?.parentElement.disabled) form.elements.street.value = "";
}

function go(query, { replace = false } = {}) {
  const text = readable(query);
  history[replace ? "replaceState" : "pushState"](null, "", text ? `?${text}` : location.pathname);
  for (const other of document.querySelectorAll("[data-language]")) {
    const target = new URLSearchParams(query);
    target.set("lang", other.dataset.language);
    other.href = `?${readable(target)}`;
  }
}

// Commas may stand in a query as they are.
const readable = (query) => query.toString().replaceAll("%2C", ",");

function address(format) {
  const query = new URLSearchParams(location.search);
  for (const name of OWN) query.delete(name);
  if (format) query.set("format", format);
  const text = readable(query);
  return text ? `${api}?${text}` : api;
}

// What is shown ----------------------------------------------------------------------------------------------------

async function load() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  say(texts.loading);
  for (const download of byId("downloads").querySelectorAll("a")) {
    download.href = address(download.dataset.format === "json" ? "" : download.dataset.format);
  }
  try {
    const answer = await ask(signal);
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail);
    show(body);
  } catch (error) {
    if (signal.aborted) return;
    show({ nodes: [], edges: [], node_count: 0, edge_count: 0, narrow: null });
    say(error instanceof TypeError || error instanceof SyntaxError ? texts.failed : error.message, true);
  }
}

// Networks are costly: where there is no room for one, it is asked for again, as often as a reader has patience.
async function ask(signal) {
  for (let times = 1; ; times += 1) {
    // Without cookies the language is this page's and no other.
    const answer = await fetch(address(), {
      signal,
      credentials: "omit",
      headers: { Accept: "application/json", "Accept-Language": document.documentElement.lang },
    });
    const seconds = Number(answer.headers.get("Retry-After"));
    if (answer.status !== 503 || !seconds || times === MOST_TIMES) return answer;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

function show(body) {
  network = body;
  picture.show(network);
  panel.show(network);
  // A place that was asked for is given even where nothing lies in it.
  say(network.nodes.some((node) => group(node.resource) !== "places") ? "" : texts.empty);
  byId("counts").textContent = fill(texts.counts, { nodes: network.node_count, edges: network.edge_count });
  byId("narrow").hidden = !network.narrow;
  byId("narrow").textContent = network.narrow || "";
  showStarts();
  find();
}

function say(text, isError = false) {
  const message = byId("message");
  message.hidden = !text;
  message.textContent = text;
  message.classList.toggle("error", isError);
  message.setAttribute("role", isError ? "alert" : "status");
}

function showStarts() {
  const query = new URLSearchParams(location.search);
  const names = new Map(network.nodes.map((node) => [node.id, node.name]));
  const resources = { alliance: "alliances", unit: "member-units" };
  byId("starts").replaceChildren();
  for (const name of STARTS.filter((start) => query.has(start))) {
    const keys = query.get(name).split(",");
    const shown = keys.map((key) => names.get(`${resources[name]}/${key}`) || key).join("、");
    const remove = () => {
      const next = new URLSearchParams(location.search);
      next.delete(name);
      go(next);
      load();
    };
    byId("starts").append(
      element("span", {}, fill(texts.start_from, { name: shown })),
      element("button", { type: "button", onclick: remove, "aria-label": `${texts.remove}: ${shown}` }, texts.remove),
    );
  }
}

function chooseNode(id, byWords = false) {
  panel.showNode(id, byWords);
  picture.choose(id, { move: byWords });
}

function chooseEdge(id, byWords = false) {
  panel.showEdge(id, byWords);
  picture.choose(id, { move: byWords });
}

function chooseNothing() {
  panel.clear();
  picture.choose(null);
  find({ quietly: true });
}

// Leave the panel; the keyboard goes on where the chosen node stands in the list.
function close() {
  const before = byId("list").querySelector('[aria-current="true"]')?.value;
  chooseNothing();
  [...byId("list").querySelectorAll("button")].find((button) => button.value === before)?.focus();
}

function startFrom(parameter, id) {
  const query = fromForm();
  for (const name of [...STARTS, "district", "street"]) query.delete(name);
  query.set(parameter, id.slice(id.indexOf("/") + 1));
  go(query);
  toForm();
  load();
}

function matches(words) {
  const fold = (text) => text.toLowerCase().replace(/\s/g, "");
  return network.nodes.filter((node) => {
    const initials = node.name_pinyin.split(" ").map((part) => part[0]).join("");
    const text = [node.name, node.name_pinyin, initials].map(fold).join("\n");
    return words.every((word) => text.includes(word));
  });
}

function find({ quietly = false } = {}) {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? matches(words) : network.nodes;
  panel.fillList(found);
  picture.find(words.length ? new Set(found.map((node) => node.id)) : null);
  if (quietly) return found;
  const text = found.length ? fill(texts.found, { count: found.length }) : texts.found_none;
  byId("found").textContent = words.length ? text : "";
  return found;
}

// What the reader does ---------------------------------------------------------------------------------------------

form.addEventListener("change", (event) => {
  if (event.target.name === "district") narrowStreets();
  // Nothing ticked means nothing left out, as without the parameter.
  for (const name of ["kind", "edge"]) {
    if (boxes(name).every((box) => !box.checked)) for (const box of boxes(name)) box.checked = name === "edge" || "default" in box.dataset;
  }
  go(fromForm());
  load();
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", (event) => {
  event.preventDefault();
  const language = new URLSearchParams(location.search).get("lang");
  go(new URLSearchParams(language ? { lang: language } : {}));
  toForm();
  load();
});
byId("find").addEventListener("input", () => {
  const query = new URLSearchParams(location.search);
  if (byId("find").value) query.set("q", byId("find").value);
  else query.delete("q");
  go(query, { replace: true });
  find();
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const [first] = find();
  if (byId("find").value && first) chooseNode(first.id, true);
});
for (const button of document.querySelectorAll("[data-tool]")) {
  const tools = { in: () => picture.zoomBy(1.25), out: () => picture.zoomBy(0.8), fit: () => picture.fit() };
  button.addEventListener("click", tools[button.dataset.tool]);
}
document.addEventListener("keydown", (event) => event.key === "Escape" && !byId("panel").hidden && close());
addEventListener("popstate", () => {
  toForm();
  load();
});

if (matchMedia("(max-width: 60rem)").matches) byId("filter-box").open = false;
toForm();
load();
