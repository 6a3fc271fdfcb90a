import type { Overview } from "../contract";
import { count, milliseconds } from "../format";

const shown = 20;

export function LatencyTable({ overview }: { overview: Overview }) {
  const names = new Map(overview.operators.map((o) => [o.id, o.name]));
  const all = [...(overview.latencies ?? [])].sort((a, b) => (b.p99_ms ?? 0) - (a.p99_ms ?? 0));
  return (
    <section class="panel" aria-labelledby="latency-title">
      <div class="bar-of-title">
        <h2 id="latency-title">Latency</h2>
        {all.length > 0 && <span class="aside">of the last minute, slowest path first</span>}
      </div>
      {all.length === 0 && <p class="nothing">Nothing has been measured yet.</p>}
      {all.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Latency of paths">
          <table>
            <thead>
              <tr>
                <th scope="col">Path</th>
                <th scope="col" class="n">p50</th>
                <th scope="col" class="n">p99</th>
                <th scope="col" class="n">p99.9</th>
                <th scope="col" class="n">Largest</th>
                <th scope="col" class="n">Samples</th>
              </tr>
            </thead>
            <tbody>
              {all.slice(0, shown).map((l) => (
                <tr key={`${l.kind}${l.from}-${l.to}`}>
                  <th scope="row">
                    {l.from < 0 ? "event time" : names.get(l.from)} → {names.get(l.to)}
                  </th>
                  <td class="n">{milliseconds(l.p50_ms)}</td>
                  <td class="n">{milliseconds(l.p99_ms)}</td>
                  <td class="n">{milliseconds(l.p999_ms)}</td>
                  <td class="n">{milliseconds(l.max_ms)}</td>
                  <td class="n">{count(l.count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {all.length > shown && <p class="nothing">and {all.length - shown} faster paths</p>}
    </section>
  );
}
