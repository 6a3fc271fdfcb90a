import type { CheckpointRecord, Checkpoints, CheckpointTotals, Maybe } from "../contract";
import { bytes, clock, plural, seconds } from "../format";
import { useAsked } from "../asked";

const phases = [
  { name: "start delay", of: (r: CheckpointRecord) => r.max_start_delay_ns, css: "delay" },
  { name: "alignment", of: (r: CheckpointRecord) => r.max_alignment_ns, css: "alignment" },
  { name: "snapshot", of: (r: CheckpointRecord) => r.max_sync_ns, css: "sync" },
  { name: "upload", of: (r: CheckpointRecord) => r.max_async_ns, css: "async" },
];
const shown = 12;

export function CheckpointHistory({ totals, at }: { totals: Maybe<CheckpointTotals>; at: string }) {
  const every = totals ? 2000 : 0;
  const { value, error } = useAsked<Checkpoints>(totals ? "api/v1/checkpoints" : undefined, every, at);
  const history = value?.history.slice(0, shown) ?? [];
  const longest = Math.max(1, ...history.map((r) => r.duration_ns));
  return (
    <section class="panel" aria-labelledby="checkpoints-title">
      <div class="bar-of-title">
        <h2 id="checkpoints-title">Checkpoints</h2>
        {totals && (
          <span class="aside">
            {totals.completed} complete, {totals.failed} failed
          </span>
        )}
      </div>
      {!totals && <p class="nothing">This job takes no checkpoints.</p>}
      {totals && !history.length && <p class="nothing">{error ?? "None has been taken yet."}</p>}
      {totals?.failure && (totals.failed_since_last ?? 0) > 0 && (
        <p class="failure">
          {plural(totals.failed_since_last ?? 0, "failure")} since the last complete one: {totals.failure}
        </p>
      )}
      {history.length > 0 && (
        <>
          <ul class="legend">
            {phases.map((p) => (
              <li key={p.name}>
                <span class={`key ${p.css}`} /> {p.name}
              </li>
            ))}
          </ul>
          <div class="scroll" tabIndex={0} role="region" aria-label="Checkpoints, newest first">
            <table class="checkpoints">
              <thead>
                <tr>
                  <th scope="col" class="n">No</th>
                  <th scope="col">Began</th>
                  <th scope="col">Phases</th>
                  <th scope="col" class="n">Took</th>
                  <th scope="col" class="n">Size</th>
                </tr>
              </thead>
              <tbody>
                {history.map((r) => (
                  <tr key={r.id} class={r.state}>
                    <th scope="row" class="n">{r.id}</th>
                    <td>
                      {clock(new Date(r.began))}
                      {r.kind === "savepoint" && <small> savepoint</small>}
                    </td>
                    <td class="wide">{r.state === "failed" ? <span class="reason">failed: {r.reason || r.phase}</span> : <Phases record={r} longest={longest} />}</td>
                    <td class="n">{r.state === "in_progress" ? `${r.subtasks?.length ?? 0} of ${r.expected_subtasks}` : seconds(r.duration_ns / 1e9)}</td>
                    <td class="n">{bytes(r.bytes)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}

// The largest of each phase among the subtasks. They overlap between subtasks, so
// together they may be longer than the whole: then they are shown in proportion.
function Phases({ record: r, longest }: { record: CheckpointRecord; longest: number }) {
  const parts = phases.map((p) => ({ ...p, ns: Math.max(0, p.of(r)) }));
  const sum = parts.reduce((a, p) => a + p.ns, 0);
  const scale = (sum > r.duration_ns ? r.duration_ns / sum : 1) / longest;
  const words = (r.state === "in_progress" ? `in progress: ${r.phase}; ` : "") + parts.map((p) => `${p.name} ${seconds(p.ns / 1e9)}`).join(", ");
  return (
    <span class="phases" role="img" aria-label={words} title={words}>
      {parts.map((p) => (
        <span key={p.name} class={p.css} style={{ width: `${100 * p.ns * scale}%` }} />
      ))}
      <span class="rest" style={{ width: `${100 * Math.max(0, r.duration_ns / longest - sum * scale)}%` }} />
    </span>
  );
}
