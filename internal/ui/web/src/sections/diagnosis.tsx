import { useEffect, useRef, useState } from "preact/hooks";
import type { Finding, Overview } from "../contract";
import { plural } from "../format";
import { hasEnded, type Link } from "../stream";

interface Props {
  overview: Overview;
  link: Link;
  open(name: string): void;
}

const signs: Record<string, string> = { critical: "Critical", warning: "Warning", note: "Note" };

// What is wrong, in words, the worst first; or calmly that nothing is.
export function Diagnosis({ overview: o, link, open }: Props) {
  const findings = o.health.findings ?? [];
  const serious = findings.filter((f) => f.severity !== "note");
  return (
    <section id="diagnosis" class={`diagnosis ${o.health.healthy ? "well" : "ill"} ${link.state === "lost" ? "old" : ""}`} aria-labelledby="diagnosis-title" tabIndex={-1}>
      <h2 id="diagnosis-title" class={serious.length === 0 ? "" : "unseen"}>
        {serious.length === 0 ? calm(o) : "Diagnosis"}
      </h2>
      <Announcement overview={o} />
      {findings.length > 0 && (
        <ol>
          {findings.map((f) => (
            <li key={`${f.operator}/${f.cause}/${f.subtask}`} class={`finding ${f.severity}`}>
              <h3>
                <span class="severity">{signs[f.severity] ?? f.severity}</span>
                {f.operator && (
                  <button type="button" class="plain operator" aria-haspopup="dialog" onClick={() => open(f.operator)}>
                    {f.operator}
                  </button>
                )}
                {f.subtask >= 0 && <span class="subtask">subtask {f.subtask}</span>}
                <span class="words">{f.words || f.cause}</span>
              </h3>
              <dl>
                {f.evidence && (
                  <div>
                    <dt>Seen</dt>
                    <dd>{f.evidence}</dd>
                  </div>
                )}
                {f.remedy && (
                  <div>
                    <dt>Do</dt>
                    <dd>{f.remedy}</dd>
                  </div>
                )}
                {f.avoid && (
                  <div>
                    <dt>Avoid</dt>
                    <dd>{f.avoid}</dd>
                  </div>
                )}
              </dl>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function calm(o: Overview): string {
  if (hasEnded(o)) return `The job has ${o.job.state === "failed" ? "failed" : o.job.state === "suspended" ? "been suspended" : o.job.state === "cancelled" ? "been cancelled" : "finished"}.`;
  if (o.job.state !== "running") return `The job is ${o.job.state}.`;
  return o.health.healthy ? "Healthy: nothing holds this job up." : "The job needs attention.";
}

function identity(findings: Finding[]): string {
  return findings.map((f) => `${f.operator}/${f.cause}/${f.severity}`).join();
}

function sentence(o: Overview): string {
  const findings = (o.health.findings ?? []).filter((f) => f.severity !== "note");
  const worst = findings[0];
  if (!worst) return calm(o);
  const more = findings.length > 1 ? ` And ${plural(findings.length - 1, "more finding")}.` : "";
  return `${signs[worst.severity] ?? worst.severity}: ${worst.operator}, ${worst.words || worst.cause}. ${worst.evidence}. ${worst.remedy}.${more}`;
}

// Read out when the findings change, not when their figures do.
function Announcement({ overview }: { overview: Overview }) {
  const [text, setText] = useState("");
  const said = useRef<string | undefined>(undefined);
  const now = identity(overview.health.findings ?? []) + overview.job.state;
  useEffect(() => {
    if (said.current === now) return;
    said.current = now;
    setText(sentence(overview));
  }, [now]);
  return (
    <div class="unseen" role="status" aria-live="polite" aria-atomic="true" id="announcement">
      {text}
    </div>
  );
}
