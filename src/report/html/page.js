
"use strict";
(() => {
  if (navigator.clipboard) {
    for (const typed of document.querySelectorAll(".advice pre")) {
      const text = typed.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text).then(() => (button.textContent = "copied"), () => (button.textContent = "select it"));
      });
      typed.append(button);
    }
  }
  const form = document.querySelector(".filter");
  const page = document.documentElement;
  if (page.dataset.refresh) {
    // What is opened, typed or marked would be lost: whoever is at it has some time.
    let touched = 0;
    const touch = () => (touched = performance.now());
    for (const kind of ["keydown", "pointerdown", "wheel", "input"]) addEventListener(kind, touch);
    const isRead = () => form?.querySelector("[type=search]").value || document.querySelector("td details[open]") || !getSelection().isCollapsed;
    setInterval(() => {
      const seconds = (performance.now() - touched) / 1000;
      if (seconds >= (isRead() ? 10 : 1) * page.dataset.refresh) location.reload();
    }, 1000);
  }
  if (!form) return;
  const words = form.querySelector("#words");
  const said = form.querySelector("output");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const codes = [...document.querySelectorAll(".code")].map((card) => ({
    card,
    rows: [...card.querySelectorAll("tbody > tr")].map((row) => ({ row, text: null })),
    name: card.querySelector("h3").textContent,
    was: card.open,
  }));
  const total = codes.reduce((sum, code) => sum + code.rows.length, 0);

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const levels = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const { card, rows, name, was } of codes) {
      let here = 0;
      for (const one of rows) {
        one.text ??= (name + " " + one.row.textContent).toLowerCase();
        const is = wanted.every((word) => one.text.includes(word));
        one.row.hidden = !is;
        here += is;
      }
      const is = levels.has(card.dataset.severity) && here > 0;
      card.hidden = !is;
      card.open = wanted.length > 0 || was;
      if (is) shown += here;
    }
    said.textContent = shown === total ? `${total} shown` : `${shown} of ${total} shown`;
  };

  const sort = (header, column) => {
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = header.closest("table").tBodies[0];
    const key = (row) => (row.cells[column].querySelector("summary") ?? row.cells[column]).textContent;
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
    body.append(...rows.map(([, row]) => row));
  };

  for (const header of document.querySelectorAll(".code thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(header, header.cellIndex));
    header.replaceChildren(button);
  }
  for (const { card } of codes) {
    card.querySelector("summary").addEventListener("click", () => {
      codes.find((code) => code.card === card).was = !card.open;
    });
  }
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      words.focus();
    }
  });
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".code:not([open])")) {
      details.open = true;
      opened.push(details);
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened.splice(0)) details.open = false;
  });
  filter();
})();
