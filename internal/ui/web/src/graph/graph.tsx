import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Finding, Overview } from "../contract";
import { Arrow } from "./arrow";
import { computeLayout, keyOf, nodeHeight, nodeWidth, type Layout } from "./layout";
import { OperatorNode } from "./node";
import { panZoom, type View } from "./panzoom";
import { findingsByOperator } from "./pressure";
import { OperatorTable } from "./table";

interface Props {
  overview: Overview;
  selected: number | undefined;
  open(id: number): void;
}

// Below this scale text cannot be read, so that a larger graph is moved to be seen;
// but one of so many operators that nobody reads them at a glance is shown whole.
const readable = 0.64;
const glance = 40;
const tallest = { across: 560, down: 760 };

export function Graph({ overview, selected, open }: Props) {
  const [asTable, setAsTable] = useState(false);
  const view = useRef<View | undefined>(undefined);
  return (
    <section class="panel graph" aria-labelledby="graph-title">
      <div class="bar-of-title">
        <h2 id="graph-title">Graph</h2>
        <Legend />
        <span class="push" />
        {!asTable && (
          <div class="zoom" role="group" aria-label="View of the graph">
            <button type="button" aria-label="Zoom in" onClick={() => view.current?.zoom(1.3)}>
              +
            </button>
            <button type="button" aria-label="Zoom out" onClick={() => view.current?.zoom(1 / 1.3)}>
              −
            </button>
            <button type="button" aria-label="Fit the graph" onClick={() => view.current?.fit()}>
              Fit
            </button>
          </div>
        )}
        <div class="switch" role="group" aria-label="Show operators as">
          <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>
            Graph
          </button>
          <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>
            Table
          </button>
        </div>
      </div>
      {asTable ? <OperatorTable overview={overview} open={open} /> : <Picture overview={overview} selected={selected} open={open} view={view} />}
    </section>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      <li>
        <span class="key own" /> busy itself
      </li>
      <li>
        <span class="key busy" /> rest of its chain
      </li>
      <li>
        <span class="key idle" /> idle
      </li>
      <li>
        <span class="key blocked" /> blocked
      </li>
      <li>
        <span class="key hottest" /> hottest subtask
      </li>
      <li>
        <span class="key line starts" /> pressure starts
      </li>
      <li>
        <span class="key line passed" /> passed on
      </li>
    </ul>
  );
}

function Picture({ overview, selected, open, view }: Props & { view: { current: View | undefined } }) {
  const svg = useRef<SVGSVGElement>(null);
  const group = useRef<SVGGElement>(null);
  const [width, setWidth] = useState(0);

  useLayoutEffect(() => {
    const el = svg.current!;
    const measure = () => setWidth(Math.round(el.clientWidth / 40) * 40);
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    return () => watch.disconnect();
  }, []);

  const { operators, edges } = overview;
  const key = keyOf(operators, edges);
  const floor = operators.length > glance ? 0 : readable;
  const layout = useMemo(() => (width > 0 ? choose(overview, width) : undefined), [key, width]);

  useEffect(() => {
    view.current = panZoom(svg.current!, group.current!);
    return () => view.current?.dispose();
  }, []);
  useEffect(() => {
    if (layout) view.current?.resize(layout, floor);
  }, [layout]);

  const byID = new Map(operators.map((o) => [o.id, o]));
  const findings: Map<string, Finding> = findingsByOperator(overview.health.findings ?? []);
  const scale = layout ? Math.min(1, Math.max(width / layout.width, floor)) : 1;
  const height = layout ? Math.round(Math.max(200, Math.min(layout.height * scale, layout.across ? tallest.across : tallest.down))) : 320;

  // What has the focus must be in sight.
  const focused = (e: FocusEvent) => {
    const name = (e.target as Element).getAttribute("data-operator");
    const o = operators.find((x) => x.name === name);
    const frame = layout?.frames.find((f) => f.chain === o?.chain);
    const at = frame?.operators.find((p) => p.id === o?.id)?.at;
    if (at) view.current?.reveal({ ...at, width: nodeWidth, height: nodeHeight });
  };

  return (
    <div class="picture" onFocusIn={focused}>
      <svg ref={svg} height={height} role="group" aria-label="Operators and arrows. Enter opens the subtasks of an operator.">
        <defs>
          <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect class="hatch-line" width="2" height="5" />
          </pattern>
        </defs>
        <g ref={group}>
          {layout?.frames.map((f) =>
            f.operators.length > 1 ? (
              <rect key={`frame${f.chain}`} class="frame" x={f.x} y={f.y} width={f.width} height={f.height} rx={8} />
            ) : null,
          )}
          {layout?.links.map((l, i) => (
            <path key={`link${i}`} class="fused" d={`M${l[0]!.x},${l[0]!.y}V${l[1]!.y}`} />
          ))}
          {layout?.edges.map((p) => {
            const e = edges[p.index];
            if (!e) return null;
            return (
              <Arrow key={`edge${e.from}-${e.to}-${p.index}`} edge={e} placed={p} from={byID.get(e.from)?.name ?? ""} to={byID.get(e.to)?.name ?? ""} />
            );
          })}
          {layout?.frames.flatMap((f) =>
            f.operators.map(({ id, at }) => {
              const o = byID.get(id);
              return o && <OperatorNode key={`op${id}`} operator={o} at={at} finding={findings.get(o.name)} selected={selected === id} open={open} />;
            }),
          )}
        </g>
      </svg>
    </div>
  );
}

// A graph is drawn from left to right where it can be read so, otherwise from top
// to bottom. A very large one is laid out once only.
function choose(o: Overview, width: number): Layout {
  if (width < 700) return computeLayout(o.operators, o.edges, false);
  const across = computeLayout(o.operators, o.edges, true);
  if (o.operators.length > glance || width / across.width >= readable) return across;
  const down = computeLayout(o.operators, o.edges, false);
  const scale = (l: Layout) => Math.min(1, width / l.width, tallest.down / l.height);
  return scale(down) > scale(across) ? down : across;
}
