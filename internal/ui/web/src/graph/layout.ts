// Where operators and arrows go. Operators of one chain are stacked in one frame,
// and dagre places the frames. This runs when the graph changes, not when its
// figures do.

import { Graph, layout as place } from "@dagrejs/dagre";
import type { Edge, Operator } from "../contract";

export const nodeWidth = 216;
export const nodeHeight = 62;
const inset = 8; // between a frame of several and its operators
const gap = 12; // between operators of a chain
const labelWidth = 118;
const labelHeight = 46;

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  width: number;
  height: number;
}

export interface PlacedFrame extends Box {
  chain: number;
  operators: { id: number; at: Point }[];
}

export interface PlacedEdge {
  index: number; // into the edges of the overview
  path: string;
  label: Point; // its centre
  tip: Point;
  angle: number; // of the tip, in degrees
}

export interface Layout {
  key: string;
  across: boolean; // from left to right, or from top to bottom
  width: number;
  height: number;
  frames: PlacedFrame[];
  edges: PlacedEdge[];
  links: Point[][]; // from one operator of a chain to the next
}

// Two graphs with the same key have the same layout.
export function keyOf(operators: Operator[], edges: Edge[]): string {
  return (
    operators.map((o) => `${o.id}.${o.chain}`).join() + "|" + edges.map((e) => `${e.from}>${e.to}${e.kind === "chained" ? "=" : ""}`).join()
  );
}

export function computeLayout(operators: Operator[], edges: Edge[], across: boolean): Layout {
  const chains = new Map<number, Operator[]>();
  const chainOf = new Map<number, number>();
  for (const o of operators) {
    const fused = chains.get(o.chain);
    if (fused) fused.push(o);
    else chains.set(o.chain, [o]);
    chainOf.set(o.id, o.chain);
  }

  const g = new Graph({ multigraph: true });
  g.setGraph({
    rankdir: across ? "LR" : "TB",
    nodesep: across ? 26 : 30,
    edgesep: 14,
    ranksep: across ? 48 : 28,
    marginx: 16,
    marginy: 16,
    ranker: operators.length > 80 ? "longest-path" : "network-simplex",
  });
  g.setDefaultEdgeLabel(() => ({}));
  for (const [chain, fused] of chains) {
    const n = fused.length;
    g.setNode(String(chain), {
      width: nodeWidth + (n > 1 ? 2 * inset : 0),
      height: n * nodeHeight + (n - 1) * gap + (n > 1 ? 2 * inset : 0),
    });
  }
  edges.forEach((e, index) => {
    const from = chainOf.get(e.from);
    const to = chainOf.get(e.to);
    if (from === undefined || to === undefined || from === to) return;
    g.setEdge(String(from), String(to), { width: labelWidth, height: labelHeight, labelpos: "c" }, String(index));
  });
  place(g);

  const frames: PlacedFrame[] = [];
  const links: Point[][] = [];
  for (const [chain, fused] of chains) {
    const n = g.node(String(chain)) as unknown as Box;
    const x = n.x - n.width / 2;
    const y = n.y - n.height / 2;
    const by = fused.length > 1 ? inset : 0;
    const at = (i: number) => ({ x: x + by, y: y + by + i * (nodeHeight + gap) });
    frames.push({ chain, x, y, width: n.width, height: n.height, operators: fused.map((o, i) => ({ id: o.id, at: at(i) })) });
    for (let i = 1; i < fused.length; i++) {
      const from = at(i - 1);
      links.push([
        { x: from.x + nodeWidth / 2, y: from.y + nodeHeight },
        { x: from.x + nodeWidth / 2, y: from.y + nodeHeight + gap },
      ]);
    }
  }
  const routes = g.edges().map((e) => {
    const label = g.edge(e) as unknown as { points: Point[]; x: number; y: number };
    return { index: Number(e.name), points: label.points.map((p) => ({ ...p })), label: { x: label.x, y: label.y } };
  });
  dock(routes, edges, frames, across);
  const placed: PlacedEdge[] = routes.map(({ index, points, label }) => {
    const tip = points[points.length - 1]!;
    return { index, path: smooth(straightAt(points, label, across), across), label, tip, angle: across ? 0 : 90 };
  });
  const size = g.graph() as { width?: number; height?: number };
  return { key: keyOf(operators, edges), across, width: size.width ?? 0, height: size.height ?? 0, frames, edges: placed, links };
}

interface Route {
  index: number;
  points: Point[];
  label: Point;
}

// Arrows leave and enter at the side of their own operator, evenly spaced and in the
// order in which they lie, so that none of them cross there.
function dock(routes: Route[], edges: Edge[], frames: PlacedFrame[], across: boolean) {
  const at = new Map<number, { frame: Box; own: Point }>();
  for (const frame of frames) for (const o of frame.operators) at.set(o.id, { frame, own: o.at });
  const ends = new Map<string, { route: Route; leaves: boolean; id: number }[]>();
  const add = (route: Route, leaves: boolean, id: number) => {
    const key = `${id}${leaves ? ">" : "<"}`;
    const had = ends.get(key);
    if (had) had.push({ route, leaves, id });
    else ends.set(key, [{ route, leaves, id }]);
  };
  for (const r of routes) {
    const e = edges[r.index]!;
    add(r, true, e.from);
    add(r, false, e.to);
  }
  for (const side of ends.values()) {
    side.sort((a, b) => (across ? a.route.label.y - b.route.label.y : a.route.label.x - b.route.label.x));
    side.forEach(({ route, leaves, id }, i) => {
      const { frame, own } = at.get(id)!;
      const part = (i + 1) / (side.length + 1);
      const point = route.points[leaves ? 0 : route.points.length - 1]!;
      if (across) {
        point.x = leaves ? frame.x + frame.width : frame.x;
        point.y = own.y + nodeHeight * part;
      } else {
        point.x = own.x + nodeWidth * part;
        point.y = leaves ? frame.y + frame.height : frame.y;
      }
    });
  }
}

// Along its label an arrow is straight.
function straightAt(points: Point[], label: Point, across: boolean): Point[] {
  const half = (across ? labelWidth : labelHeight) / 2;
  const along = (p: Point) => (across ? p.x - label.x : p.y - label.y);
  const enter = across ? { x: label.x - half, y: label.y } : { x: label.x, y: label.y - half };
  const leave = across ? { x: label.x + half, y: label.y } : { x: label.x, y: label.y + half };
  const last = points.length - 1;
  return [
    ...points.filter((p, i) => i === 0 || (i < last && along(p) < -half)),
    enter,
    leave,
    ...points.filter((p, i) => i === last || (i > 0 && along(p) > half)),
  ];
}

// A curve through all points that leaves and arrives straight.
function smooth(points: Point[], across: boolean): string {
  let d = `M${points[0]!.x.toFixed(1)},${points[0]!.y.toFixed(1)}`;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1]!;
    const b = points[i]!;
    const mx = ((a.x + b.x) / 2).toFixed(1);
    const my = ((a.y + b.y) / 2).toFixed(1);
    const end = `${b.x.toFixed(1)},${b.y.toFixed(1)}`;
    d += across
      ? `C${mx},${a.y.toFixed(1)} ${mx},${b.y.toFixed(1)} ${end}`
      : `C${a.x.toFixed(1)},${my} ${b.x.toFixed(1)},${my} ${end}`;
  }
  return d;
}
