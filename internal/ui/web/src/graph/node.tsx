import type { Finding, Operator } from "../contract";
import { count, cut, known, rate } from "../format";
import { nodeHeight, nodeWidth, type Point } from "./layout";
import { operatorSentence } from "./pressure";

interface Props {
  operator: Operator;
  at: Point;
  finding: Finding | undefined;
  selected: boolean;
  open(id: number): void;
}

const barWidth = nodeWidth - 20;

// One operator: its name, how its task spends the time, and what goes through.
export function OperatorNode({ operator: o, at, finding, selected, open }: Props) {
  const busy = share(o.busy);
  const blocked = share(o.blocked);
  const own = Math.min(share(o.own), busy);
  // The bar is a mean of the subtasks: the busiest one is marked where it stands out.
  const hottest = Math.min(1, share(o.max_own));
  const skewed = o.parallelism > 1 && hottest > 0.3 && hottest > 1.3 * share(o.own);
  const classes = ["node", selected && "selected", finding && `guilty ${finding.severity}`, o.finished && "finished"];
  return (
    <g
      class={classes.filter(Boolean).join(" ")}
      transform={`translate(${at.x} ${at.y})`}
      tabindex={0}
      role="button"
      aria-label={operatorSentence(o, finding)}
      aria-haspopup="dialog"
      data-operator={o.name}
      data-level={o.level ?? ""}
      onClick={() => open(o.id)}
      onKeyDown={(e: KeyboardEvent) => {
        if (e.key !== "Enter" && e.key !== " ") return;
        e.preventDefault();
        open(o.id);
      }}
    >
      <rect class="card" width={nodeWidth} height={nodeHeight} rx={5} />
      {finding && <path class="flag" d={`M5,0H4Q0,0 0,4V${nodeHeight - 4}Q0,${nodeHeight} 4,${nodeHeight}H5Z`} />}
      <text class="name" x={10} y={19}>
        {finding ? "▲ " : ""}
        {cut(o.name, finding ? 19 : 21)}
      </text>
      <text class="detail parallelism" x={nodeWidth - 10} y={19} text-anchor="end">
        {o.finished ? "done" : o.level && o.level !== "OK" ? `${o.level} ` : ""}
        {o.parallelism > 1 ? `×${o.parallelism}` : ""}
      </text>
      <g transform="translate(10 27)">
        <rect class="idle" width={barWidth} height={9} />
        <rect class="busy" width={barWidth * busy} height={9} />
        <rect class="own" width={barWidth * own} height={9} />
        <rect class="blocked" x={barWidth * (1 - blocked)} width={barWidth * blocked} height={9} />
        <rect class="hatch" x={barWidth * (1 - blocked)} width={barWidth * blocked} height={9} />
        {skewed && <rect class="hottest" x={Math.max(0, barWidth * hottest - 3)} y={-3} width={3} height={15} />}
      </g>
      <text class="detail figures" x={10} y={53}>
        {o.kind === "source" ? (known(o.lag) ? `lag ${count(o.lag)}` : cut(o.outside || "source", 16)) : `in ${rate(o.in)}`}
      </text>
      <text class="detail figures" x={nodeWidth - 10} y={53} text-anchor="end">
        {o.kind === "sink" ? cut(o.outside || "sink", 16) : `out ${rate(o.out)}`}
      </text>
    </g>
  );
}

function share(v: number | null | undefined): number {
  return known(v) ? Math.max(0, Math.min(1, v)) : 0;
}
