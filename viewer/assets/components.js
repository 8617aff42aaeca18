/* Dash components of our own (see ../components.py). React is on the page already; nothing is compiled. */
window.tbbridge_viewer = (() => {
  "use strict";
  const { createElement: e, useState, useRef, useMemo, useEffect } = window.React;
  /* live.js runs later, and then takes what it missed. */
  const missed = [];
  window.tbbridge = window.tbbridge || { missed, announce: (...said) => { missed.push(said); }, news: () => {} };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.tbbridge = {
    news(message) { window.tbbridge.news(message); return window.dash_clientside.no_update; },
  };
  const cls = (...names) => names.filter(Boolean).join(" ");

  /* Tells the page (live.js) a control's value, now and whenever it changes, whoever changed it. */
  const useAnnounced = (id, value) => {
    const place = useRef(null);
    useEffect(() => { window.tbbridge.announce(place.current, id, value); }, [id, JSON.stringify(value)]);
    return place;
  };

  const Checkbox = ({ id, label, value, className, setProps }) =>
    e("label", { ref: useAnnounced(id, value), className: cls("tb-check", className) },
      e("input", { id, type: "checkbox", checked: !!value, onChange: (ev) => setProps({ value: ev.target.checked }) }),
      e("span", null, label));

  const Slider = ({ id, label, value, min = 0, max = 1, step = 0.01, className, setProps }) =>
    e("div", { ref: useAnnounced(id, value), className: cls("tb-slider", className) },
      e("label", { htmlFor: id }, label),
      e("input", {
        id, type: "range", min, max, step, value,
        style: { "--fill": `${(100 * (value - min)) / (max - min)}%` },
        onChange: (ev) => setProps({ value: Number(ev.target.value) }),
      }),
      e("output", { htmlFor: id }, Number(value).toFixed(2)));

  const Hidden = ({ id, value }) => e("span", { id, ref: useAnnounced(id, value), hidden: true });

  const Text = ({ id, label, value, placeholder, className, setProps }) =>
    e("label", { ref: useAnnounced(id, value), className: cls("tb-text", className) },
      e("span", null, label),
      e("input", { id, type: "text", autoComplete: "off", spellCheck: false, placeholder, value: value || "", onChange: (ev) => setProps({ value: ev.target.value }) }));

  const Radios = ({ id, label, value, options, className, setProps }) =>
    e("div", { id, ref: useAnnounced(id, value), role: "radiogroup", "aria-labelledby": `${id}-label`, className: cls("tb-radios", className) },
      e("span", { id: `${id}-label`, className: "tb-label" }, label),
      e("div", { className: "tb-segments" }, options.map((option) =>
        e("label", { key: option },
          e("input", { type: "radio", name: id, value: option, checked: option === value, onChange: () => setProps({ value: option }) }),
          e("span", null, option)))));

  const Select = ({ id, label, value, options, className, setProps }) =>
    e("div", { ref: useAnnounced(id, value), className: cls("tb-select", className) },
      e("label", { htmlFor: id }, label),
      e("select", { id, value, onChange: (ev) => setProps({ value: ev.target.value }) },
        options.map((option) => e("option", { key: option, value: option }, option || "–"))));

  /* ---------------------------------------------------------------- a combobox that finds and picks several of many */
  const SHOWN = 100, MOST_CHIPS = 3;

  const find = (options, words, chosen) => {
    const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = options.filter((name) => { const low = name.toLowerCase(); return parts.every((p) => low.includes(p)); });
    const exact = fits.indexOf(words);
    if (exact > 0) fits.unshift(...fits.splice(exact, 1));
    if (!parts.length) fits.sort((a, b) => chosen.has(b) - chosen.has(a));
    return fits;
  };

  /* Where colours go with places, an empty text keeps the place of what was taken away. */
  const toggled = (chosen, name, places) => {
    if (!chosen.includes(name)) return chosen.includes("") ? chosen.map((n, i) => (i === chosen.indexOf("") ? name : n)) : [...chosen, name];
    const left = places ? chosen.map((n) => (n === name ? "" : n)) : chosen.filter((n) => n !== name);
    while (left.length && !left.at(-1)) left.pop();
    return left;
  };
  window.tbbridge.toggled = toggled;

  const Picker = ({ id, label, value, options, colours, placeholder, total, className, setProps }) => {
    const chosen = value || [], names = options || [], asks = total !== undefined;
    const [open, setOpen] = useState(false);
    const [words, setWords] = useState("");
    const [active, setActive] = useState(0);
    const box = useAnnounced(id, value), input = useRef(null);
    const picked = useMemo(() => new Set(chosen.filter(Boolean)), [chosen]);
    const fits = useMemo(() => (open ? (asks ? names : find(names, words, picked)) : []), [open, names, words]);
    const count = asks ? total : fits.length;
    useEffect(() => { if (asks) setProps({ search: open ? words : null }); }, [open, words]);
    const shown = fits.slice(0, SHOWN);

    useEffect(() => {
      const away = (ev) => { if (box.current && !box.current.contains(ev.target)) setOpen(false); };
      document.addEventListener("pointerdown", away);
      return () => document.removeEventListener("pointerdown", away);
    }, []);
    useEffect(() => {
      const option = open && document.getElementById(`${id}-option-${active}`);
      if (option) option.scrollIntoView({ block: "nearest" });
    }, [active, open]);

    const toggle = (name) => {
      setProps({ value: toggled(chosen, name, colours) });
      setWords(""); setActive(0);
      if (input.current) input.current.focus();
    };
    const keys = {
      ArrowDown: () => { setOpen(true); setActive(Math.min(active + 1, Math.max(shown.length - 1, 0))); },
      ArrowUp: () => setActive(Math.max(active - 1, 0)),
      Enter: () => { if (open && shown[active] !== undefined) toggle(shown[active]); else setOpen(true); },
      Escape: () => { setOpen(false); setWords(""); },
    };
    const onKeyDown = (ev) => {
      if (ev.key === "Backspace" && !words && chosen.length) setProps({ value: toggled(chosen, chosen.at(-1), colours) });
      if (ev.key === "Tab") setOpen(false);
      if (keys[ev.key]) { ev.preventDefault(); keys[ev.key](); }
    };

    const many = colours && picked.size > MOST_CHIPS;
    const all = many && e("span", { className: "tb-chip" }, e("span", null, `${picked.size} experiments`),
      e("button", { type: "button", onClick: () => setProps({ value: chosen.slice(0, chosen.findIndex(Boolean) + 1) }) }, e("span", { className: "tb-unseen" }, "Keep the first alone"), "×"));
    const chips = many ? all : chosen.map((name, i) => name &&
      e("span", { key: name, className: "tb-chip", title: name },
        colours && e("i", { style: { background: colours[i] || "currentColor" } }),
        e("span", null, name),
        e("button", { type: "button", onClick: () => toggle(name) }, e("span", { className: "tb-unseen" }, `Remove ${name}`), "×")));
    const list = open && e("div", { className: "tb-options" },
      e("div", { role: "listbox", id: `${id}-list`, "aria-label": "Choices", "aria-multiselectable": true },
        shown.map((name, i) =>
          e("div", {
            key: name, id: `${id}-option-${i}`, role: "option", "aria-selected": picked.has(name), title: name,
            className: i === active ? "tb-active" : undefined,
            onPointerDown: (ev) => ev.preventDefault(), onClick: () => toggle(name), onPointerMove: () => setActive(i),
          }, name))),
      e("p", null, !names.length && !words ? "Nothing to choose yet." : !fits.length ? "No name has these words." :
        count > SHOWN ? `${SHOWN} of ${count.toLocaleString("en")} shown: type to find others.` : null));

    return e("div", { className: cls("tb-picker", className), ref: box },
      e("label", { htmlFor: id }, label),
      e("div", { className: "tb-field", onClick: (ev) => { if (ev.target.tagName !== "BUTTON" && input.current) { input.current.focus(); setOpen(true); } } },
        chips,
        e("input", {
          id, ref: input, type: "text", role: "combobox", autoComplete: "off", spellCheck: false, value: words,
          "aria-expanded": open, "aria-controls": `${id}-list`, "aria-autocomplete": "list",
          "aria-activedescendant": open && shown.length ? `${id}-option-${active}` : undefined,
          placeholder: chosen.length ? "" : placeholder,
          onChange: (ev) => { setWords(ev.target.value); setActive(0); setOpen(true); }, onKeyDown,
        })),
      list);
  };

  /* ---------------------------------------------------------------------------------------- the table of experiments */
  const RunTable = ({ id, data }) => {
    const { columns, rows, first, total, best, wrong } = data || { columns: [], rows: [], first: 0, total: 0, best: {} };
    const place = useRef(null);
    const [ahead, setAhead] = useState({}); // what was checked and is not drawn yet
    useEffect(() => setAhead((old) => Object.fromEntries(Object.entries(old).filter(([name, is]) =>
      rows.some(([row, colour]) => row === name && !!colour !== is)))), [data]);
    const page = () => window.tbbridge.pageOf(place.current);
    const height = () => { const row = place.current.querySelector("tbody tr[data-name]"); return row ? row.offsetHeight : 34; };
    /* The rows around what is in view are here; the server is asked for others as the table is scrolled. */
    const onScroll = () => {
      const at = Math.floor(place.current.scrollTop / height()), known = first + rows.length;
      const seen = Math.ceil(place.current.clientHeight / height());
      if ((at < first && first > 0) || (at + seen > known && known < total)) page().set("from", String(Math.max(at - 12, 0)));
    };
    useEffect(() => { if (data && place.current.clientHeight) onScroll(); }, [data]); // it was scrolled on meanwhile
    const sort = (column) => {
      const now = page() && page().controls.sort;
      page().set("sort", now === `-${column}` ? column : now === column ? "" : `-${column}`);
      page().set("from", "0");
      place.current.scrollTop = 0;
    };
    const by = place.current && page() ? page().controls.sort : "";
    const order = (column) => (by === column ? "ascending" : by === `-${column}` ? "descending" : undefined);
    const space = (count) => count > 0 && e("tr", { "aria-hidden": true, style: { height: count * (place.current ? height() : 34) } }, e("td", { colSpan: columns.length + 1 }));
    return e("div", { id, ref: place, className: "tb-runs", tabIndex: 0, role: "region", "aria-label": "Rows of the table", onScroll },
      wrong && e("p", { role: "alert" }, wrong),
      e("table", { "aria-rowcount": total + 1 },
        e("thead", null, e("tr", null,
          e("th", { scope: "col" }, e("span", { className: "tb-unseen" }, "On the charts")),
          columns.map((column) => e("th", { key: column, scope: "col", "aria-sort": order(column) },
            e("button", { type: "button", onClick: () => sort(column), title: column }, column.replace(/^hparam\./, ""), { ascending: " ↑", descending: " ↓" }[order(column)]))))),
        e("tbody", null,
          space(first),
          rows.map(([name, colour, ...cells], i) => e("tr", { key: name, "data-name": name, "aria-rowindex": first + i + 2 },
            e("td", null, e("input", { type: "checkbox", checked: Object.hasOwn(ahead, name) ? ahead[name] : !!colour, "aria-label": `Draw ${name}`, style: { accentColor: colour || undefined }, onChange: (ev) => { setAhead({ ...ahead, [name]: ev.target.checked }); page().pick(name); } })),
            e("th", { scope: "row", title: name, style: { borderLeftColor: colour || "transparent" } }, name),
            cells.map((cell, at) => e("td", {
              key: at, title: cell.length > 24 ? cell : undefined, "data-label": columns[at + 1],
              className: cls(!at && "tb-word", best[columns[at + 1]] === name && "tb-best"),
            }, cell)))),
          space(total - first - rows.length))),
      data && !total && e("p", null, "No experiment fits the filter."));
  };

  /* ------------------------------------------------------------------------------------------------- a place to draw */
  const Plot = ({ id, config }) => {
    const place = useRef(null);
    useEffect(() => {
      const plot = place.current;
      plot.tbConfig = config;
      const sizes = new ResizeObserver(() => { if (plot._fullLayout && !plot._dragging) window.tbbridge.Plotly.Plots.resize(plot); });
      sizes.observe(plot);
      return () => { sizes.disconnect(); if (plot._fullLayout) window.tbbridge.Plotly.purge(plot); };
    }, []);
    return e("div", { id, ref: place, role: "figure", "aria-label": "Chart" });
  };

  return { Checkbox, Slider, Hidden, Text, Radios, Select, Picker, RunTable, Plot };
})();
