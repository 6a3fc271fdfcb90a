import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

// The build says from which sources it was made, so that a test can tell a stale
// one without Node: the hash of "path NUL length NUL bytes" of every source file,
// in the order of their paths.
function sources(root: string): string[] {
  const below = (dir: string): string[] =>
    readdirSync(join(root, dir), { withFileTypes: true }).flatMap((e) =>
      e.isDirectory() ? below(`${dir}/${e.name}`) : [`${dir}/${e.name}`],
    );
  const single = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];
  return [...single, ...below("public"), ...below("src")].sort();
}

function stamp(): Plugin {
  return {
    name: "stamp",
    generateBundle() {
      const root = import.meta.dirname;
      const hash = createHash("sha256");
      for (const path of sources(root)) {
        const bytes = readFileSync(join(root, path));
        hash.update(`${path}\0${bytes.length}\0`).update(bytes);
      }
      this.emitFile({ type: "asset", fileName: "sources.sha256", source: hash.digest("hex") + "\n" });
    },
  };
}

// What is bundled keeps its licences.
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const root = import.meta.dirname;
      const bundled = Object.keys(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies).sort();
      const source = bundled
        .map((name) => `${name}\n\n${readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8").trim()}\n`)
        .join("\n\n");
      this.emitFile({ type: "asset", fileName: "licences.txt", source });
    },
  };
}

// Names without hashes: the server forbids caching, and the committed files keep
// their names.
export default defineConfig({
  base: "./",
  plugins: [stamp(), licences()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        entryFileNames: "page.js",
        assetFileNames: "page.[ext]",
        codeSplitting: false,
      },
    },
  },
});
