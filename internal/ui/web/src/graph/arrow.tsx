import type { Edge } from "../contract";
import { bytes, known, rate } from "../format";
import type { PlacedEdge } from "./layout";
import { edgeSentence, fillOf, pressureOf, pressureWords } from "./pressure";

interface Props {
  edge: Edge;
  placed: PlacedEdge;
  from: string;
  to: string;
}

const width = 116;

// An arrow: its rate, how full it is, and whether pressure starts or only passes.
export function Arrow({ edge, placed, from, to }: Props) {
  const pressure = pressureOf(edge);
  const fill = known(edge.in_flight_bytes) && known(edge.bound_bytes) && edge.bound_bytes > 0 ? edge.in_flight_bytes / edge.bound_bytes : 0;
  const { label, tip, angle } = placed;
  const across = angle === 0;
  return (
    <g class="arrow" data-pressure={pressure} data-from={from} data-to={to} role="img" aria-label={edgeSentence(edge, from, to)}>
      <path class="line" d={placed.path} />
      <path class="tip" transform={`translate(${tip.x} ${tip.y}) rotate(${angle})`} d="M0,0L-9,-4.5V4.5Z" />
      <g class={`detail label ${across ? "" : "plated"}`} transform={`translate(${label.x - width / 2} ${label.y - 20})`}>
        {!across && <rect class="plate" width={width} height={pressure === "none" ? 38 : 52} rx={3} />}
        <text x={width / 2} y={14} text-anchor="middle" class="figures">
          {known(edge.records_per_second) ? rate(edge.records_per_second) : known(edge.bytes_per_second) ? `${bytes(edge.bytes_per_second)}/s` : ""}
        </text>
        <text x={width / 2} y={33} text-anchor="middle" class="small">
          {fillOf(edge)}
        </text>
        <rect class="tube" x={14} y={37} width={width - 28} height={3} />
        <rect class="fill" x={14} y={37} width={(width - 28) * Math.max(0, Math.min(1, fill))} height={3} />
        {pressure !== "none" && (
          <text x={width / 2} y={51} text-anchor="middle" class="small pressed">
            {pressureWords(edge)}
          </text>
        )}
      </g>
    </g>
  );
}
