import { useMemo, useState } from "preact/hooks";
import type { Frame, Profile } from "../contract";
import { milliseconds, percent } from "../format";

interface Cell {
  frame: Frame;
  depth: number;
  left: number; // share of the width
  width: number;
  parent: Cell | undefined;
}

const row = 19; // pixels
const narrowest = 0.003;
const deepest = 40;
const tabled = 12;

// A flame graph: width is processor time, what stands below is called by what is
// above it. A click looks closer. The same in words is the table under it.
export function Flame({ profile }: { profile: Profile }) {
  const whole = useMemo(() => {
    // Of one operator the first level says nothing.
    const only = profile.root.children?.[0];
    return only && profile.root.children?.length === 1 && only.ms === profile.root.ms ? only : profile.root;
  }, [profile]);
  const [top, setTop] = useState<Frame>(whole);
  const root = contains(whole, top) ? top : whole;
  const cells = useMemo(() => cellsOf(root), [root]);
  const depth = cells.reduce((d, c) => Math.max(d, c.depth), 0) + 1;
  const total = whole.ms;

  const keys = (e: KeyboardEvent) => {
    const here = e.currentTarget as HTMLElement;
    const all = [...here.querySelectorAll<HTMLButtonElement>("button")];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const cell = cells[at];
    if (!cell) return;
    let next: Cell | undefined;
    switch (e.key) {
      case "ArrowUp":
        next = cell.parent;
        break;
      case "ArrowDown":
        next = cells.find((c) => c.parent === cell);
        break;
      case "ArrowRight":
        next = cells.find((c) => c.depth === cell.depth && c.left > cell.left);
        break;
      case "ArrowLeft":
        next = cells.findLast((c) => c.depth === cell.depth && c.left < cell.left);
        break;
      default:
        return;
    }
    e.preventDefault();
    if (next) all[cells.indexOf(next)]?.focus();
  };

  return (
    <>
      {root !== whole && (
        <button type="button" onClick={() => setTop(whole)}>
          Show everything
        </button>
      )}
      <div class="flame" style={{ height: `${depth * row}px` }} role="group" aria-label="Flame graph. Arrow keys move, Enter looks closer." onKeyDown={keys}>
        {cells.map((c, i) => {
          const words = `${c.frame.name}: ${milliseconds(c.frame.ms)}, ${percent(c.frame.ms / total)}`;
          return (
            <button
              type="button"
              key={i}
              tabIndex={i === 0 ? 0 : -1}
              class={`shade${hash(c.frame.name) % 4}`}
              style={{ left: `${c.left * 100}%`, width: `${c.width * 100}%`, top: `${c.depth * row}px` }}
              title={words}
              aria-label={words}
              onClick={() => setTop(c.frame)}
            >
              {c.width > 0.05 ? c.frame.name : ""}
            </button>
          );
        })}
      </div>
      <table class="hot-functions">
        <caption>Most time in themselves</caption>
        <tbody>
          {ownTimes(whole).map(([name, ms]) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td class="n">{milliseconds(ms)}</td>
              <td class="n">{percent(ms / total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function cellsOf(root: Frame): Cell[] {
  const cells: Cell[] = [];
  const walk = (frame: Frame, depth: number, left: number, width: number, parent: Cell | undefined) => {
    const cell = { frame, depth, left, width, parent };
    cells.push(cell);
    if (depth + 1 >= deepest) return;
    let x = left;
    for (const child of [...(frame.children ?? [])].sort((a, b) => b.ms - a.ms)) {
      const w = frame.ms > 0 ? (width * child.ms) / frame.ms : 0;
      if (w < narrowest) break;
      walk(child, depth + 1, x, w, cell);
      x += w;
    }
  };
  walk(root, 0, 0, 1, undefined);
  return cells;
}

function contains(frame: Frame, wanted: Frame): boolean {
  return frame === wanted || (frame.children ?? []).some((c) => contains(c, wanted));
}

function ownTimes(root: Frame): [string, number][] {
  const own = new Map<string, number>();
  const walk = (f: Frame) => {
    let rest = f.ms;
    for (const c of f.children ?? []) {
      rest -= c.ms;
      walk(c);
    }
    if (rest > 0) own.set(f.name, (own.get(f.name) ?? 0) + rest);
  };
  walk(root);
  return [...own].sort((a, b) => b[1] - a[1]).slice(0, tabled);
}

function hash(s: string): number {
  let h = 0;
  for (let i = 0; i < s.length; i++) h = (h * 31 + s.charCodeAt(i)) >>> 0;
  return h;
}
