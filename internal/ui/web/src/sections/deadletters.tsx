import { useAsked } from "../asked";
import type { DeadLetters } from "../contract";
import { clock, count } from "../format";

const shown = 8;

export function DeadLetterList({ total, at }: { total: number; at: string }) {
  const { value, error } = useAsked<DeadLetters>(total > 0 ? "api/v1/deadletters" : undefined, 3000, at);
  return (
    <section class="panel" aria-labelledby="dead-title">
      <div class="bar-of-title">
        <h2 id="dead-title">Dead letters</h2>
        {total > 0 && <span class="aside">{count(total)} set aside</span>}
      </div>
      {total === 0 && <p class="nothing">No record was set aside.</p>}
      {error && <p class="failure">{error}</p>}
      {value && total > 0 && (
        <>
          <table>
            <thead>
              <tr>
                <th scope="col">Operator</th>
                <th scope="col">Reason</th>
                <th scope="col" class="n">Records</th>
              </tr>
            </thead>
            <tbody>
              {(value.reasons ?? []).map((r) => (
                <tr key={`${r.operator}/${r.reason}`}>
                  <th scope="row">{r.operator}</th>
                  <td class="wrap">{r.reason}</td>
                  <td class="n">{count(r.count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <h3>Last ones</h3>
          {!value.values_shown && <p class="nothing">Their values are not shown: the job was not told that they may be.</p>}
          <ul class="letters">
            {(value.last ?? []).slice(0, shown).map((l, i) => (
              <li key={`${l.at}${i}`}>
                <p>
                  <time dateTime={l.at}>{clock(new Date(l.at))}</time> <b>{l.operator}</b> <small>{l.origin}</small>
                </p>
                <p class="why">{l.reason}</p>
                {typeof l.value === "string" && <pre>{l.value}</pre>}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
