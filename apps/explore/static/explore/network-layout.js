// Where the nodes of the picture stand: tied nodes together, the same network always in the same places, and no label
// over another.

const MANY = 600;

// The layout begins with random places; these are the same each time.
function seeded(run) {
  const random = Math.random;
  let state = 20130627;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  try {
    run();
  } finally {
    Math.random = random;
  }
}

function options(many) {
  return {
    name: "fcose",
    quality: many ? "default" : "proof",
    animate: false,
    fit: false,
    randomize: true,
    nodeDimensionsIncludeLabels: true,
    nodeSeparation: 60,
    // Places gather what lies in them, but ties between records count for more.
    idealEdgeLength: (edge) => (edge.data("kind") === "place" ? 60 : 36),
    edgeElasticity: (edge) => (edge.data("kind") === "place" ? 0.1 : 0.45),
    nodeRepulsion: () => 4500,
    gravity: 0.7,
    numIter: many ? 600 : 2500,
  };
}

// Widen or heighten the picture to the form of its frame; nodes only get further apart.
function stretch(boxes, frame) {
  const width = Math.max(...boxes.map((box) => box.x)) - Math.min(...boxes.map((box) => box.x)) || 1;
  const height = Math.max(...boxes.map((box) => box.y)) - Math.min(...boxes.map((box) => box.y)) || 1;
  const factor = frame / (width / height);
  const [axis, by] = factor > 1 ? ["x", Math.min(factor, 2.5)] : ["y", Math.min(1 / factor, 2.5)];
  for (const box of boxes) box[axis] *= by;
}

// Push apart nodes that overlap, labels included, along the shorter way, until none does or the rounds are over.
function separate(boxes, rounds) {
  for (let round = 0; round < rounds; round += 1) {
    let moved = false;
    boxes.sort((a, b) => a.x - b.x || a.y - b.y || (a.id < b.id ? -1 : 1));
    const widest = Math.max(...boxes.map((box) => box.width));
    for (let i = 0; i < boxes.length; i += 1) {
      for (let j = i + 1; j < boxes.length && boxes[j].x - boxes[i].x < widest; j += 1) {
        moved = push(boxes[i], boxes[j]) || moved;
      }
    }
    if (!moved) return;
  }
}

function push(a, b) {
  const dx = b.x - a.x;
  const dy = b.y + b.drop - (a.y + a.drop);
  const x = (a.width + b.width) / 2 - Math.abs(dx);
  const y = (a.height + b.height) / 2 - Math.abs(dy);
  if (x <= 0.5 || y <= 0.5) return false;
  if (x < y) {
    const half = (Math.sign(dx) || 1) * (x / 2);
    a.x -= half;
    b.x += half;
  } else {
    const half = (Math.sign(dy) || 1) * (y / 2);
    a.y -= half;
    b.y += half;
  }
  return true;
}

// Place all nodes of a Cytoscape graph for a frame of the given width by height.
export function place(graph, frame) {
  const nodes = graph.nodes();
  if (nodes.empty()) return;
  const many = nodes.length > MANY;
  seeded(() => graph.layout(options(many)).run());
  const boxes = nodes.map((node) => {
    const { x, y } = node.position();
    const bounds = node.boundingBox({ includeLabels: true, includeOverlays: false });
    return { id: node.id(), x, y, width: bounds.w + 8, height: bounds.h + 8, drop: (bounds.y1 + bounds.y2) / 2 - y };
  });
  stretch(boxes, frame);
  separate(boxes, many ? 30 : 300);
  const places = new Map(boxes.map((box) => [box.id, { x: box.x, y: box.y }]));
  graph.batch(() => nodes.positions((node) => places.get(node.id())));
}
