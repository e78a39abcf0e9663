// The workbench of an article: turns what is selected into an address, and fetches the panel for it.
// Everything it does can be done without it, by following the links and sending the forms of the page.

const text = document.getElementById("text");
const panel = document.getElementById("panel");

// Selections ---------------------------------------------------------------------------------------------------------

// Positions count code points, as Python does; the browser counts UTF-16 units.
const codePoints = (string) => [...string].length;

const position = (node, offset) => {
  const within = node.nodeType === Node.TEXT_NODE ? node : node.childNodes[offset] || node;
  const element = within.nodeType === Node.TEXT_NODE ? within.parentElement : within;
  const piece = element.closest("[data-start]") || element.querySelector("[data-start]");
  if (!piece || !text.contains(piece)) {
    return null;
  }
  const before = node.nodeType === Node.TEXT_NODE ? codePoints(node.data.slice(0, offset)) : 0;
  return Number(piece.dataset.start) + before;
};

const selected = () => {
  const selection = document.getSelection();
  if (selection.isCollapsed || !text.contains(selection.anchorNode)) {
    return null;
  }
  const range = selection.getRangeAt(0);
  const start = position(range.startContainer, range.startOffset);
  const end = position(range.endContainer, range.endOffset);
  return start !== null && end !== null && start < end ? { start, end } : null;
};

// Draw what the panel speaks about, where the browser can do so without changing the page.
const highlight = () => {
  const form = document.getElementById("positions");
  if (!window.Highlight || !panel.querySelector("blockquote")) {
    return;
  }
  const [start, end] = [Number(form.elements.start.value), Number(form.elements.end.value)];
  const ranges = [];
  for (const piece of text.querySelectorAll("[data-start]")) {
    const characters = [...piece.textContent];
    const first = Number(piece.dataset.start);
    if (first < end && first + characters.length > start) {
      const range = new Range();
      const units = (count) => characters.slice(0, Math.max(0, count)).join("").length;
      range.setStart(piece.firstChild, units(start - first));
      range.setEnd(piece.firstChild, units(Math.min(end - first, characters.length)));
      ranges.push(range);
    }
  }
  CSS.highlights.set("chosen", new Highlight(...ranges));
};

// The panel ----------------------------------------------------------------------------------------------------------

let latest = 0;

const show = async (parameters, focus = true) => {
  const number = ++latest;
  const address = `?${parameters}`;
  parameters.set("part", "panel");
  const response = await fetch(`?${parameters}`, { headers: { Accept: "text/html" } }).catch(() => null);
  if (number !== latest) {
    return; // another one was chosen meanwhile
  }
  if (!response || !response.ok || response.redirected) {
    panel.textContent = panel.dataset.failed;
    return;
  }
  panel.innerHTML = await response.text();
  history.replaceState(null, "", address);
  highlight();
  if (focus) {
    panel.focus({ preventScroll: true });
  }
};

const setUpWorkbench = () => {
  // In Chromium no selection can begin at the first character of what takes the focus. So the places in the text become
  // something like links, reached by Tab, and let go of the focus while the mouse is down.
  for (const piece of text.querySelectorAll("a.piece")) {
    piece.dataset.address = piece.search;
    piece.removeAttribute("href");
    piece.setAttribute("role", "link");
    piece.tabIndex = 0;
  }
  text.addEventListener("pointerdown", (event) => {
    const piece = event.target.closest("a.piece");
    if (piece) {
      piece.removeAttribute("tabindex");
      document.addEventListener("pointerup", () => (piece.tabIndex = 0), { once: true });
      document.addEventListener("pointercancel", () => (piece.tabIndex = 0), { once: true });
    }
  });

  const follow = (event) => {
    const link = event.target.closest("#text a.piece, a[data-panel]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    event.preventDefault();
    if (event.type === "keydown" || !selected()) {
      show(new URLSearchParams(link.dataset.address || link.search));
    }
  };
  document.getElementById("workbench").addEventListener("click", follow);
  text.addEventListener("keydown", (event) => event.key === "Enter" && follow(event));

  panel.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "get" && !form.target) {
      event.preventDefault();
      show(new URLSearchParams(new FormData(form, event.submitter)));
    }
  });

  text.addEventListener("pointerup", () => {
    window.setTimeout(() => {
      const found = selected();
      if (found) {
        show(new URLSearchParams(found), false);
      }
    });
  });

  // Escape leads from the panel back to the place in the text.
  panel.addEventListener("keydown", (event) => {
    const form = document.getElementById("positions");
    if (event.key === "Escape") {
      const start = Number(form.elements.start.value);
      const links = [...text.querySelectorAll("a.piece")];
      (links.find((link) => Number(link.dataset.start) >= start) || links[0] || panel).focus();
    }
  });

  // The legend: each piece is drawn as the narrowest of the kinds that are shown.
  const legend = document.getElementById("legend");
  const draw = () => {
    const families = new Map();
    for (const box of legend.querySelectorAll("input")) {
      if (box.checked) {
        families.set(box.dataset.kind, box.dataset.family);
      }
    }
    for (const piece of text.querySelectorAll("a.piece")) {
      const shown = piece.dataset.kinds.split(" ").find((kind) => families.has(kind));
      piece.className = `piece ${families.get(shown) || ""}`;
    }
  };
  legend.addEventListener("change", draw);
  draw();

  document.getElementById("steps").addEventListener("click", (event) => {
    const step = Number(event.target.dataset.step);
    const open = [...text.querySelectorAll('[class*="open-"]')];
    if (!step || !open.length) {
      return;
    }
    const last = Number(document.getElementById("positions").elements.start.value);
    const chosen = Boolean(panel.querySelector("blockquote"));
    const ahead = open.filter((piece) => (Number(piece.dataset.start) - last) * step > 0);
    const next = chosen ? (step > 0 ? ahead[0] : ahead.at(-1)) : open[0];
    const piece = next || (step > 0 ? open[0] : open.at(-1));
    piece.scrollIntoView({ block: "center" });
    show(new URLSearchParams(piece.dataset.address), false);
  });

  // A record made in another tab shows once its maker is back.
  let isAdding = false;
  const adds = (event) => {
    isAdding ||= Boolean(event.target.closest("[data-new]"));
  };
  document.addEventListener("submit", adds);
  document.addEventListener("click", (event) => event.target.closest("a[data-new]") && adds(event));
  document.addEventListener("visibilitychange", () => {
    if (isAdding && !document.hidden) {
      location.reload();
    }
  });
  highlight();
};

// Taking in an article: where the body starts and ends -----------------------------------------------------------------

const setUpIntake = (lines) => {
  const start = document.getElementById("id_body_start");
  const end = document.getElementById("id_body_end");
  const draw = () => {
    for (const line of lines.children) {
      const inside = Number(line.dataset.start) < end.value && Number(line.dataset.end) > start.value;
      line.classList.toggle("outside", !inside);
    }
  };
  lines.addEventListener("click", (event) => {
    const bound = event.target.dataset.bound;
    if (bound) {
      const line = event.target.closest("li");
      (bound === "start" ? start : end).value = line.dataset[bound];
      draw();
    }
  });
  start.addEventListener("input", draw);
  end.addEventListener("input", draw);
  draw();
};

if (text && panel) {
  setUpWorkbench();
}
const lines = document.getElementById("lines");
if (lines) {
  setUpIntake(lines);
}
