import type { Overview } from "../contract";
import { count, known, percent, rate, seconds } from "../format";
import { ShareBar } from "../sharebar";
import { fillOf, findingsByOperator, pressureOf } from "./pressure";

// The graph in words: every operator, and every arrow between two tasks.
export function OperatorTable({ overview, open }: { overview: Overview; open(id: number): void }) {
  const names = new Map(overview.operators.map((o) => [o.id, o.name]));
  const findings = findingsByOperator(overview.health.findings ?? []);
  return (
    <div class="tables">
      <div class="scroll" tabIndex={0} role="region" aria-label="Operators">
        <table>
          <caption>Operators</caption>
          <thead>
            <tr>
              <th scope="col">Operator</th>
              <th scope="col">Kind</th>
              <th scope="col" class="n">Subtasks</th>
              <th scope="col">Time</th>
              <th scope="col" class="n">In</th>
              <th scope="col" class="n">Out</th>
              <th scope="col">Pressure</th>
              <th scope="col" class="n">Lag</th>
              <th scope="col" class="n">Watermark delay</th>
            </tr>
          </thead>
          <tbody>
            {overview.operators.map((o) => (
              <tr key={o.id}>
                <th scope="row">
                  <button type="button" class="plain" aria-haspopup="dialog" onClick={() => open(o.id)}>
                    {findings.has(o.name) ? "▲ " : ""}
                    {o.name}
                  </button>
                </th>
                <td>{o.kind}</td>
                <td class="n">{o.parallelism}</td>
                <td>
                  <ShareBar busy={o.busy} idle={o.idle} blocked={o.blocked} own={o.own} />
                </td>
                <td class="n">{rate(o.in)}</td>
                <td class="n">{rate(o.out)}</td>
                <td>{o.finished ? "finished" : (o.level ?? "–")}</td>
                <td class="n">{known(o.lag) ? count(o.lag) : "–"}</td>
                <td class="n">{seconds(o.watermark_delay_seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Arrows">
        <table>
          <caption>Arrows</caption>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Kind</th>
              <th scope="col" class="n">Rate</th>
              <th scope="col" class="n">In flight</th>
              <th scope="col">Pressure</th>
            </tr>
          </thead>
          <tbody>
            {overview.edges
              .filter((e) => e.kind !== "chained")
              .map((e) => (
                <tr key={`${e.from}-${e.to}`} data-pressure={pressureOf(e)}>
                  <th scope="row">{names.get(e.from)}</th>
                  <td>{names.get(e.to)}</td>
                  <td>{e.kind}</td>
                  <td class="n">{rate(e.records_per_second)}</td>
                  <td class="n">{fillOf(e)}</td>
                  <td>
                    {pressureOf(e) === "starts" ? "starts here, " : pressureOf(e) === "passed" ? "passed on, " : ""}
                    {percent(e.blocked)} blocked
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
