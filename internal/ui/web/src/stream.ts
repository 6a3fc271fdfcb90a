// The live connection. It is opened again when it breaks, and closed while nobody
// looks at the page, so that a forgotten tab costs the job nothing.

import type { Overview } from "./contract";

export type Link =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "asking" }
  | { state: "lost"; since: number }
  | { state: "refused"; why: string }
  | { state: "paused" }
  | { state: "ended" };

export interface Listener {
  overview(o: Overview): void;
  link(l: Link): void;
}

const firstRetry = 1000;
const lastRetry = 10_000;
// One event comes each second: after so long without one the connection is not
// live, whatever the browser thinks of it.
const silence = 5000;

const ends = new Set(["finished", "suspended", "failed", "cancelled"]);

export function hasEnded(o: Overview): boolean {
  return ends.has(o.job.state);
}

// Follows the stream until the returned function is called.
export function follow(to: Listener): () => void {
  let source: EventSource | undefined;
  let retry = firstRetry;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setTimeout> | undefined;
  let lastSeen = 0;
  let ended = false;

  const drop = () => {
    source?.close();
    source = undefined;
    clearTimeout(timer);
    clearTimeout(watch);
  };

  const broken = () => {
    drop();
    if (document.hidden) return;
    to.link(ended ? { state: "ended" } : { state: "lost", since: lastSeen });
    void instead();
    // After the end only another job can come, at the same address.
    timer = setTimeout(open, ended ? lastRetry : retry);
    retry = Math.min(retry * 1.6, lastRetry);
  };

  // Where there is no stream, because too many pages follow the job or a proxy holds
  // it up, single questions may be answered. They also tell why, which EventSource
  // does not.
  const instead = async () => {
    try {
      const r = await fetch("api/v1/overview");
      if (r.status === 401 || r.status === 403) to.link({ state: "refused", why: refusal(r.status) });
      if (!r.ok) return;
      const o = (await r.json()) as Overview;
      if (source || document.hidden) return; // the stream is back, or nobody looks
      lastSeen = Date.now();
      ended = hasEnded(o);
      to.link(ended ? { state: "ended" } : { state: "asking" });
      to.overview(o);
    } catch {
      // It is lost indeed.
    }
  };

  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(broken, silence);
  };

  const open = () => {
    drop();
    heard();
    source = new EventSource("api/v1/stream");
    source.addEventListener("overview", (e) => {
      let o: Overview;
      try {
        o = JSON.parse((e as MessageEvent<string>).data) as Overview;
      } catch {
        return; // cut short: the next one comes in a second
      }
      lastSeen = Date.now();
      retry = firstRetry;
      ended = hasEnded(o);
      if (ended) clearTimeout(watch);
      else heard();
      to.link(ended ? { state: "ended" } : { state: "live" });
      to.overview(o);
    });
    source.addEventListener("error", broken);
  };

  const seen = () => {
    if (document.hidden) {
      drop();
      to.link({ state: "paused" });
    } else {
      retry = firstRetry;
      to.link({ state: "connecting" });
      open();
    }
  };

  to.link({ state: "connecting" });
  document.addEventListener("visibilitychange", seen);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    drop();
  };
}

function refusal(status: number): string {
  return status === 401
    ? "The server asks for its token: open the page once with ?token=… at the end of the address."
    : "The server refuses this address: ask for it as localhost or 127.0.0.1.";
}

// Asks for JSON; an error says what the server said.
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const r = await fetch(path, signal ? { signal } : {});
  if (!r.ok) {
    const said = (await r.text()).trim().slice(0, 300);
    throw new Refused(r.status, said || `${r.status} ${r.statusText}`);
  }
  return (await r.json()) as T;
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}
