import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Maybe, SeriesName } from "../contract";
import { bytes, clock, count, known, milliseconds, percent, rate, seconds } from "../format";
import { onThemeChange } from "../theme";
import type { Timeline } from "../timeline";

interface Line {
  series: SeriesName;
  label: string;
  color: string; // a CSS variable
}

interface Chart {
  title: string;
  lines: Line[];
  format(v: Maybe<number>): string;
  most?: number; // of the scale, where there is one
}

const charts: Chart[] = [
  { title: "Throughput", lines: [{ series: "throughput", label: "read by sources", color: "--chart-a" }], format: rate },
  { title: "Lag", lines: [{ series: "lag", label: "records behind", color: "--chart-a" }], format: count },
  { title: "Pressure", lines: [{ series: "pressure", label: "blocked most", color: "--chart-c" }], format: percent, most: 1 },
  { title: "Latency p99", lines: [{ series: "latency_p99_ms", label: "source to sink", color: "--chart-a" }], format: milliseconds },
  { title: "Watermark delay", lines: [{ series: "watermark_delay_seconds", label: "largest", color: "--chart-a" }], format: seconds },
  {
    title: "Memory",
    lines: [
      { series: "heap_bytes", label: "heap", color: "--chart-b" },
      { series: "in_flight_bytes", label: "in flight", color: "--chart-a" },
    ],
    format: bytes,
  },
];

// The figures are those of the timeline; version changes when they do.
export function Charts({ timeline, version }: { timeline: Timeline; version: string }) {
  return (
    <section id="charts" class="charts" aria-labelledby="charts-title" tabIndex={-1}>
      <h2 id="charts-title">The last hour</h2>
      <div class="grid">
        {charts.map((c) => (
          <Plot key={c.title} chart={c} timeline={timeline} version={version} />
        ))}
      </div>
    </section>
  );
}

const height = 118;

function Plot({ chart, timeline, version }: { chart: Chart; timeline: Timeline; version: string }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const inSight = useRef(true);
  const [hover, setHover] = useState<number | null>(null);

  useEffect(() => {
    const el = host.current!;
    const u = new uPlot(options(chart, timeline, el.clientWidth, setHover), data(chart, timeline), el);
    plot.current = u;
    const size = new ResizeObserver(() => {
      if (el.clientWidth > 0 && el.clientWidth !== u.width) u.setSize({ width: el.clientWidth, height });
    });
    size.observe(el);
    const sight = new IntersectionObserver((entries) => {
      inSight.current = entries.some((e) => e.isIntersecting);
      if (inSight.current) u.setData(data(chart, timeline));
    });
    sight.observe(el);
    const themed = onThemeChange(() => u.redraw(false, true));
    return () => {
      themed();
      size.disconnect();
      sight.disconnect();
      u.destroy();
    };
  }, []);
  useEffect(() => {
    if (inSight.current) plot.current?.setData(data(chart, timeline));
  }, [version]);

  const index = hover ?? timeline.at.length - 1;
  const values = chart.lines.map((l) => timeline.series[l.series][index]);
  return (
    <figure role="group" aria-label={summary(chart, timeline)}>
      <figcaption>
        <h3>{chart.title}</h3>
        {hover !== null && <span class="when">{clock(new Date(timeline.at[index] ?? 0))}</span>}
        <span class="push" />
        {chart.lines.map((l, i) => (
          <span class="value" key={l.series}>
            {chart.lines.length > 1 && <span class="dash" style={{ backgroundColor: `var(${l.color})` }} />}
            {chart.lines.length > 1 && <small>{l.label} </small>}
            {chart.format(values[i])}
          </span>
        ))}
      </figcaption>
      <div class="plot" ref={host} aria-hidden="true" />
      {timeline.series[chart.lines[0]!.series].every((v) => !known(v)) && <p class="nothing">not measured in this job</p>}
    </figure>
  );
}

// A chart in one sentence.
function summary(chart: Chart, timeline: Timeline): string {
  const lines = chart.lines.map((l) => {
    const all = timeline.series[l.series].filter(known);
    if (!all.length) return `${l.label}: not measured`;
    return `${l.label}: now ${chart.format(all[all.length - 1])}, least ${chart.format(Math.min(...all))}, most ${chart.format(Math.max(...all))}`;
  });
  return `${chart.title}, ${lines.join("; ")}`;
}

function data(chart: Chart, timeline: Timeline): uPlot.AlignedData {
  return [timeline.at.map((t) => t / 1000), ...chart.lines.map((l) => timeline.series[l.series].map((v) => (known(v) ? v : null)))] as uPlot.AlignedData;
}

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Steps of a scale in bytes are round in bytes.
const byteSteps = Array.from({ length: 50 }, (_, i) => 2 ** i);

function options(chart: Chart, timeline: Timeline, width: number, hover: (i: number | null) => void): uPlot.Options {
  const font = "11px system-ui, sans-serif";
  const axis: uPlot.Axis = {
    stroke: () => color("--dim"),
    font,
    grid: { stroke: () => color("--grid"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(width, 100),
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "page" }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
    scales: {
      x: {
        // At least two minutes, so that a young job does not fill the axis with seconds.
        range: () => {
          const last = (timeline.at[timeline.at.length - 1] ?? Date.now()) / 1000;
          return [Math.min((timeline.at[0] ?? 0) / 1000 || last, last - 120), last];
        },
      },
      y: { range: (_u, _min, max) => [0, chart.most ?? (max > 0 ? max * 1.08 : 1)] },
    },
    axes: [
      { ...axis, space: 70, size: 22, values: (_u, splits, _axis, _space, incr) => splits.map((s) => short(s, incr)) },
      { ...axis, size: 62, space: 28, ...(chart.format === bytes ? { incrs: byteSteps } : {}), values: (_u, splits) => splits.map((s) => chart.format(s)) },
    ],
    series: [
      {},
      ...chart.lines.map(
        (l, i): uPlot.Series => ({
          stroke: () => color(l.color),
          width: 1.5,
          ...(i === chart.lines.length - 1 ? { fill: () => color(l.color) + "1f" } : { dash: [5, 3] }),
          points: { show: false },
          spanGaps: false,
        }),
      ),
    ],
    hooks: { setCursor: [(u) => hover(u.cursor.idx ?? null)] },
  };
}

function short(at: number, step: number): string {
  const t = clock(new Date(at * 1000));
  return step < 60 ? t : t.slice(0, 5);
}
