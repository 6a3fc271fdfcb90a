// Numbers as text. What is unknown is a dash.

import type { Maybe } from "./contract";

export const unknown = "–";

export function known(v: Maybe<number>): v is number {
  return v !== null && v !== undefined && Number.isFinite(v);
}

function digits(v: number): string {
  const a = Math.abs(v);
  if (a >= 100 || Number.isInteger(v)) return v.toFixed(0);
  return v.toFixed(a >= 10 ? 1 : 2);
}

function scaled(v: number, base: number, units: readonly string[]): string {
  let i = 0;
  let a = Math.abs(v);
  // 999.6 must not become "1000".
  while (a >= base - 0.5 && i < units.length - 1) {
    a /= base;
    i++;
  }
  const number = digits(v < 0 ? -a : a);
  return units[i] ? `${number} ${units[i]}` : number;
}

export function count(v: Maybe<number>): string {
  if (!known(v)) return unknown;
  return scaled(Math.abs(v) < 1000 && !Number.isInteger(v) ? Number(v.toPrecision(3)) : v, 1000, ["", "k", "M", "G", "T"]);
}

export function rate(v: Maybe<number>): string {
  return known(v) ? `${count(v)}/s` : unknown;
}

export function bytes(v: Maybe<number>): string {
  return known(v) ? scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]) : unknown;
}

export function percent(v: Maybe<number>): string {
  if (!known(v)) return unknown;
  const p = v * 100;
  return `${p > 0 && p < 1 ? "<1" : p.toFixed(0)} %`;
}

// From nanoseconds up to days.
export function seconds(v: Maybe<number>): string {
  if (!known(v)) return unknown;
  const a = Math.abs(v);
  if (a === 0) return "0 s";
  if (a < 1e-3) return `${digits(v * 1e6)} µs`;
  if (a < 0.9995) return `${digits(v * 1e3)} ms`;
  if (a < 60) return `${digits(v)} s`;
  return span(v);
}

export function milliseconds(v: Maybe<number>): string {
  return known(v) ? seconds(v / 1e3) : unknown;
}

// Whole units, two of them: "3 h 20 min".
export function span(v: Maybe<number>): string {
  if (!known(v)) return unknown;
  const s = Math.max(0, Math.floor(v));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const two = (n: number) => String(n).padStart(2, "0");

export function clock(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function plural(n: number, one: string, many = one + "s"): string {
  return `${n} ${n === 1 ? one : many}`;
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}
