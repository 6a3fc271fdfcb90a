import type { HotKey, Overview } from "../contract";
import { percent } from "../format";
import { Meter } from "../sharebar";

const shown = 10;

export function HotKeys({ overview }: { overview: Overview }) {
  const names = new Map(overview.operators.map((o) => [o.id, o.name]));
  const keys = overview.edges
    .flatMap((e) => (e.hot_keys ?? []).map((k) => ({ ...k, from: e.from, to: e.to })))
    .sort((a, b) => b.share - a.share)
    .slice(0, shown);
  const keyed = overview.edges.some((e) => e.kind === "hash");
  return (
    <section class="panel" aria-labelledby="keys-title">
      <div class="bar-of-title">
        <h2 id="keys-title">Hottest keys</h2>
        {keys.length > 0 && <span class="aside">share of the records of an arrow</span>}
      </div>
      {keys.length === 0 ? (
        <p class="nothing">{keyed ? "No key stands out." : "This job has no keyed arrows."}</p>
      ) : (
        <table>
          <thead class="unseen">
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Read by</th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {keys.map((k) => (
              <tr key={`${k.from}-${k.to}-${k.key}`}>
                <th scope="row">
                  <code>{k.key || "(empty)"}</code>
                </th>
                <td>{names.get(k.to)}</td>
                <td class="wide">
                  <KeyShare hot={k} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

export function KeyShare({ hot }: { hot: HotKey }) {
  const off = hot.error && hot.error >= 0.005 ? ` ± ${percent(hot.error)}` : "";
  return (
    <span class="keyshare">
      <Meter share={hot.share} label={`${percent(hot.share)}${off} of the records`} />
      <span class="figures" aria-hidden="true">
        {percent(hot.share)}
        <small>{off}</small>
      </span>
    </span>
  );
}
