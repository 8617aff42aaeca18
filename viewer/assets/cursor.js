/* What a chart says of the place under the mouse: one box with every line there; a click keeps it. */
(() => {
  "use strict";
  const MOST = 10; // lines in the box: the nearest to the mouse
  const NEAR = 24; // pixels from a line's end, or from a mark, at which it is still told

  const element = (tag, name, children = []) => {
    const made = document.createElement(tag);
    made.className = name;
    made.append(...children);
    return made;
  };
  /* Plotly's names are escaped; here they are text. */
  const CODES = { "&lt;": "<", "&gt;": ">", "&#123;": "{", "&amp;": "&" };
  const plain = (text) => text.replace(/&(lt|gt|#123|amp);/g, (code) => CODES[code]);
  const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(6))) : "");
  const two = (number) => String(number).padStart(2, "0");
  const clock = (seconds) => (Number.isFinite(seconds) ? new Date(1000 * seconds).toLocaleString("sv") : "");
  const lasted = (seconds) => {
    if (!Number.isFinite(seconds)) return "";
    if (Math.abs(seconds) < 60) return `${seconds.toFixed(1)} s`;
    const whole = Math.round(seconds), days = Math.floor(whole / 86400);
    return `${days ? `${days} d ` : ""}${Math.floor((whole % 86400) / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  };
  /* By title: how a row's fact is written. What all rows share stands once, above them. */
  const FACTS = { Step: (row) => row.step.toLocaleString("en"), Time: (row) => clock(row.start + row.seconds), Relative: (row) => lasted(row.seconds) };

  const axis = (plot, id) => plot._fullLayout[`${id[0]}axis${id.slice(1)}`];
  const drawn = (plot) => plot._fullData.filter((full) => full.visible === true && full._input.beside && full._input.x.length);
  const nearest = (xs, across, pixel) => {
    let low = 0, high = xs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (across.d2p(xs[middle]) < pixel) low = middle + 1; else high = middle;
    }
    return low && pixel - across.d2p(xs[low - 1]) <= across.d2p(xs[low]) - pixel ? low - 1 : low;
  };

  window.tbbridge.Cursor = class {
    /* `peers` returns the plots that show the same place. */
    constructor(plot, peers) {
      Object.assign(this, { plot, peers, parts: [], pinned: false, under: null });
      plot.addEventListener("pointermove", (event) => this.pinned || plot._dragging || this.point(event));
      plot.addEventListener("pointerleave", () => this.pinned || this.leave());
      plot.addEventListener("pointerdown", (down) => {
        if (!down.target.closest(".draglayer")) return;
        addEventListener("pointerup", (up) => {
          if (Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY) > 4) return;
          const kept = this.pinned;
          this.leave();
          this.pinned = !kept && this.point(up);
        }, { once: true });
      });
    }

    /* Show what is under the mouse; false where there is nothing. */
    point(event) {
      const place = this.plot.getBoundingClientRect(), layout = this.plot._fullLayout;
      const left = event.clientX - place.left, top = event.clientY - place.top;
      const full = layout ? drawn(this.plot) : [];
      const inside = ({ _offset, _length }, at) => at >= _offset && at <= _offset + _length;
      const here = full.filter((one) => inside(axis(this.plot, one.xaxis), left) && layout._size.t <= top && top <= layout._size.t + layout._size.h);
      const found = here.filter((one) => one.mode === "lines").map((one) => {
        const across = axis(this.plot, one.xaxis), pixel = left - across._offset, xs = one._input.x;
        const x = xs[nearest(xs, across, pixel)];
        return [Math.abs(across.d2p(x) - pixel), x];
      });
      this.leave();
      this.under = event;
      if (!found.length) return false;
      const x = found.reduce((best, one) => (one[0] < best[0] ? one : best))[1];
      this.show(x, top);
      this.peers().forEach((peer) => peer.tbCursor.pinned || peer.tbCursor.show(x));
      return true;
    }

    /* The chart, or one that shows the same place, was drawn: show there what its lines say now. */
    again() {
      const there = [this, ...this.peers().map((peer) => peer.tbCursor)].filter((cursor) => cursor.under);
      if (!there.length) this.clear();
      for (const cursor of there) if (cursor.pinned) cursor.show(...cursor.shown); else cursor.point(cursor.under);
    }

    /* Show the lines at a place of the x axis; the nearest to `top` where there are many. */
    show(x, top = 0) {
      this.clear();
      this.shown = [x, top];
      const plot = this.plot, { axis: kind, unit } = plot.layout.meta, places = new Set(), rows = [];
      for (const full of drawn(plot)) {
        const { x: xs, y: ys, customdata, beside, start, text } = full._input, across = axis(plot, full.xaxis), up = axis(plot, full.yaxis);
        const pixel = across.d2p(x), i = nearest(xs, across, pixel), off = Math.abs(across.d2p(xs[i]) - pixel);
        if (!(pixel >= 0 && pixel <= across._length)) continue;
        places.add(across._offset + pixel);
        const mark = full.mode !== "lines", ended = pixel < across.d2p(xs[0]) || pixel > across.d2p(xs.at(-1));
        if (off > NEAR / (mark ? 4 : 1) && (mark || ended)) continue;
        const step = kind === "step" ? xs[i] : beside[i];
        const seconds = { step: beside[i], relative: xs[i] * unit, wall: xs[i] / 1000 - start }[kind] ?? NaN;
        rows.push({
          name: plain(full.meta || ""), colour: (full.line || full.marker).color, far: Math.abs(up._offset + up.d2p(ys[i]) - top),
          value: mark ? (text ? text[i] : `best ${short(ys[i])}`) : short(ys[i]), logged: customdata ? short(customdata[i]) : "",
          step, start: start ?? NaN, seconds, mark,
        });
      }
      if (!rows.length) return;
      const marks = (plot.layout.annotations || []).filter(({ hovertext, x: at }) => hovertext && Math.abs(plot._fullLayout.xaxis.d2p(at) - plot._fullLayout.xaxis.d2p(x)) <= NEAR / 2);
      const most = [...rows].sort((one, other) => one.far - other.far).slice(0, MOST), shown = rows.filter((row) => most.includes(row));
      for (const place of places) {
        const line = element("div", "tb-cursor");
        Object.assign(line.style, { left: `${place}px`, top: `${plot._fullLayout._size.t}px`, height: `${plot._fullLayout._size.h}px` });
        this.parts.push(line);
      }
      const box = this.box(shown, rows.length - shown.length, marks.map((mark) => `${mark.text} ${plain(mark.hovertext)}`));
      this.parts.push(box);
      plot.append(...this.parts);
      const at = Math.max(...places), left = at > plot.clientWidth / 2 ? at - 10 - box.offsetWidth : at + 10;
      box.style.top = `${plot._fullLayout._size.t + 4}px`;
      box.style.left = `${Math.max(4, Math.min(left, plot.clientWidth - box.offsetWidth - 4))}px`;
    }

    box(rows, left, marks) {
      const lines = rows.filter((row) => !row.mark), facts = Object.keys(FACTS).map((title) => [title, rows.map((row) => (row.mark ? "" : FACTS[title](row)))]);
      const same = ([, texts]) => new Set(lines.map((row) => texts[rows.indexOf(row)])).size < 2;
      const shared = facts.filter(same).map(([title, texts]) => [title, texts.find(Boolean)]).filter(([, text]) => text);
      const own = facts.filter((fact) => !same(fact)), oneDay = new Set(lines.map((row) => FACTS.Time(row).slice(0, 10))).size < 2;
      for (const [title, texts] of own) if (title === "Time" && oneDay) texts.forEach((text, at) => { texts[at] = text.slice(11); });
      const logged = rows.some((row) => row.logged);
      const titles = ["", logged ? "Smoothed" : "Value", ...(logged ? ["Value"] : []), ...own.map(([title]) => title)];
      const body = rows.map((row, at) => {
        const dot = element("i", "");
        dot.style.background = row.colour;
        const smoothed = logged && !row.logged && !row.mark ? ["", row.value] : logged ? [row.value, row.logged] : [row.value];
        return element("tr", "", [element("th", "", [dot, row.name]), ...[...smoothed, ...own.map(([, texts]) => texts[at])].map((text) => element("td", "", [text]))]);
      });
      return element("div", "tb-hover", [
        element("p", "", shared.flatMap(([title, text]) => [element("span", "", [title]), element("b", "", [text])])),
        element("table", "", [element("tr", "", titles.map((title) => element("th", "", [title]))), ...body]),
        ...[...(left ? [`and ${left} more`] : []), ...marks].map((text) => element("p", "", [text])),
      ]);
    }

    clear() { this.parts.splice(0).forEach((part) => part.remove()); }

    leave() {
      this.pinned = false;
      this.under = null;
      this.clear();
      this.peers().forEach((peer) => peer.tbCursor.pinned || peer.tbCursor.clear());
    }
  };
})();
