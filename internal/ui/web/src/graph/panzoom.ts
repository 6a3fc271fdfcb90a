// Pan and zoom of an SVG group. The transform is written to the element directly:
// moving the view renders nothing anew.

import type { Box } from "./layout";

const least = 0.05;
const most = 2;

export interface View {
  fit(): void;
  zoom(factor: number): void;
  reveal(b: Box): void;
  resize(content: { width: number; height: number }, readable: number): void;
  dispose(): void;
}

export function panZoom(svg: SVGSVGElement, group: SVGGElement): View {
  let x = 0;
  let y = 0;
  let k = 1;
  let content = { width: 1, height: 1 };
  let floor = least; // fit does not go below what can be read
  let moved = false; // by the reader: then a new size of the window keeps the view

  const apply = () => {
    group.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${k.toFixed(4)})`);
    svg.dataset["detail"] = k >= 0.55 ? "full" : k >= 0.3 ? "names" : "bars";
  };
  const size = () => ({ width: svg.clientWidth || 1, height: svg.clientHeight || 1 });

  const fit = () => {
    const s = size();
    k = Math.max(floor, least, Math.min(1, s.width / content.width, s.height / content.height));
    x = content.width * k > s.width ? 0 : (s.width - content.width * k) / 2;
    y = content.height * k > s.height ? 0 : (s.height - content.height * k) / 2;
    moved = false;
    apply();
  };

  const zoomAt = (factor: number, px: number, py: number) => {
    const next = Math.max(least, Math.min(most, k * factor));
    x = px - ((px - x) * next) / k;
    y = py - ((py - y) * next) / k;
    k = next;
    moved = true;
    apply();
  };

  const wheel = (e: WheelEvent) => {
    // A plain wheel scrolls the page; with a modifier, or a pinch, it zooms.
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    const r = svg.getBoundingClientRect();
    zoomAt(Math.exp(-e.deltaY * 0.0025), e.clientX - r.left, e.clientY - r.top);
  };

  const fingers = new Map<number, { x: number; y: number }>();
  let dragged = 0;

  const down = (e: PointerEvent) => {
    if (e.button !== 0) return;
    fingers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    dragged = 0;
  };
  const move = (e: PointerEvent) => {
    const was = fingers.get(e.pointerId);
    if (!was) return;
    const dx = e.clientX - was.x;
    const dy = e.clientY - was.y;
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()] as [{ x: number; y: number }, { x: number; y: number }];
      const before = Math.hypot(a.x - b.x, a.y - b.y);
      was.x = e.clientX;
      was.y = e.clientY;
      const after = Math.hypot(a.x - b.x, a.y - b.y);
      const r = svg.getBoundingClientRect();
      if (before > 0) zoomAt(after / before, (a.x + b.x) / 2 - r.left, (a.y + b.y) / 2 - r.top);
      dragged += 10;
      return;
    }
    dragged += Math.abs(dx) + Math.abs(dy);
    if (dragged < 4) return; // a click with an unsteady hand
    was.x = e.clientX;
    was.y = e.clientY;
    if (!svg.hasPointerCapture(e.pointerId)) svg.setPointerCapture(e.pointerId);
    x += dx;
    y += dy;
    moved = true;
    apply();
  };
  const up = (e: PointerEvent) => {
    fingers.delete(e.pointerId);
  };
  // The end of a drag is not a click on what lies under it.
  const click = (e: MouseEvent) => {
    if (dragged >= 4 && e.detail > 0) e.stopPropagation();
    dragged = 0;
  };

  svg.addEventListener("wheel", wheel, { passive: false });
  svg.addEventListener("pointerdown", down);
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerup", up);
  svg.addEventListener("pointercancel", up);
  svg.addEventListener("click", click, true);
  const watch = new ResizeObserver(() => {
    if (!moved) fit();
  });
  watch.observe(svg);

  return {
    fit,
    zoom(factor) {
      const s = size();
      zoomAt(factor, s.width / 2, s.height / 2);
    },
    reveal(b) {
      const s = size();
      const pad = 24;
      let dx = 0;
      let dy = 0;
      if (b.x * k + x < pad) dx = pad - (b.x * k + x);
      else if ((b.x + b.width) * k + x > s.width - pad) dx = s.width - pad - ((b.x + b.width) * k + x);
      if (b.y * k + y < pad) dy = pad - (b.y * k + y);
      else if ((b.y + b.height) * k + y > s.height - pad) dy = s.height - pad - ((b.y + b.height) * k + y);
      if (!dx && !dy) return;
      x += dx;
      y += dy;
      apply();
    },
    resize(c, readable) {
      content = c;
      floor = readable;
      fit();
    },
    dispose() {
      watch.disconnect();
      svg.removeEventListener("wheel", wheel);
      svg.removeEventListener("pointerdown", down);
      svg.removeEventListener("pointermove", move);
      svg.removeEventListener("pointerup", up);
      svg.removeEventListener("pointercancel", up);
      svg.removeEventListener("click", click, true);
    },
  };
}
