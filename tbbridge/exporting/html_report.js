"use strict";
// The HTML report: reads the run logs out of the page itself, draws what is visible, offers them for download.
// Names of runs and experiments are data: they reach the page by textContent, and Plotly with its markup escaped.
(() => {
  const manifest = JSON.parse(document.getElementById("manifest").textContent);
  const COLORS = { // the live page's
    light: ["#004895", "#a42c00", "#298f67", "#b4539a", "#967609", "#379ad2", "#7953c3", "#59606a"],
    dark: ["#6ba5ee", "#e9803a", "#37c49a", "#dc84c7", "#dfbf4a", "#8fd0ff", "#8a8fff", "#b7bdc9"],
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const color = (place) => COLORS[document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")][place % 8];
  const DRAWN = 2000; // points a trace: more than a chart has pixels
  const SHOWN = 10;   // experiments that are drawn at first
  const logs = manifest.experiments;
  const chosen = new Set(logs.slice(0, SHOWN).map((_, place) => place));
  const loaded = new Map();
  const $ = (id) => document.getElementById(id);

  function element(kind, text, cls) {
    const made = document.createElement(kind);
    if (text !== undefined) made.textContent = text;
    if (cls) made.className = cls;
    return made;
  }

  // ---- data: base64 -> gzip -> bytes; CSV -> columns
  function unpacked(id) {
    const text = atob($(id).textContent.trim());
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")));
  }

  const csv = async (place) => new Uint8Array(await unpacked("csv-" + place).arrayBuffer());

  // The page's policy names plotly.js by the hash of its text, so it may run as a script of the page.
  async function loadPlotly() {
    const script = element("script");
    script.textContent = await unpacked("plotly").text();
    document.head.append(script);
  }

  const POWERS = Array.from({ length: 23 }, (_, n) => 10 ** n);
  const WORDS = { nan: NaN, inf: Infinity, "-inf": -Infinity };

  // A number in data[start, end): exact by one division where digits < 2^53 and the power <= 22, else the browser's own reading.
  function number(data, start, end) {
    let at = start, digits = 0, point = -1;
    const negative = data[at] === 45;
    if (negative) at++;
    for (; at < end; at++) {
      const c = data[at] - 48;
      if (c >= 0 && c <= 9) digits = digits * 10 + c;
      else if (data[at] === 46) point = at;
      else break;
    }
    const shift = point < 0 ? 0 : end - point - 1;
    if (at === end && digits < 2 ** 53 && shift <= 22) return (negative ? -digits : digits) / POWERS[shift];
    const text = String.fromCharCode(...data.subarray(start, end));
    return text in WORDS ? WORDS[text] : Number(text);
  }

  function columns(data, names) {
    let rows = 0;
    for (let i = 0; i < data.length; i++) if (data[i] === 10) rows++;
    const made = names.map(() => ({ x: new Float64Array(rows), y: new Float64Array(rows), n: 0 }));
    let at = data.indexOf(10) + 1; // after the header
    while (at < data.length) {
      let step = 0;
      for (let column = -1; column < names.length; column++) {
        const start = at;
        while (data[at] !== 44 && data[at] !== 10) at++;
        if (column < 0) step = number(data, start, at);
        else if (at > start) {
          const series = made[column];
          series.x[series.n] = step;
          series.y[series.n++] = number(data, start, at);
        }
        at++;
      }
    }
    return made.map((s) => ({ x: s.x.slice(0, s.n), y: s.y.slice(0, s.n) }));
  }

  async function load(place) {
    if (!loaded.has(place)) loaded.set(place, columns(await csv(place), manifest.columns));
  }

  // TensorBoard's smoothing: debiased moving average from 0; what is not finite passes through; a constant stays itself.
  function smooth(y, weight) {
    if (!weight || y.every((v) => v === y[0])) return y;
    const out = new Float64Array(y.length);
    let last = 0, count = 0;
    for (let i = 0; i < y.length; i++) {
      if (!Number.isFinite(y[i])) { out[i] = y[i]; continue; }
      last = last * weight + (1 - weight) * y[i];
      out[i] = last / (1 - weight ** ++count);
    }
    return out;
  }

  function below(x, value) { // how many of the ascending x are < value
    let low = 0, high = x.length;
    while (low < high) { const mid = (low + high) >> 1; if (x[mid] < value) low = mid + 1; else high = mid; }
    return low;
  }

  // What is drawn of a series in a range: all of it, or first, last and each bucket's minimum and maximum.
  function thin(x, y, range) {
    const from = range ? Math.max(0, below(x, range[0]) - 1) : 0;
    const to = range ? Math.min(x.length, below(x, range[1]) + 1) : x.length;
    if (to - from <= DRAWN) return [Array.from(x.subarray(from, to)), Array.from(y.subarray(from, to))];
    const keep = [from], bucket = (to - from - 2) / (DRAWN / 2 - 1);
    for (let b = 0; b < DRAWN / 2 - 1; b++) {
      const start = from + 1 + Math.floor(b * bucket), end = from + 1 + Math.floor((b + 1) * bucket);
      let low = start, high = start;
      for (let i = start; i < end; i++) {
        if (y[i] < y[low] || Number.isNaN(y[low])) low = i;
        if (y[i] > y[high] || Number.isNaN(y[high])) high = i;
      }
      keep.push(Math.min(low, high));
      if (low !== high) keep.push(Math.max(low, high));
    }
    keep.push(to - 1);
    return [keep.map((i) => x[i]), keep.map((i) => y[i])];
  }

  // ---- charts
  const escaped = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const short = (text) => (text.length > 36 ? text.slice(0, 16) + " ... " + text.slice(-16) : text); // what a legend has room for
  const charts = manifest.charts.map((chart) => {
    const box = element("div", undefined, "chart");
    if (chart.figure) $("charts").append(element("h2", chart.title));
    $("charts").append(box);
    return { ...chart, box, range: null };
  });

  function traces(chart, weight) {
    const made = [];
    for (const place of [...chosen].sort((a, b) => a - b)) {
      if (!loaded.has(place)) continue;
      chart.columns.forEach((column, nth) => {
        const series = loaded.get(place)[column];
        if (!series.x.length) return;
        const [x, y] = thin(series.x, smooth(series.y, weight), chart.range);
        const name = escaped((logs.length > 1 ? short(logs[place].name) + " · " : "") + manifest.columns[column]);
        made.push({ x, y, name, mode: x.length === 1 ? "markers" : "lines", type: "scatter", connectgaps: false,
          // an experiment's own colour, pale for training: as on the live page
          line: { color: color(place) + (nth + 1 < chart.columns.length ? "8c" : ""), width: nth ? 2 : 1.5 },
          hovertemplate: "%{y} @ %{x}<extra>" + name.replace(/%/g, "&#37;") + "</extra>" });
      });
    }
    return made;
  }

  function layout(chart) {
    const style = getComputedStyle(document.documentElement), value = (name) => style.getPropertyValue(name).trim();
    const narrow = chart.box.clientWidth < 600, below = { orientation: "h", x: 0, y: -0.3 };
    const axis = { gridcolor: value("--line"), zerolinecolor: value("--line"), linecolor: value("--line") };
    return { title: { text: escaped(chart.title), x: 0.01, font: { size: 14 } }, uirevision: "same", hovermode: "closest",
      paper_bgcolor: value("--paper"), plot_bgcolor: value("--paper"), font: { color: value("--ink"), size: 12 },
      margin: { l: 60, r: 20, t: 42, b: 48 }, showlegend: true, legend: { font: { size: 11 }, ...(narrow ? below : {}) },
      xaxis: { ...axis, title: { text: "step", standoff: 6 }, automargin: true }, yaxis: { ...axis } };
  }

  const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "sendChartToCloud"] };
  const weight = () => Number($("smoothing").value);
  async function draw(chart) {
    if (chart.figure) await Plotly.newPlot(chart.box, chart.figure.data, chart.figure.layout, CONFIG);
    else await Plotly.react(chart.box, traces(chart, weight()), layout(chart), CONFIG);
  }

  function zoomed(chart, change) {
    if (change["xaxis.autorange"] || change["xaxis.range"] || change["xaxis.range[0]"] !== undefined) {
      const range = chart.box.layout.xaxis.range;
      chart.range = change["xaxis.autorange"] ? null : range.map(Number);
      draw(chart);
    }
  }

  async function update() {
    for (const place of chosen) await load(place);
    for (const chart of charts) await draw(chart);
    const points = [...chosen].reduce((sum, p) => sum + loaded.get(p).reduce((n, s) => n + s.x.length, 0), 0);
    $("status").textContent = `${points.toLocaleString("en")} points of ${chosen.size} of ${logs.length} experiments`;
    $("status").dataset.ready = "yes";
  }

  // ---- the rest of the page
  function names() {
    const filter = $("filter").value.toLowerCase();
    $("names").replaceChildren(...logs.flatMap((log, place) => {
      if (!log.name.toLowerCase().includes(filter)) return [];
      const label = element("label"), box = element("input"), swatch = element("span", undefined, "swatch");
      box.type = "checkbox";
      box.checked = chosen.has(place);
      box.onchange = () => { if (box.checked) chosen.add(place); else chosen.delete(place); update(); };
      swatch.style.background = color(place);
      label.append(box, swatch, element("span", log.name));
      return [label];
    }));
  }

  async function download(place) {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([await csv(place)], { type: "text/csv" }));
    link.download = logs[place].file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function row(kind, cells) {
    const made = element("tr");
    cells.forEach(([text, cls]) => made.append(text instanceof Node ? text : element(kind, text, cls)));
    return made;
  }

  // The rows of the summary; a click on a column's name sorts by it, a second one the other way round.
  function values(by = -1, down = false) {
    const known = (text) => (text in WORDS ? WORDS[text] : Number(text));
    const order = (a, b) => {
      const [one, other] = [logs[a].values[by], logs[b].values[by]];
      if (!one || !other) return !one - !other;
      const less = Number.isNaN(known(one) - known(other)) ? one.localeCompare(other) : known(one) - known(other);
      return down ? -less : less;
    };
    const places = logs.map((_, place) => place);
    if (by >= 0) places.sort(order);
    const title = (name, column) => {
      const cell = element("th"), button = element("button", name);
      cell.ariaSort = column === by ? (down ? "descending" : "ascending") : null;
      button.onclick = () => values(column, column === by && !down);
      cell.append(button);
      return [cell];
    };
    const head = row("th", [["experiment", "text"], ...manifest.table.map(title)]);
    const body = places.map((place) => {
      const cell = element("td", undefined, "text"), button = element("button", "Download CSV");
      button.onclick = () => download(place);
      cell.append(element("div", logs[place].name), button);
      return row("td", [[cell], ...logs[place].cells.map((text, at) => [text, manifest.best[at] === place ? "best" : undefined])]);
    });
    $("values").replaceChildren(head, ...body);
  }

  function files() {
    const head = row("th", [["event file", "text"], ["bytes"], ["records"], ["sha256", "text"], ["damage", "text"]]);
    const body = manifest.files.map((file) => {
      const hash = element("td", undefined, "text");
      hash.append(element("code", file.sha256));
      return row("td", [[file.name, "text"], [file.size.toLocaleString("en")], [file.records.toLocaleString("en")], [hash],
        [file.damage.join("; ") || "none", file.damage.length ? "text warn" : "text"]]);
    });
    $("files").append(head, ...body);
  }

  async function start() {
    $("about").textContent = `tbbridge ${manifest.version} · ${manifest.plotly}`;
    $("notes").append(...manifest.notes.map((note) => element("li", note)));
    values();
    if (manifest.files.length) files();
    else $("origin").hidden = true;
    await loadPlotly();
    if (charts.some((chart) => chart.figure)) await show();
    else await explore();
  }

  // Charts as they stood on the live page.
  async function show() {
    $("bar").hidden = true;
    for (const chart of charts) await draw(chart);
    $("status").textContent = "";
    $("status").dataset.ready = "yes";
  }

  // Charts of the run logs, with controls.
  async function explore() {
    names();
    $("filter").oninput = names;
    $("smoothing").oninput = () => { $("weight").textContent = weight().toFixed(2); charts.forEach(draw); };
    await update();
    for (const chart of charts) chart.box.on("plotly_relayout", (change) => zoomed(chart, change));
    dark.addEventListener("change", () => { names(); charts.forEach(draw); });
  }

  start().catch((error) => { $("status").textContent = "this page could not be opened: " + error.message; $("status").className = "warn"; });
})();
