import type { Maybe, OperatorDetail, Subtask } from "../contract";
import { bytes, count, known, percent, rate, seconds } from "../format";
import { ShareBar } from "../sharebar";

interface Column {
  title: string;
  of(s: Subtask): string;
  has(s: Subtask): boolean;
}

const some = (v: Maybe<number>) => known(v) && v !== 0;

// Columns are left out where no subtask has anything to say.
const columns: Column[] = [
  { title: "Itself", of: (s) => percent(s.own), has: () => true },
  { title: "In", of: (s) => rate(s.in), has: (s) => known(s.in) },
  { title: "Out", of: (s) => rate(s.out), has: (s) => known(s.out) },
  { title: "Lag", of: (s) => count(s.lag), has: (s) => known(s.lag) && s.lag >= 0 },
  { title: "Watermark delay", of: (s) => seconds(s.watermark_delay_seconds), has: (s) => known(s.watermark_delay_seconds) },
  { title: "Calls", of: (s) => `${count(s.calls_in_flight)} of ${count(s.call_limit)}`, has: (s) => some(s.call_limit) },
  { title: "State", of: (s) => bytes(s.state_bytes), has: (s) => some(s.state_bytes) },
  { title: "State access", of: (s) => percent(s.state_share), has: (s) => some(s.state_share) },
  { title: "Splits", of: (s) => count(s.splits), has: (s) => known(s.splits) && s.splits >= 0 },
  { title: "Late", of: (s) => count(s.late), has: (s) => some(s.late) },
  { title: "Skipped", of: (s) => count(s.skipped), has: (s) => some(s.skipped) },
  { title: "Dead letters", of: (s) => count(s.dead_lettered), has: (s) => some(s.dead_lettered) },
];

// One row a subtask, in order of their indexes, so that skew shows as a bar that
// stands out.
export function Subtasks({ detail }: { detail: OperatorDetail }) {
  const subtasks = detail.subtasks;
  const shown = columns.filter((c) => subtasks.some(c.has));
  let hottest = -1;
  let most = 0;
  for (const s of subtasks) if ((s.own ?? 0) > most) [most, hottest] = [s.own ?? 0, s.index];
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Subtasks">
        <table class="subtasks">
          <thead>
            <tr>
              <th scope="col" class="n">No</th>
              <th scope="col">Time</th>
              {shown.map((c) => (
                <th key={c.title} scope="col" class="n">
                  {c.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {subtasks.map((s) => (
              <tr key={s.index} class={subtasks.length > 1 && s.index === hottest ? "hottest" : ""}>
                <th scope="row" class="n">
                  {s.index}
                  {s.state === "finished" && <small> done</small>}
                </th>
                <td>
                  <ShareBar busy={s.busy} idle={s.idle} blocked={s.blocked} own={s.own} external={s.external} />
                </td>
                {shown.map((c) => (
                  <td key={c.title} class="n">
                    {c.of(s)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Counters subtasks={subtasks} />
    </>
  );
}

const gaugesShown = 24;
// These are columns already.
const columned = new Set(["lag", "state_bytes"]);

// Counters are summed over the subtasks; gauges that several subtasks have are shown
// one by one, or from the least to the most.
function Counters({ subtasks }: { subtasks: Subtask[] }) {
  const sums = new Map<string, number>();
  const gauges = new Map<string, { name: string; labels: string; values: number[] }>();
  for (const s of subtasks) {
    for (const [k, v] of Object.entries(s.counters ?? {})) sums.set(k, (sums.get(k) ?? 0) + v);
    for (const g of s.gauges ?? []) {
      if (columned.has(g.name)) continue;
      const text = labels(g.labels);
      const key = `${g.name} ${text}`;
      const had = gauges.get(key);
      if (had) had.values.push(g.value);
      else gauges.set(key, { name: g.name, labels: text, values: [g.value] });
    }
  }
  if (sums.size === 0 && gauges.size === 0) return null;
  const shown = [...gauges.values()].slice(0, gaugesShown);
  return (
    <>
      <h3>Counters and gauges</h3>
      <dl class="figures-of">
        {[...sums].sort().map(([k, v]) => (
          <div key={k}>
            <dt>{words(k)}</dt>
            <dd>{count(v)}</dd>
          </div>
        ))}
        {shown.map((g) => (
          <div key={`${g.name} ${g.labels}`}>
            <dt>
              {words(g.name)} <small>{g.labels}</small>
            </dt>
            <dd>
              {g.values.length <= 4 ? g.values.map((v) => count(v)).join(", ") : `${count(Math.min(...g.values))} to ${count(Math.max(...g.values))}`}
            </dd>
          </div>
        ))}
      </dl>
      {gauges.size > gaugesShown && <p class="nothing">and {gauges.size - gaugesShown} more; /metrics has them all</p>}
    </>
  );
}

const words = (name: string) => name.replaceAll("_", " ");

function labels(l: string[] | undefined): string {
  const out: string[] = [];
  for (let i = 0; i + 1 < (l?.length ?? 0); i += 2) out.push(`${l![i]} ${l![i + 1]}`);
  return out.join(", ");
}
