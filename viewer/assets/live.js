/* Keeps the charts current: one websocket per page, or a poll where none gets through (see ../messages.py for the messages). */
(() => {
  "use strict";
  const { missed, toggled, Cursor } = window.tbbridge;
  /* plotly.js comes last: the page stands before it. A larger app keeps its own, if it has one or its dcc.Graph is still
     to load one; on our own page ours stays where users look for it. */
  const { plotly: address, keep } = document.currentScript.dataset;
  let Plotly = null;
  const library = new Promise((done) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => { script.remove(); done(); };
    script.onerror = () => { library.failed = true; pages.forEach((page) => page.showState()); };
    document.head.append(script);
  });

  const pages = new Map();
  const RETRIES = [250, 500, 1000, 2000, 4000];
  const FAILURES_BEFORE_POLLING = 2;
  const POLLS = { No: 0, Slow: 2000, Regular: 500, Fast: 200 };
  const frame = () => new Promise((done) => requestAnimationFrame(() => done()));

  const base = () => JSON.parse(document.getElementById("_dash-config").textContent).requests_pathname_prefix;
  const setProps = (id, props) => window.dash_clientside.set_props(id, props);

  /* -------------------------------------------------------------------------------------------------------- theme */
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("tbbridge-theme"); } catch { return null; } };
  const theme = () => document.documentElement.dataset.tbTheme || (dark.matches ? "dark" : "light");
  if (stored()) document.documentElement.dataset.tbTheme = stored();
  const setTheme = (name) => {
    document.documentElement.dataset.tbTheme = name;
    try { localStorage.setItem("tbbridge-theme", name); } catch { /* private window: this page only */ }
    pages.forEach((page) => page.ask());
  };
  dark.addEventListener("change", () => pages.forEach((page) => page.ask()));

  /* The button that asks for notifications is there while the user may be asked. */
  const showAsked = () => document.documentElement.toggleAttribute("data-tb-asked", !window.isSecureContext || window.Notification?.permission !== "default");
  showAsked();

  /* ---------------------------------------------------------------------------------------- controls in the address */
  const fromText = (text, like) => {
    if (typeof like === "boolean") return text === "1";
    if (typeof like === "number") return Number.isFinite(Number(text)) ? Math.min(Math.max(Number(text), 0), 1) : like;
    return text;
  };
  const restored = (key, value) => {
    const asked = new URLSearchParams(location.search);
    if (!asked.has(key)) return value;
    return Array.isArray(value) ? asked.getAll(key) : fromText(asked.get(key), value);
  };
  const remember = (prefix, controls, defaults) => {
    const asked = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(controls)) {
      const key = prefix + name;
      asked.delete(key);
      if (name === "from") continue; // how far the table is scrolled
      if (Array.isArray(value)) value.forEach((each) => asked.append(key, each));
      else if (value !== defaults[name]) asked.set(key, typeof value === "boolean" ? Number(value) : value);
    }
    const text = asked.toString();
    history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
  };

  /* --------------------------------------------------------------------------------------------------------- a page */
  class Page {
    constructor(prefix, root) {
      Object.assign(this, { prefix, root, defaults: {}, controls: {}, shown: {}, ranges: {}, drawn: {}, failures: 0, polling: false, number: 0 });
      this.queue = Promise.resolve();
      this.status = { state: "connecting", age: null };
      this.since = performance.now();
      setTimeout(() => { this.keep(); this.connect(); }); // by then all controls have said what they are
      this.clock = setInterval(() => (root.isConnected ? this.showState() : this.end()), 1000);
      this.seen = () => { if (!document.hidden && !this.open()) this.connect(); };
      document.addEventListener("visibilitychange", this.seen);
    }

    /* The page was taken away, as a larger app's tab is. */
    end() {
      pages.delete(this.prefix);
      this.ended = true;
      clearInterval(this.clock);
      clearTimeout(this.again);
      document.removeEventListener("visibilitychange", this.seen);
      if (this.socket) this.socket.close();
    }

    /* ----- what is wanted */
    control(name, value) {
      const known = name in this.defaults;
      this.shown[name] = value;
      if (!known) {
        this.defaults[name] = value;
        const first = restored(this.prefix + name, value);
        if (JSON.stringify(first) !== JSON.stringify(value)) this.restore(name, (value = first));
      }
      if (known && JSON.stringify(value) === JSON.stringify(this.controls[name])) return;
      this.controls = { ...this.controls, [name]: value };
      if (!known) return;
      if (name.startsWith("both-")) { // the controls of both charts set each chart's own
        const own = Object.keys(this.controls).filter((other) => other.endsWith(name.slice(4)) && !/^(both|more)-/.test(other));
        own.forEach((other) => setProps(this.prefix + other, { value }));
      }
      if (name === "axis") this.ranges = {};
      if (name.endsWith("-display")) delete this.ranges[name.slice(0, -8)];
      remember(this.prefix, this.controls, this.defaults);
      this.ask();
    }

    /* Set a control from the table. */
    set(name, value) { setProps(this.prefix + name, { value }); }
    pick(name) { this.set("experiment", toggled(this.controls.experiment, name, true)); }

    /* Set a control to what the address says: again until it says so itself, for Dash may not know it yet. */
    restore(name, value) {
      const same = () => JSON.stringify(this.shown[name]) === JSON.stringify(value);
      const again = (tries) => {
        if (same() || !tries || this.controls[name] !== value) return;
        setProps(this.prefix + name, { value });
        setTimeout(() => again(tries - 1), 50);
      };
      setTimeout(() => again(100));
    }

    wanted() {
      return { ...this.controls, theme: theme(), ranges: this.ranges, table: !!this.painted };
    }

    keep() { setProps(`${this.prefix}controls`, { data: this.wanted() }); }

    ask() {
      this.keep();
      if (this.open()) this.send({ want: this.wanted() });
      if (this.polling) this.poll();
      this.showState();
    }

    /* ----- the websocket */
    open() { return this.socket && this.socket.readyState === WebSocket.OPEN; }
    send(what) { if (this.open()) this.socket.send(JSON.stringify(what)); }

    connect() {
      if (this.ended) return;
      if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
      clearTimeout(this.again);
      const url = new URL(`${base()}_tbbridge/live/${this.prefix}`, location.href);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = (this.socket = new WebSocket(url));
      socket.onopen = () => { this.heard = false; this.send({ want: this.wanted() }); };
      socket.onmessage = (event) => {
        if (this.socket !== socket) return;
        if (!this.heard) { this.heard = true; this.failures = 0; this.stopPolling(); }
        const message = JSON.parse(event.data);
        if (message.fulfilled) this.notify(message.fulfilled); // at once: a hidden page draws nothing
        else this.take(message, () => this.send({ drawn: 1 }));
      };
      socket.onclose = () => {
        if (this.socket !== socket || this.ended) return;
        this.failures += 1;
        this.findRefusal().then(() => { if (!this.refusal && this.failures >= FAILURES_BEFORE_POLLING) this.startPolling(); });
        this.again = setTimeout(() => this.connect(), RETRIES[Math.min(this.failures, RETRIES.length) - 1] * (this.reached ? 4 : 1));
        this.showState();
      };
    }

    /* A browser does not tell a script why a websocket was refused: a post is refused alike, and says why. */
    async findRefusal() {
      const answer = await fetch(`${base()}_tbbridge/allowed`, { method: "POST" }).catch(() => null);
      const text = answer && [401, 403, 421].includes(answer.status) ? await answer.text().catch(() => "") : "";
      this.refusal = text.startsWith("tbbridge: ") ? text.slice(10, 400).trim() : "";
      this.showState();
    }

    /* ----- the poll */
    async startPolling() {
      if (this.polling) return;
      const there = await fetch(`${base()}_dash-dependencies`).then((answer) => answer.ok, () => false);
      if (!there || this.polling || this.open()) return; // nothing gets through: the server is away
      this.polling = true;
      this.number = 0;
      setProps(`${this.prefix}cursor`, { data: null });
      this.ask();
    }

    stopPolling() {
      if (!this.polling) return;
      this.polling = this.reached = false;
      setProps(`${this.prefix}poll`, { disabled: true });
    }

    poll() {
      const interval = POLLS[this.controls.updates];
      setProps(`${this.prefix}poll`, { disabled: !interval, interval: interval || 1000, n_intervals: (this.asked = (this.asked || 1e6) + 1) });
    }

    news(message) {
      if (!this.polling || !message || message.after !== this.number) return;
      this.number = message.cursor.number;
      this.reached = true;
      setProps(`${this.prefix}cursor`, { data: message.cursor });
      this.take(message, () => {});
    }

    /* ----- notifications */
    notify(texts) {
      if (window.Notification?.permission !== "granted") return;
      for (const text of texts) new Notification("tbbridge", { body: text, tag: text }).onclick = () => window.focus();
    }

    /* ----- drawing */
    take(message, done) {
      this.queue = this.queue.then(() => this.apply(message)).catch((error) => console.error(error)).then(frame).then(done);
    }

    async apply(message) {
      const made = (message.set || []).filter(([id, property]) => property === "children" && /(-readout|^more-charts)$/.test(id));
      const gone = made.map(([id]) => document.getElementById(this.prefix + id)?.firstElementChild).filter(Boolean);
      for (const [id, property, value] of message.set || []) setProps(this.prefix + id, { [property]: value });
      for (let tries = 0; tries < 30 && gone.some((node) => node.isConnected); tries += 1) await frame(); // React has not made them yet
      if (message.cells) await this.write(message.cells);
      if (message.status) { this.status = message.status; this.since = performance.now(); }
      this.showState();
      for (const [chart, figure] of Object.entries(message.figures || {})) await this.draw(chart, figure);
      for (const chart of Object.keys(message.figures || {})) await this.align(chart); // when all are drawn: none is drawn twice
      await this.extend(message.extend || {});
      if (message.figures && !this.painted) { this.painted = true; this.ask(); } // now there is time for the table
    }

    async plot(chart) {
      await library;
      for (let tries = 0; tries < 600; tries += 1) {
        const plot = document.getElementById(`${this.prefix}${chart}-graph`);
        // a plot that is drawn again while the user drags in it forgets the drag
        if (plot && plot.tbConfig && !plot._dragging) return plot;
        if (plot && plot._dragging) tries = 0;
        await frame();
      }
      return null;
    }

    async draw(chart, figure) {
      const plot = await this.plot(chart);
      if (!plot) return;
      clearTimeout(plot.tbLater);
      plot.tbLater = null;
      figure.layout.hovermode = false; // cursor.js shows the values under the mouse
      for (const mark of figure.layout.annotations || []) mark.captureevents = false;
      this.fit(chart, figure.data, figure.layout);
      await Plotly.react(plot, figure.data, figure.layout, plot.tbConfig);
      this.drawn[chart] = plot;
      if (plot.tbCursor) plot.tbCursor.again();
      else {
        // its id is another chart's once charts were moved
        plot.tbCursor = new Cursor(plot, () => this.others(chartOf(plot)));
        plot.on("plotly_relayout", (change) => this.zoomed(chartOf(plot), plot, change));
      }
    }

    zoomed(chart, plot, change) {
      plot.tbCursor.again();
      const keys = Object.keys(change).filter((key) => key.startsWith("xaxis"));
      if (!keys.length) return;
      const before = JSON.stringify(this.ranges[chart]);
      const axis = plot._fullLayout.xaxis;
      if (axis.autorange) delete this.ranges[chart];
      else this.ranges[chart] = axis.range.map((end) => (axis.type === "date" ? epoch(String(end)) : Number(end)));
      if (before === JSON.stringify(this.ranges[chart])) return;
      this.follow(chart, axis);
      this.ask();
    }

    /* The charts that share a chart's x axis: the two share theirs, a further one has its own. */
    others(chart) {
      const further = (name) => name.startsWith("more-");
      return Object.keys(this.drawn).filter((name) => name !== chart && !further(name) && !further(chart))
        .map((name) => this.drawn[name]).filter((plot) => plot.isConnected && plot.data.length && !plot._dragging);
    }

    /* The other chart is zoomed alike. */
    follow(chart, axis) {
      if (this.controls.share === false) return;
      for (const other of this.others(chart)) {
        const name = chartOf(other);
        if (axis.autorange) delete this.ranges[name];
        else this.ranges[name] = this.ranges[chart];
        Plotly.relayout(other, axis.autorange ? { "xaxis.autorange": true } : { "xaxis.range": [...axis.range] });
      }
    }

    /* New points are drawn at the ends of their lines; Plotly draws the whole chart where that is not enough, and later. */
    async extend(charts) {
      const whole = [], grown = [];
      for (const [chart, changes] of Object.entries(charts)) {
        const plot = await this.plot(chart);
        if (!plot) continue;
        for (const change of changes) {
          const trace = plot.data[change.trace];
          for (const key of ["x", "y", "text", "customdata", "beside"]) if (key in change) trace[key] = kept([...(trace[key] || []), ...change[key]], change.keep);
        }
        grown.push([plot, changes]);
      }
      for (const [plot, changes] of grown) {
        if (!changes.every((change) => sketch(plot, change))) whole.push(plot);
        else plot.tbLater = plot.tbLater || setTimeout(() => this.redraw([plot]), REDRAW);
      }
      await this.redraw(whole);
    }

    async redraw(plots) {
      for (const plot of plots) {
        clearTimeout(plot.tbLater);
        plot.tbLater = null;
        if (!plot.isConnected || !plot._fullLayout) continue;
        if (plot._dragging) { plot.tbLater = setTimeout(() => this.redraw([plot]), REDRAW); continue; }
        this.fit(chartOf(plot), plot.data, plot.layout);
        await Plotly.redraw(plot);
        plot.tbCursor?.again();
      }
      for (const plot of plots.filter((one) => !one.tbLater && one.isConnected)) await this.align(chartOf(plot));
    }

    /* The ends of the x axis: those of all lines of the charts that share it, and room for the next points while it lives. */
    ends(chart, data, { meta }) {
      const shared = this.controls.share === false ? [] : this.others(chart).flatMap((plot) => plot.data);
      const lines = [...data, ...shared].filter((trace) => trace.mode === "lines" && trace.x.length);
      const first = Math.min(...lines.map((trace) => trace.x[0])), last = Math.max(...lines.map((trace) => trace.x.at(-1)));
      const end = meta.axis === "wall" ? local : Number; // Plotly takes a number here for UTC, and the points' for local time
      return last > first ? { minallowed: end(first), maxallowed: end(last + (this.status.state === "live" ? ROOM * (last - first) : 0)) } : {};
    }

    fit(chart, data, layout) {
      const autorangeoptions = this.ends(chart, data, layout);
      for (const axis of ["xaxis", "xaxis2"]) if (layout[axis]) layout[axis].autorangeoptions = autorangeoptions;
    }

    /* Draw the other chart again where its x axis ends elsewhere by now. */
    async align(chart) {
      for (const plot of this.controls.share === false ? [] : this.others(chart)) {
        const { autorangeoptions } = plot.layout.xaxis, wanted = this.ends(chartOf(plot), plot.data, plot.layout);
        if (plot._fullLayout.xaxis.autorange && JSON.stringify(autorangeoptions) !== JSON.stringify(wanted)) await this.redraw([plot]);
      }
    }

    async write(cells) {
      for (let tries = 0; tries < 60; tries += 1) {
        const missing = Object.keys(cells).filter((id) => !document.getElementById(this.prefix + id));
        if (!missing.length) break;
        await frame();
      }
      for (const [id, text] of Object.entries(cells)) {
        const cell = document.getElementById(this.prefix + id);
        if (cell && cell.textContent !== text) cell.textContent = text;
      }
    }

    /* ----- is it alive? */
    showState() {
      const place = document.getElementById(`${this.prefix}state`);
      if (!place) return;
      const connected = this.open() || (this.polling && this.reached);
      const { state, age } = this.status;
      let kind = state.split(":")[0].replace(" ", "-"), words = WORDS[state] || state;
      if (this.controls.updates === "No" && connected) [kind, words] = ["paused", "paused"];
      if (!connected) [kind, words] = this.failures ? ["lost", this.refusal || "connection lost, trying again"] : ["connecting", "connecting…"];
      else if (library.failed) [kind, words] = ["lost", "plotly.js could not be loaded: reload the page"];
      else if (age !== null && kind !== "paused") words += `, last write ${ago(age + (performance.now() - this.since) / 1000)} ago`;
      if (place.textContent !== words) place.textContent = words;
      if (place.dataset.kind !== kind) place.dataset.kind = kind;
    }
  }

  const chartOf = (plot) => plot.id.slice(plot.closest("[data-tb-page]").dataset.tbPage.length, -"-graph".length);
  const REDRAW = 5000; // milliseconds until Plotly knows what was sketched
  const ROOM = 0.03;
  const kept = (values, most) => (most < 0 ? values : values.slice(-most));

  /* Draw a trace's new points at the end of its line, or move its only mark; false where Plotly has to. */
  const sketch = (plot, { trace, x, y, text, keep }) => {
    const full = plot._fullData[trace], axis = (id) => plot._fullLayout[`${id[0]}axis${id.slice(1)}`];
    if (text || !full || full.visible !== true) return !text && !!full && full.visible === "legendonly";
    const [across, up] = [axis(full.xaxis), axis(full.yaxis)];
    const ys = plot.data[trace].y, gap = (i) => ys.at(i - x.length) === null; // its parts are parted by null
    const places = x.map((value, i) => !gap(i) && [across.d2p(value), up.d2p(y[i])]);
    const beyond = ([left, top]) => left > across._length || left < 0 || top < 0 || top > up._length;
    if (places.some((place) => place && (!Number.isFinite(place[0] + place[1]) || (beyond(place) && (across.autorange || up.autorange))))) return false;
    const group = plot.querySelector(`.scatterlayer .trace${full.uid}`);
    const line = group && [...group.querySelectorAll("path.js-line")].at(-1), mark = group && group.querySelector("path.point");
    if (keep === 1 && mark) mark.setAttribute("transform", `translate(${places.at(-1).join()})`);
    else if (keep < 0 && full.mode === "lines" && line) line.setAttribute("d", line.getAttribute("d") + places.map((place, i) => (place ? `${gap(i - 1) ? "M" : "L"}${place.join()}` : "")).join(""));
    else return false;
    return true;
  };

  /* Plotly writes a date axis' range in local time: "2026-03-29 03:00:00.1234", with a date alone at midnight. */
  const epoch = (text) => new Date(text.length > 10 ? text.replace(" ", "T") : `${text}T00:00`).getTime();
  const local = (time) => time - 60000 * new Date(time).getTimezoneOffset();
  const WORDS = { empty: "nothing to show yet", static: "from a file" };
  const ago = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
  };

  /* ---------------------------------------------------------------------------------------------- Dash and the buttons */
  window.tbbridge = {
    Plotly: null,
    loaded(ours, before) {
      Plotly = window.tbbridge.Plotly = ours;
      if (keep === undefined && before) window.Plotly = before;
      else if (keep === undefined) delete window.Plotly;
    },
    announce(element, id, value) {
      const root = element.closest("[data-tb-page]");
      if (!root) return;
      const prefix = root.dataset.tbPage;
      if (pages.has(prefix) && pages.get(prefix).root !== root) pages.get(prefix).end();
      if (!pages.has(prefix)) pages.set(prefix, new Page(prefix, root));
      pages.get(prefix).control(id.slice(prefix.length), value);
    },
    news(message) { pages.forEach((page) => page.news(message)); },
    pageOf(element) { return pages.get(element.closest("[data-tb-page]").dataset.tbPage); },
    toggled,
  };

  missed.forEach((said) => window.tbbridge.announce(...said));

  /* The added charts, after a click on a tag or on a chart's own buttons. */
  const ARRANGE = {
    add: (titles, name) => [...titles, name],
    drop: (titles, name) => titles.filter((title) => title !== name),
    earlier: (titles, name, at = titles.indexOf(name)) => (at > 0 ? titles.toSpliced(at - 1, 2, name, titles[at - 1]) : titles),
    later: (titles, name, at = titles.indexOf(name)) => (at + 1 < titles.length ? titles.toSpliced(at, 2, titles[at + 1], name) : titles),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-tb]");
    if (!button) return;
    const arrange = ARRANGE[button.dataset.tb], root = button.closest("[data-tb-page]");
    if (arrange && root) {
      const page = pages.get(root.dataset.tbPage);
      setProps(`${page.prefix}charts`, { value: arrange(page.controls.charts || [], button.dataset.name) });
    }
    if (button.dataset.tb === "notify") Notification.requestPermission().then(showAsked);
    if (button.dataset.tb === "theme") setTheme(theme() === "dark" ? "light" : "dark");
    if (button.dataset.tb === "link") {
      navigator.clipboard.writeText(location.href).then(() => {
        const words = button.textContent;
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = words; }, 1500);
      });
    }
  });
})();
