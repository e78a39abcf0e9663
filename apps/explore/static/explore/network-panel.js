// The network in words: the list of all nodes, and the panel with a node's or an edge's data. Everything that the
// picture shows is here too, for the keyboard and for screen readers.

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_match, name) => values[name]);
}

function link(address, text = address) {
  return element("a", { href: address }, text);
}

function data(rows) {
  const list = element("dl");
  for (const [term, value] of rows) {
    if (value) list.append(element("dt", {}, term), element("dd", {}, value));
  }
  return list;
}

export class Panel {
  constructor(panel, list, texts, { onNode, onEdge, onStart, onClose }) {
    Object.assign(this, { panel, list, texts, onNode, onEdge, onStart, onClose });
  }

  show(network) {
    this.nodes = new Map(network.nodes.map((node) => [node.id, node]));
    this.edges = new Map(network.edges.map((edge) => [edge.id, edge]));
    this.fillList(network.nodes);
    this.clear();
  }

  clear() {
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.mark(null);
  }

  // All nodes, or those that were found, by resource.
  fillList(nodes) {
    const groups = new Map();
    for (const node of nodes) {
      if (!groups.has(node.resource_label)) groups.set(node.resource_label, []);
      groups.get(node.resource_label).push(node);
    }
    this.list.replaceChildren();
    for (const [label, members] of groups) {
      const items = members.map((node) =>
        element("li", {}, element("button", { type: "button", value: node.id, onclick: () => this.onNode(node.id, true) }, node.name)),
      );
      this.list.append(element("h3", {}, `${label} (${members.length})`), element("ul", {}, ...items));
    }
  }

  mark(id) {
    for (const button of this.list.querySelectorAll("button")) {
      if (button.value === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  put(focus, ...children) {
    const close = element("button", { type: "button", className: "close", onclick: this.onClose }, this.texts.close);
    this.panel.hidden = false;
    this.panel.replaceChildren(close, ...children.filter(Boolean));
    this.panel.scrollTop = 0;
    if (focus) this.panel.querySelector("h2").focus();
  }

  showNode(id, focus) {
    const { texts } = this;
    const node = this.nodes.get(id);
    const startable = { "member-units": "unit", alliances: "alliance" }[node.resource];
    this.mark(id);
    this.put(
      focus,
      element("h2", { tabIndex: -1 }, node.name),
      data([
        [texts.kind, `${node.resource_label} · ${node.kind_label}`],
        [texts.pinyin, node.name_pinyin],
        [texts.status, node.status_label],
        [texts.starts_on, node.starts_on],
        [texts.ends_on, node.ends_on],
        [texts.degree, String(node.degree)],
        [texts.record, link(node.url)],
      ]),
      startable ? element("button", { type: "button", onclick: () => this.onStart(startable, id) }, texts.only_this) : null,
      element("h2", {}, texts.neighbours),
      ...this.neighbours(id),
    );
  }

  neighbours(id) {
    const { texts } = this;
    const groups = new Map();
    for (const edge of this.edges.values()) {
      for (const [near, far, text] of [
        [edge.source, edge.target, texts.outgoing],
        [edge.target, edge.source, texts.incoming],
      ]) {
        if (near !== id) continue;
        const title = fill(text, { kind: edge.kind_label });
        if (!groups.has(title)) groups.set(title, []);
        groups.get(title).push(this.neighbour(edge, this.nodes.get(far)));
      }
    }
    if (!groups.size) return [element("p", { className: "hint" }, texts.no_neighbours)];
    return [...groups].flatMap(([title, items]) => [element("h3", {}, title), element("ul", {}, ...items)]);
  }

  neighbour(edge, node) {
    const { texts } = this;
    const about = [edge.role_label, edge.status_label, edge.starts_on].filter(Boolean).join(" · ");
    const label = fill(texts.evidence_of, { name: node.name });
    return element(
      "li",
      {},
      element("button", { type: "button", className: "go", onclick: () => this.onNode(node.id, true) }, node.name),
      element(
        "div",
        { className: "tie" },
        element("span", {}, about),
        element("button", { type: "button", "aria-label": label, onclick: () => this.onEdge(edge.id, true) }, texts.evidence),
      ),
    );
  }

  showEdge(id, focus) {
    const { texts } = this;
    const edge = this.edges.get(id);
    const end = (nodeId) =>
      element("button", { type: "button", className: "go", onclick: () => this.onNode(nodeId, true) }, this.nodes.get(nodeId).name);
    this.mark(null);
    this.put(
      focus,
      element("h2", { tabIndex: -1 }, `${texts.edge}: ${edge.kind_label}`),
      end(edge.source),
      element("p", { className: "hint" }, `↓ ${edge.role_label || edge.kind_label}`),
      end(edge.target),
      data([
        [texts.status, edge.status_label],
        [texts.starts_on, edge.starts_on],
        [texts.ends_on, edge.ends_on],
        [texts.record, link(edge.url)],
      ]),
      element("h2", {}, texts.evidence),
      ...(edge.evidence.length ? edge.evidence.map((item) => this.citation(item)) : [element("p", {}, texts.no_evidence)]),
    );
  }

  citation(item) {
    const { texts } = this;
    const words = item.quotation
      ? element(
          "blockquote",
          {},
          element("span", { className: "around" }, item.quotation.prefix),
          element("mark", {}, item.quotation.exact),
          element("span", { className: "around" }, item.quotation.suffix),
        )
      : element("p", { className: "hint" }, item.unquoted_because);
    return element(
      "div",
      {},
      element("h3", {}, link(item.article.url, item.article.name)),
      element("p", {}, fill(texts.position, item), " · ", link(item.url, texts.citation)),
      words,
    );
  }
}
