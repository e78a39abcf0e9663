// The network as a picture, drawn by Cytoscape.js on a canvas. It holds no state beyond what is shown.

import { place } from "./network-layout.js";

const SHAPES = {
  alliances: { shape: "hexagon", colour: "#0b5a8f" },
  projects: { shape: "round-rectangle", colour: "#e69f00" },
  "member-units": { shape: "ellipse", colour: "#009e73" },
  events: { shape: "diamond", colour: "#b14a86" },
  places: { shape: "triangle", colour: "#8a93a0" },
};
const LINES = {
  membership: { "line-color": "#0b5a8f", width: 3 },
  claim: { "line-color": "#b3390c", width: 3, "line-style": "dashed" },
  partner: { "line-color": "#00734f", width: 2 },
  part_of: { "line-color": "#27303a", width: 2, "line-style": "dotted" },
  project_of: { "line-color": "#0b5a8f", width: 1.5, "line-style": "dashed" },
  event_of: { "line-color": "#0b5a8f", width: 1.5, "line-style": "dashed" },
  presents: { "line-color": "#b14a86", width: 2, "line-style": "dashed" },
  participation: { "line-color": "#b14a86", width: 2 },
  place: { "line-color": "#a9b1bb", width: 1.2 },
};
const UNREAL = ["proposed", "planned", "cancelled"];
const LEAST = 10; // pixels on the screen below which no name is read
// The kept box would be that of the former font.
const NAME_ALONE = { includeNodes: false, includeEdges: false, includeOverlays: false, useCache: false };

export const group = (resource) => (resource in SHAPES ? resource : "places");

function style() {
  return [
    {
      selector: "node",
      style: {
        label: "data(name)",
        width: "data(size)",
        height: "data(size)",
        "font-family": "system-ui, sans-serif",
        "font-size": "data(font)",
        color: "#1d232b",
        "text-valign": "bottom",
        "text-margin-y": 6,
        "text-wrap": "wrap",
        "text-max-width": (node) => `${node.data("font") * 7.2}px`,
        "text-overflow-wrap": "anywhere",
        "text-outline-color": "#fbfbfc",
        "text-outline-width": 3,
        "border-width": 1.5,
        "border-color": "#27303a",
      },
    },
    ...Object.entries(SHAPES).map(([name, { shape, colour }]) => ({
      selector: `node[group = "${name}"]`,
      style: { shape, "background-color": colour },
    })),
    { selector: 'node[group = "alliances"], node[group = "places"]', style: { "font-weight": "bold", "text-max-width": (node) => `${node.data("font") * 10}px` } },
    { selector: "node[?unreal]", style: { "border-style": "dashed", "border-width": 3, "background-opacity": 0.45 } },
    {
      selector: "edge",
      style: { "curve-style": "bezier", "target-arrow-shape": "triangle", "arrow-scale": 0.8, opacity: 0.75 },
    },
    ...Object.entries(LINES).map(([kind, line]) => ({
      selector: `edge[kind = "${kind}"]`,
      style: { ...line, "target-arrow-color": line["line-color"] },
    })),
    { selector: 'edge[kind = "place"]', style: { "target-arrow-shape": "none", opacity: 0.6 } },
    { selector: ".faded", style: { opacity: 0.15 } },
    { selector: "node.found", style: { "border-width": 5, "border-color": "#b3390c" } },
    { selector: "node.chosen", style: { "border-width": 5, "border-color": "#1a6fd4", "z-index": 10 } },
    { selector: "edge.chosen", style: { width: 5, opacity: 1, "z-index": 10 } },
    { selector: "node.unnamed", style: { label: "" } },
  ];
}

export class Picture {
  constructor(container, { onNode, onEdge, onNothing }) {
    this.container = container;
    // It would warn of edges without room between nodes that are not pushed apart yet.
    globalThis.cytoscape.warnings(false);
    this.graph = globalThis.cytoscape({ container, style: style(), minZoom: 0.05, maxZoom: 4, boxSelectionEnabled: false });
    this.graph.on("zoom", () => this.nameSoon());
    this.graph.on("tap", "node", (event) => onNode(event.target.id()));
    this.graph.on("tap", "edge", (event) => onEdge(event.target.id()));
    this.graph.on("tap", (event) => event.target === this.graph && onNothing());
    // What the list says in words need not be said again.
    for (const canvas of container.querySelectorAll("canvas")) canvas.setAttribute("aria-hidden", "true");
    container.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.graph.resize()).observe(container);
  }

  show(network) {
    const nodes = network.nodes.map((node) => ({
      data: {
        id: node.id,
        name: node.name,
        group: group(node.resource),
        unreal: UNREAL.includes(node.status),
        plainFont: ["alliances", "places"].includes(group(node.resource)) ? 24 : 18,
        size: Math.min(72, (node.resource === "alliances" ? 32 : 22) + 5 * Math.sqrt(node.degree)),
      },
    }));
    const edges = network.edges.map(({ id, source, target, kind }) => ({ group: "edges", data: { id, source, target, kind } }));
    for (const { data } of nodes) data.font = data.plainFont;
    this.graph.elements().remove();
    this.graph.add([...nodes, ...edges]);
    this.graph.resize();
    place(this.graph, this.container.clientWidth / this.container.clientHeight);
    this.fit();
  }

  // Names are large enough to be read at any zoom. Where two would cover one another, that of the larger node stays,
  // and the other comes as one zooms in.
  name() {
    const nodes = this.graph.nodes();
    const least = LEAST / this.graph.zoom();
    this.graph.batch(() => {
      nodes.removeClass("unnamed");
      nodes.forEach((node) => node.data("font", Math.max(node.data("plainFont"), least)));
    });
    const rank = (node) => (node.hasClass("lit") || node.hasClass("found") ? 1000 : 0) + node.data("plainFont") + node.data("size");
    const boxes = [];
    const hidden = nodes.sort((a, b) => rank(b) - rank(a)).filter((node) => {
      const box = node.boundingBox(NAME_ALONE);
      const covers = boxes.some((other) => box.x1 < other.x2 && other.x1 < box.x2 && box.y1 < other.y2 && other.y1 < box.y2);
      if (!covers) boxes.push(box);
      return covers;
    });
    this.graph.batch(() => hidden.addClass("unnamed"));
  }

  nameSoon() {
    clearTimeout(this.naming);
    this.naming = setTimeout(() => this.name(), 80);
  }

  // Mark a node or an edge with what it touches, and bring it into view.
  choose(id, { move = true } = {}) {
    this.graph.elements().removeClass("chosen lit faded");
    const chosen = id ? this.graph.getElementById(id) : this.graph.collection();
    if (chosen.empty()) return;
    const near = chosen.isNode() ? chosen.closedNeighborhood() : chosen.union(chosen.connectedNodes());
    this.graph.elements().difference(near).addClass("faded");
    near.addClass("lit");
    chosen.addClass("chosen");
    this.nameSoon();
    // Chosen in the picture, it stays where it is, unless the panel that opens would hide it.
    const { x, y } = chosen.isNode() ? chosen.renderedPosition() : chosen.renderedMidpoint();
    const seen = x > 0 && y > 0 && x < this.container.clientWidth && y < this.container.clientHeight;
    if (move || !seen) this.moveTo(near);
  }

  find(ids) {
    this.graph.elements().removeClass("found faded");
    this.nameSoon();
    if (!ids) return;
    const found = this.graph.nodes().filter((node) => ids.has(node.id()));
    found.addClass("found");
    this.graph.elements().difference(found).addClass("faded");
    if (found.nonempty()) this.moveTo(found);
  }

  moveTo(elements) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const target = { fit: { eles: elements, padding: 60 } };
    this.graph.stop();
    this.graph.animate(target, { duration: still ? 0 : 250, complete: () => this.graph.zoom() > 1 && this.zoomTo(1) });
  }

  zoomTo(level) {
    this.graph.zoom({ level, renderedPosition: { x: this.container.clientWidth / 2, y: this.container.clientHeight / 2 } });
  }

  zoomBy(factor) {
    this.zoomTo(this.graph.zoom() * factor);
  }

  fit() {
    this.graph.resize();
    this.graph.fit(undefined, 24);
    this.name();
    this.graph.fit(undefined, 24); // names that have grown need room, too
    if (this.graph.zoom() > 1.4) {
      this.graph.zoom(1.4);
      this.graph.center();
    }
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const keys = {
      ArrowLeft: () => this.graph.panBy({ x: step, y: 0 }),
      ArrowRight: () => this.graph.panBy({ x: -step, y: 0 }),
      ArrowUp: () => this.graph.panBy({ x: 0, y: step }),
      ArrowDown: () => this.graph.panBy({ x: 0, y: -step }),
      "+": () => this.zoomBy(1.25),
      "=": () => this.zoomBy(1.25),
      "-": () => this.zoomBy(0.8),
      0: () => this.fit(),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
