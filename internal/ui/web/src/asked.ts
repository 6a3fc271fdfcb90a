import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "./stream";

export interface Asked<T> {
  value: T | undefined;
  error: string | undefined;
}

// Asks for JSON at once, and again when at changes, but not before so many
// milliseconds have passed: only while the stream is live is there news. Without a
// path it asks for nothing.
export function useAsked<T>(path: string | undefined, every: number, at: string): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ value: undefined, error: undefined });
  const last = useRef({ path: "", time: 0, busy: false });
  const mounted = useRef(true);
  useEffect(
    () => () => {
      mounted.current = false;
    },
    [],
  );
  useEffect(() => {
    const l = last.current;
    if (!path) return;
    if (l.path === path && (l.busy || Date.now() - l.time < every)) return;
    l.path = path;
    l.time = Date.now();
    l.busy = true;
    ask<T>(path)
      .then(
        (value) => {
          if (mounted.current && l.path === path) setAsked({ value, error: undefined });
        },
        (e: unknown) => {
          if (mounted.current && l.path === path) setAsked((a) => ({ value: a.value, error: e instanceof Error ? e.message : String(e) }));
        },
      )
      .finally(() => {
        l.busy = false;
      });
  }, [path, at]);
  return asked;
}
