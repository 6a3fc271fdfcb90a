// What an arrow and an operator say of pressure, in one place for picture, table
// and reader.

import type { Edge, Finding, Operator, Severity } from "../contract";
import { bytes, count, known, percent, rate } from "../format";

// The upper end of level OK.
export const meaningful = 0.1;

export type Pressure = "none" | "passed" | "starts";

export function pressureOf(e: Edge): Pressure {
  if (e.pressure_starts) return "starts";
  return known(e.blocked) && e.blocked > meaningful ? "passed" : "none";
}

export function pressureWords(e: Edge): string {
  switch (pressureOf(e)) {
    case "starts":
      return `pressure starts ${percent(e.blocked)}`;
    case "passed":
      return `passed on ${percent(e.blocked)}`;
  }
  return "";
}

export function fillOf(e: Edge): string {
  return known(e.bound_bytes) && e.bound_bytes > 0
    ? `${bytes(e.in_flight_bytes)} of ${bytes(e.bound_bytes)}`
    : bytes(e.in_flight_bytes);
}

export function edgeSentence(e: Edge, from: string, to: string): string {
  const pressed =
    pressureOf(e) === "none"
      ? "no pressure"
      : `${pressureOf(e) === "starts" ? "pressure starts here" : "pressure is passed on"}, blocked ${percent(e.blocked)} of the time`;
  return `${from} to ${to}: ${rate(e.records_per_second)}, ${fillOf(e)} in flight, ${pressed}`;
}

export function operatorSentence(o: Operator, finding?: Finding): string {
  const parts = [
    o.name,
    o.outside ? `${o.kind}, ${o.outside}` : o.kind,
    `${o.parallelism} ${o.parallelism === 1 ? "subtask" : "subtasks"}`,
    o.finished ? "finished" : `busy ${percent(o.busy)}, idle ${percent(o.idle)}, blocked ${percent(o.blocked)}`,
    `in ${rate(o.in)}, out ${rate(o.out)}`,
  ];
  if (o.parallelism > 1 && known(o.max_own) && known(o.hottest)) parts.push(`subtask ${o.hottest} works most, ${percent(Math.min(1, o.max_own))}`);
  if (o.level) parts.push(`pressure ${o.level}`);
  if (known(o.lag)) parts.push(`lag ${count(o.lag)}`);
  if (finding) parts.push(`${finding.severity}: ${finding.words || finding.cause}`);
  return parts.join(", ");
}

const order: Record<Severity, number> = { critical: 0, warning: 1, note: 2 };

// The worst finding of each operator that needs attention.
export function findingsByOperator(findings: Finding[]): Map<string, Finding> {
  const by = new Map<string, Finding>();
  for (const f of findings) {
    if (f.severity === "note") continue;
    const had = by.get(f.operator);
    if (!had || order[f.severity] < order[had.severity]) by.set(f.operator, f);
  }
  return by;
}
