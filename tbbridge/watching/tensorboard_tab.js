// The tab "tbbridge" of the TensorBoard that tbbridge starts: the way back to the live page, and each run log's two charts.

const PERIOD = 5000; // milliseconds between looks, as TensorBoard's own server has between reloads
const WIDTH = 480;
const HEIGHT = 200;
const MARGIN = 24;
const CHARTS = [[0, 1], [2, 3]]; // the columns of each chart: pale training, full validation
const STYLE = `
  body { font: 14px Roboto, sans-serif; margin: 16px; color: #444; background: #fff; }
  section { margin-top: 16px; } h2 { font-size: 16px; margin: 0 0 4px; } figure { display: inline-block; margin: 0 16px 0 0; }
  polyline { fill: none; stroke: #739ac5; stroke-width: 1.5; } polyline + polyline { stroke: #004895; stroke-width: 2; }
  text { font-size: 11px; fill: #666; } rect { fill: none; stroke: #ddd; }
  @media (prefers-color-scheme: dark) { body { color: #ccc; background: #303030; } text { fill: #aaa; } rect { stroke: #555; }
    polyline { stroke: #446690; } polyline + polyline { stroke: #6ba5ee; } }`;

function element(parent, tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text; // names are data, never markup
  Object.assign(made, attributes);
  parent.append(made);
  return made;
}

function drawn(parent, tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  parent.append(made);
  return made;
}

const short = (value) => String(Number(value.toPrecision(4)));

function chart(parent, names, columns) {
  const lines = names.map((name) => columns[name]).filter((line) => line && line.step.length);
  if (!lines.length) return;
  const steps = lines.flatMap((line) => line.step);
  const values = lines.flatMap((line) => line.value);
  const [left, right, low, high] = [Math.min(...steps), Math.max(...steps), Math.min(...values), Math.max(...values)];
  const across = (step) => MARGIN + ((step - left) / (right - left || 1)) * (WIDTH - 2 * MARGIN);
  const up = (value) => HEIGHT - MARGIN - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * MARGIN);
  const figure = element(parent, "figure");
  element(figure, "figcaption", names.join(" (solid), ") + (names.length > 1 ? " (dashed)" : ""));
  const svg = drawn(figure, "svg", { width: WIDTH, height: HEIGHT, role: "img", "aria-label": names.join(", ") });
  drawn(svg, "rect", { x: MARGIN, y: MARGIN, width: WIDTH - 2 * MARGIN, height: HEIGHT - 2 * MARGIN });
  drawn(svg, "text", { x: MARGIN, y: MARGIN - 6 }, short(high));
  drawn(svg, "text", { x: MARGIN, y: HEIGHT - 8 }, short(low));
  drawn(svg, "text", { x: WIDTH - MARGIN, y: HEIGHT - 8, "text-anchor": "end" }, `steps ${left} to ${right}`);
  for (const line of lines) {
    drawn(svg, "polyline", { points: line.step.map((step, n) => `${across(step)},${up(line.value[n])}`).join(" ") });
  }
}

// Where the live page asks for a token, so does the tab; it stays in this browser tab.
function ask(body, look) {
  if (body.querySelector("form")) return;
  body.replaceChildren();
  const form = element(body, "form");
  const label = element(form, "label", "The run logs are shown to those who know the token of the live page: ");
  const field = element(label, "input", "", { type: "password", autocomplete: "off" });
  element(form, "button", "Show");
  form.onsubmit = (event) => {
    event.preventDefault();
    sessionStorage.setItem("tbbridge-token", field.value);
    look();
  };
}

function show({ page, experiments, more }, body) {
  body.replaceChildren();
  element(body, "style", STYLE);
  const head = element(body, "p");
  if (page) element(head, "a", "the live page of tbbridge", { href: page, target: "_blank", rel: "noopener" });
  element(head, "span", page ? " has every point within a tenth of a second, smoothing and more." : "The run logs of tbbridge.");
  for (const { name, columns } of experiments) {
    const section = element(body, "section");
    element(section, "h2", name);
    const names = Object.keys(columns);
    for (const which of CHARTS) chart(section, which.map((n) => names[n]).filter(Boolean), columns);
  }
  if (!experiments.length) element(body, "p", "No run log yet: it appears with the first scalar that a training writes.");
  if (more) element(body, "p", `${more} more: see the live page.`);
}

export function render() {
  const url = new URL("run_logs", import.meta.url);
  const look = async () => {
    url.searchParams.set("token", sessionStorage.getItem("tbbridge-token") || "");
    const answer = await fetch(url).catch(() => null); // TensorBoard itself says when it cannot be reached
    const said = answer?.ok ? await answer.json() : null;
    if (said?.locked) ask(document.body, look);
    else if (said) show(said, document.body);
  };
  look();
  setInterval(look, PERIOD);
}
