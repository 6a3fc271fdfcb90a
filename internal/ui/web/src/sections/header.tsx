import { useEffect, useState } from "preact/hooks";
import type { Overview } from "../contract";
import { bytes, clock, count, known, percent, rate, span } from "../format";
import { Meter } from "../sharebar";
import { pointOf } from "../timeline";
import type { Link } from "../stream";
import { applyTheme, storedTheme, type Theme } from "../theme";

export function Header({ overview: o, link }: { overview: Overview | undefined; link: Link }) {
  return (
    <header>
      <div class="title">
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M6 9h8q4 0 4 4v6q0 4 4 4h4M6 16h20M6 23h5" />
        </svg>
        <h1>{o?.job.name ?? "Afflux"}</h1>
        {o && <span class={`state ${o.job.state}`}>{o.job.state}</span>}
        {o && (
          <span class="uptime">
            up {span(o.job.uptime_seconds)}
            {o.job.restarts > 0 && `, ${o.job.restarts} ${o.job.restarts === 1 ? "restart" : "restarts"}`}
          </span>
        )}
        <span class="push" />
        <Connection link={link} />
        <ThemeSwitch />
      </div>
      {o?.job.error && <p class="error">{o.job.error}</p>}
      {o && <Facts overview={o} />}
    </header>
  );
}

function Facts({ overview: o }: { overview: Overview }) {
  const m = o.memory;
  const now = pointOf(o);
  const full = m && known(m.in_flight_bytes) && known(m.in_flight_bound_bytes) && m.in_flight_bound_bytes > 0 ? m.in_flight_bytes / m.in_flight_bound_bytes : undefined;
  return (
    <dl class="facts">
      <div>
        <dt>Read by sources</dt>
        <dd>{rate(now.throughput)}</dd>
      </div>
      <div>
        <dt>Lag</dt>
        <dd>{known(now.lag) ? count(now.lag) : "–"}</dd>
      </div>
      <div>
        <dt>Memory in flight</dt>
        <dd>
          {bytes(m?.in_flight_bytes)} <small>of {bytes(m?.in_flight_bound_bytes)}</small>
          <Meter share={full} label={`${percent(full)} of the bound`} />
        </dd>
      </div>
      <div>
        <dt>Heap</dt>
        <dd>
          {bytes(m?.heap_bytes)}
          {known(m?.limit_bytes) && m.limit_bytes > 0 && <small> of {bytes(m.limit_bytes)}</small>}
        </dd>
      </div>
      <div>
        <dt>Processors</dt>
        <dd>
          {known(m?.cpu) ? m.cpu.toFixed(1) : "–"} <small>of {m?.processors ?? "–"}</small>
          {known(m?.gc_share) && m.gc_share >= 0.005 && <small>, {percent(m.gc_share)} of it GC</small>}
        </dd>
      </div>
    </dl>
  );
}

// Says honestly how fresh the page is.
function Connection({ link }: { link: Link }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (link.state !== "lost") return;
    setNow(Date.now());
    const t = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(t);
  }, [link]);
  let words = "";
  switch (link.state) {
    case "connecting":
      words = "connecting …";
      break;
    case "live":
      words = "live";
      break;
    case "asking":
      words = "no live stream, asking every few seconds";
      break;
    case "ended":
      words = "the job has ended";
      break;
    case "paused":
      words = "paused while hidden";
      break;
    case "refused":
      words = "refused";
      break;
    case "lost":
      words = link.since
        ? `connection lost, last seen ${span((now - link.since) / 1000)} ago (${clock(new Date(link.since))})`
        : "no connection to the job";
  }
  return (
    <>
      <span class={`connection ${link.state}`} aria-hidden="true">
        <span class="lamp" />
        {words}
      </span>
      {/* The seconds that pass are not read out. */}
      <span class="unseen" role="status">
        {link.state === "lost" ? "Connection lost. The figures are old." : link.state === "ended" ? "The job has ended." : link.state === "refused" ? link.why : ""}
      </span>
    </>
  );
}

const next: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  return (
    <button
      type="button"
      class="theme"
      aria-label={`Colours: ${theme}. Change to ${next[theme]}`}
      onClick={() => {
        applyTheme(next[theme]);
        setTheme(next[theme]);
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.5" />
        <path d="M8 1.5A6.5 6.5 0 0 1 8 14.5Z" />
      </svg>
      <span>{theme}</span>
    </button>
  );
}
