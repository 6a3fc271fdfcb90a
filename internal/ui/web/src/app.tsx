import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Overview } from "./contract";
import { Graph } from "./graph/graph";
import { Timeline } from "./timeline";
import { Panel } from "./panel/panel";
import { Charts } from "./sections/charts";
import { CheckpointHistory } from "./sections/checkpoints";
import { DeadLetterList } from "./sections/deadletters";
import { Diagnosis } from "./sections/diagnosis";
import { Header } from "./sections/header";
import { HotKeys } from "./sections/hotkeys";
import { LatencyTable } from "./sections/latency";
import { follow, type Link } from "./stream";

const narrow = matchMedia("(max-width: 650px)");

// The whole page. One overview a second renders it anew; what did not change is not
// touched in the document.
export function App() {
  const [overview, setOverview] = useState<Overview>();
  const [link, setLink] = useState<Link>({ state: "connecting" });
  const [selected, setSelected] = useState<number>();
  const [filled, setFilled] = useState(0);
  const timeline = useRef<Timeline | undefined>(undefined);
  timeline.current ??= new Timeline(() => setFilled((n) => n + 1));

  useEffect(() => {
    const line = timeline.current!;
    return follow({
      overview(o) {
        line.append(o);
        setOverview(o);
      },
      link: setLink,
    });
  }, []);

  useEffect(() => {
    if (overview) document.title = `${overview.health.healthy ? "" : "▲ "}${overview.job.name} · Afflux`;
  }, [overview?.job.name, overview?.health.healthy]);

  const open = useCallback((id: number) => setSelected(id), []);
  const openNamed = useCallback(
    (name: string) => {
      const o = overview?.operators.find((x) => x.name === name);
      if (o) setSelected(o.id);
    },
    [overview],
  );
  const close = useCallback(() => {
    setSelected((id) => {
      if (id !== undefined) requestAnimationFrame(() => focusOperator(id));
      return undefined;
    });
  }, []);

  const operator = overview?.operators.find((o) => o.id === selected);
  // A panel over the whole page keeps the focus to itself.
  const covered = operator !== undefined && narrow.matches;
  return (
    <>
      <a class="skip" href="#diagnosis">
        Skip to the diagnosis
      </a>
      <a class="skip" href="#charts">
        Skip the graph
      </a>
      <Header overview={overview} link={link} />
      <main inert={covered}>
        {overview ? (
          <>
            <Diagnosis overview={overview} link={link} open={openNamed} />
            <Graph overview={overview} selected={selected} open={open} />
            <Charts timeline={timeline.current} version={`${overview.at}/${filled}`} />
            <div class="columns">
              <div>
                <CheckpointHistory totals={overview.checkpoints} at={overview.at} />
                <HotKeys overview={overview} />
              </div>
              <div>
                <LatencyTable overview={overview} />
                <DeadLetterList total={overview.dead_letters ?? 0} at={overview.at} />
              </div>
            </div>
          </>
        ) : (
          <p class="waiting">{link.state === "refused" ? link.why : "Waiting for the job …"}</p>
        )}
      </main>
      {overview && operator && <Panel key={operator.id} operator={operator} overview={overview} close={close} />}
      <footer>
        <a href="metrics">Metrics for Prometheus</a> · <a href="api/v1/job">the job as JSON</a> · <a href="api/v1/diagnosis">the diagnosis as JSON</a>
      </footer>
    </>
  );
}

// Gives the focus back to where the panel was opened, picture or table.
let opener: Element | null = null;
document.addEventListener(
  "click",
  (e) => {
    opener = (e.target as Element).closest?.("[aria-haspopup=dialog]") ?? opener;
  },
  true,
);
document.addEventListener(
  "keydown",
  (e) => {
    if (e.key === "Enter" || e.key === " ") opener = document.activeElement?.closest("[aria-haspopup=dialog]") ?? opener;
  },
  true,
);
function focusOperator(id: number) {
  const at = opener?.isConnected ? opener : document.querySelectorAll("[aria-haspopup=dialog]")[id];
  (at as HTMLElement | SVGElement | undefined)?.focus({ preventScroll: false });
}
