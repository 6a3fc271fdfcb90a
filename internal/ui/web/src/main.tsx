import { render } from "preact";
import { App } from "./app";
import { applyTheme, storedTheme } from "./theme";
import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/graph.css";
import "./style/sections.css";
import "./style/panel.css";

applyTheme(storedTheme());
render(<App />, document.getElementById("page")!);
