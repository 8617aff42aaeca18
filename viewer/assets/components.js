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

  const Text = ({ id, label, value, className, setProps }) =>
    e("label", { ref: useAnnounced(id, value), className: cls("tb-text", className) },
      e("span", null, label),
      e("input", { id, type: "text", autoComplete: "off", value: value || "", onChange: (ev) => setProps({ value: ev.target.value }) }));

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
        options.map((option) => e("option", { key: option, value: option }, option))));

  /* ---------------------------------------------------------------- a combobox that finds and picks several of many */
  const SHOWN = 100;

  const find = (options, words, chosen) => {
    const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = options.filter((name) => { const low = name.toLowerCase(); return parts.every((p) => low.includes(p)); });
    const exact = fits.indexOf(words);
    if (exact > 0) fits.unshift(...fits.splice(exact, 1));
    if (!parts.length) fits.sort((a, b) => chosen.has(b) - chosen.has(a));
    return fits;
  };

  const Picker = ({ id, label, value, options, colours, placeholder, total, className, setProps }) => {
    const chosen = value || [], names = options || [], asks = total !== undefined;
    const [open, setOpen] = useState(false);
    const [words, setWords] = useState("");
    const [active, setActive] = useState(0);
    const box = useAnnounced(id, value), input = useRef(null);
    const picked = useMemo(() => new Set(chosen), [chosen]);
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

    /* Where colours go with places, an empty text keeps the place of what was taken away. */
    const without = (name) => {
      const left = colours ? chosen.map((n) => (n === name ? "" : n)) : chosen.filter((n) => n !== name);
      while (left.length && !left.at(-1)) left.pop();
      return left;
    };
    const with_ = (name) => (chosen.includes("") ? chosen.map((n, i) => (i === chosen.indexOf("") ? name : n)) : [...chosen, name]);
    const toggle = (name) => {
      setProps({ value: picked.has(name) ? without(name) : with_(name) });
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
      if (ev.key === "Backspace" && !words && chosen.length) setProps({ value: without(chosen.at(-1)) });
      if (ev.key === "Tab") setOpen(false);
      if (keys[ev.key]) { ev.preventDefault(); keys[ev.key](); }
    };

    const chips = chosen.map((name, i) => name &&
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

  return { Checkbox, Slider, Text, Radios, Select, Picker, Plot };
})();
