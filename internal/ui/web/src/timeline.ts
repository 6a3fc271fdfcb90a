// An hour of figures for the charts: what the server kept, and since then what the
// stream told. Bounded: one point an interval, and the last one moves.

import { seriesNames, type History, type Maybe, type Overview, type SeriesName } from "./contract";
import { known } from "./format";
import { ask } from "./stream";

const most = 720;

export class Timeline {
  // Milliseconds since 1970, ascending.
  at: number[] = [];
  series: Record<SeriesName, Maybe<number>[]>;
  interval = 5000;
  private started = "";
  private fetched = false;
  private open = false; // the last point is not complete yet
  private asking = false;

  // changed is called when the server's history has come.
  constructor(private readonly changed: () => void) {
    this.series = empty();
  }

  append(o: Overview) {
    const now = Date.parse(o.at);
    if (o.job.started !== this.started) {
      // Another job, or the same one from the beginning.
      this.started = o.job.started;
      this.at = [];
      this.series = empty();
      this.fetched = this.open = false;
    }
    const last = this.at[this.at.length - 1] ?? 0;
    // Away for a while: the server knows what was missed.
    if (!this.fetched || now - last > 3 * this.interval) void this.fill(last);
    const point = pointOf(o);
    if (this.open) this.pop();
    const settled = this.at[this.at.length - 1];
    this.at.push(now);
    for (const name of seriesNames) this.series[name].push(point[name]);
    this.open = settled !== undefined && now - settled < this.interval;
    while (this.at.length > most) {
      this.at.shift();
      for (const name of seriesNames) this.series[name].shift();
    }
  }

  private pop() {
    this.at.pop();
    for (const name of seriesNames) this.series[name].pop();
  }

  private async fill(since: number) {
    if (this.asking) return;
    this.asking = true;
    this.fetched = true;
    try {
      const h = await ask<History>(`api/v1/history?since=${since}`);
      this.merge(h);
    } catch {
      // Without a history the charts begin now.
    } finally {
      this.asking = false;
    }
  }

  private merge(h: History) {
    this.interval = Math.max(1000, (h.interval_seconds || 5) * 1000);
    const old = this.at.map((at, i) => ({ at, values: (name: SeriesName) => this.series[name][i] }));
    const told = (h.at ?? []).map((at, i) => ({ at, values: (name: SeriesName) => h.series?.[name]?.[i] }));
    if (!told.length) return;
    const first = told[0]!.at;
    const last = told[told.length - 1]!.at;
    const all = [...old.filter((p) => p.at < first), ...told, ...old.filter((p) => p.at > last)].slice(-most);
    const series = empty();
    for (const name of seriesNames) series[name] = all.map((p) => p.values(name));
    this.at = all.map((p) => p.at);
    this.series = series;
    this.changed();
  }
}

function empty(): Record<SeriesName, Maybe<number>[]> {
  return Object.fromEntries(seriesNames.map((n) => [n, []])) as unknown as Record<SeriesName, Maybe<number>[]>;
}

// The figures of one overview, as the server computes them for its history.
export function pointOf(o: Overview): Record<SeriesName, Maybe<number>> {
  const sources = o.operators.filter((x) => x.kind === "source");
  return {
    throughput: sum(sources.map((x) => x.out)),
    lag: sum(sources.map((x) => (known(x.lag) && x.lag >= 0 ? x.lag : null))),
    watermark_delay_seconds: largest(o.operators.map((x) => x.watermark_delay_seconds)),
    latency_p99_ms: largest((o.latencies ?? []).filter((l) => l.kind === "marker").map((l) => l.p99_ms)),
    pressure: largest(o.operators.map((x) => x.blocked)),
    in_flight_bytes: o.memory?.in_flight_bytes,
    heap_bytes: o.memory?.heap_bytes,
    busiest: largest(o.operators.flatMap((x) => [x.busy, known(x.max_own) ? Math.min(x.max_own, 1) : null])),
  };
}

function sum(values: Maybe<number>[]): Maybe<number> {
  const k = values.filter(known);
  return k.length ? k.reduce((a, b) => a + b, 0) : null;
}

function largest(values: Maybe<number>[]): Maybe<number> {
  const k = values.filter(known);
  return k.length ? Math.max(...k) : null;
}
