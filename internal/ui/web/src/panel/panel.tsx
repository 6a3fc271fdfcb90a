import { useEffect, useRef } from "preact/hooks";
import { useAsked } from "../asked";
import type { Operator, OperatorDetail, Overview } from "../contract";
import { bytes, count, known, percent, plural, rate, seconds } from "../format";
import { KeyShare } from "../sections/hotkeys";
import { ShareBar } from "../sharebar";
import { ProfileButton } from "./profile";
import { Subtasks } from "./subtasks";

interface Props {
  operator: Operator;
  overview: Overview;
  close(): void;
}

// Everything of one operator, beside the page or, where that is narrow, over it.
export function Panel({ operator: o, overview, close }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  const { value, error } = useAsked<OperatorDetail>(`api/v1/operators/${o.id}`, 900, overview.at);

  useEffect(() => {
    title.current?.focus();
    const key = (e: KeyboardEvent) => {
      if (e.key === "Escape") {
        e.preventDefault();
        close();
      }
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);

  const findings = (overview.health.findings ?? []).filter((f) => f.operator === o.name);
  const keys = overview.edges.filter((e) => e.to === o.id).flatMap((e) => e.hot_keys ?? []).sort((a, b) => b.share - a.share);
  return (
    <div class="operator-panel" role="dialog" aria-labelledby="panel-title">
      <div class="head">
        <h2 id="panel-title" tabIndex={-1} ref={title}>
          {o.name}
        </h2>
        <span class="kind">
          {o.kind}
          {o.outside && `, ${o.outside}`}, {plural(o.parallelism, "subtask")}
        </span>
        <button type="button" class="close" onClick={close} aria-label="Close (Escape)">
          ✕
        </button>
      </div>
      <div class="body">
        {findings.map((f) => (
          <p key={f.cause} class={`brief ${f.severity}`}>
            <b>{f.words || f.cause}</b>: {f.evidence}
          </p>
        ))}
        <ShareBar busy={o.busy} idle={o.idle} blocked={o.blocked} own={o.own} external={o.external} />
        <dl class="shares">
          <div>
            <dt><span class="key own" /> Itself</dt>
            <dd>{percent(o.own)}</dd>
          </div>
          {known(o.external) && o.external >= 0.005 && (
            <div>
              <dt><span class="key external" /> of it waiting outside</dt>
              <dd>{percent(o.external)}</dd>
            </div>
          )}
          <div>
            <dt><span class="key busy" /> Busy with its chain</dt>
            <dd>{percent(o.busy)}</dd>
          </div>
          <div>
            <dt><span class="key idle" /> Idle</dt>
            <dd>{percent(o.idle)}</dd>
          </div>
          <div>
            <dt><span class="key blocked" /> Blocked</dt>
            <dd>{percent(o.blocked)}</dd>
          </div>
        </dl>
        <dl class="figures-of">
          <Figure name="In" value={rate(o.in)} />
          <Figure name="Out" value={rate(o.out)} />
          <Figure name="Lag" value={known(o.lag) ? count(o.lag) : undefined} />
          <Figure name="Watermark delay" value={known(o.watermark_delay_seconds) ? seconds(o.watermark_delay_seconds) : undefined} />
          <Figure name="State" value={known(o.state_bytes) && o.state_bytes > 0 ? bytes(o.state_bytes) : undefined} />
          <Figure name="Late" value={o.late ? count(o.late) : undefined} />
          <Figure name="Skipped" value={o.skipped ? count(o.skipped) : undefined} />
          <Figure name="Dead letters" value={o.dead_lettered ? count(o.dead_lettered) : undefined} />
        </dl>

        <h3>Subtasks</h3>
        {error && !value && <p class="failure">{error}</p>}
        {value && <Subtasks detail={value} />}

        {keys.length > 0 && (
          <>
            <h3>Hottest keys that come in</h3>
            <table>
              <tbody>
                {keys.map((k) => (
                  <tr key={k.key}>
                    <th scope="row">
                      <code>{k.key || "(empty)"}</code>
                    </th>
                    <td class="wide">
                      <KeyShare hot={k} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}

        <h3>Processor time</h3>
        <ProfileButton operator={o.name} />
      </div>
    </div>
  );
}

function Figure({ name, value }: { name: string; value: string | undefined }) {
  if (value === undefined) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
