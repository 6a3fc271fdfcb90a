// Light or dark: what the system prefers, unless the reader chose. The document
// always carries the one in force, so that the style sheet has one list for each.

export type Theme = "auto" | "light" | "dark";

const key = "afflux-theme";
const changed = "themechange";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
let chosen: Theme = "auto";

export function storedTheme(): Theme {
  try {
    const t = localStorage.getItem(key);
    if (t === "light" || t === "dark") return t;
  } catch {
    // Storage may be forbidden.
  }
  return "auto";
}

export function applyTheme(t: Theme) {
  chosen = t;
  try {
    if (t === "auto") localStorage.removeItem(key);
    else localStorage.setItem(key, t);
  } catch {
    // Then it holds until the page is left.
  }
  show();
}

function show() {
  document.documentElement.dataset["theme"] = chosen === "auto" ? (prefersDark.matches ? "dark" : "light") : chosen;
  window.dispatchEvent(new Event(changed));
}
prefersDark.addEventListener("change", show);

// Calls back when colours change, for what is drawn on a canvas.
export function onThemeChange(call: () => void): () => void {
  window.addEventListener(changed, call);
  return () => window.removeEventListener(changed, call);
}
