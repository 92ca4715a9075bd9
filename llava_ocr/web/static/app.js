// The record page: fields and boxes light each other, keys decide, a drawn box fills a field. No framework.
"use strict";

const record = document.getElementById("record");
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

// htmx sends forms only where told to; what changes something carries the session's secret.
document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail?.ctx?.request;
  if (request) { request.headers["X-CSRF-Token"] = csrf; }
});

function say(text, isBad = false) {
  const place = document.getElementById("said");
  place.textContent = text;
  place.classList.toggle("bad", isBad);
  place.classList.add("on");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => place.classList.remove("on"), isBad ? 5000 : 1800);
}

if (record) { startRecord(); }
if (matchMedia("(max-width: 900px)").matches) { document.getElementById("fold")?.removeAttribute("open"); }

function startRecord() {
  const SVG = "http://www.w3.org/2000/svg";
  const panel = document.getElementById("panel");
  const pages = document.getElementById("pages");
  const mayReview = record.dataset.mayReview === "1";
  const isReview = record.dataset.review === "1";
  let chosenPath = "";
  let zoom = 1;
  let drawn = null;
  // Keys are carried out one after the other: who types fast must not lose one to an answer that is on its way.
  let turn = Promise.resolve();
  let isEditWaiting = false;

  const fields = () => [...panel.querySelectorAll(".field")].filter((row) => row.offsetParent !== null);
  const fieldAt = (path) => [...panel.querySelectorAll(".field")].find((row) => row.dataset.path === path);
  // One place may be where several fields were read; it is drawn once and belongs to all of them.
  const rectsOf = (path) => [...pages.querySelectorAll("rect")].filter((rect) => rect.paths?.includes(path));

  function drawBoxes() {
    for (const svg of pages.querySelectorAll("svg.boxes")) { svg.replaceChildren(); }
    const known = new Map();
    for (const row of panel.querySelectorAll(".field[data-boxes]")) {
      const svg = pages.querySelector(`figure[data-page="${row.dataset.page}"] svg.boxes`);
      if (!svg) { continue; }
      for (const box of row.dataset.boxes.split(";").filter(Boolean)) {
        const key = `${row.dataset.page} ${box}`;
        if (!known.has(key)) {
          known.set(key, rectangle(box.split(",").map(Number)));
          svg.append(known.get(key));
        }
        known.get(key).paths.push(row.dataset.path);
        if ("look" in row.dataset) { known.get(key).classList.add("look"); }
      }
    }
  }

  function rectangle([x0, y0, x1, y1]) {
    const rect = document.createElementNS(SVG, "rect");
    const [x, y] = [x0 - 0.002, y0 - 0.0015];
    rect.setAttribute("x", x);
    rect.setAttribute("y", y);
    rect.setAttribute("width", Math.max(0, x1 - x + 0.002));
    rect.setAttribute("height", Math.max(0, y1 - y + 0.0015));
    rect.paths = [];
    return rect;
  }

  function light(path) {
    for (const lit of record.querySelectorAll(".lit")) { lit.classList.remove("lit"); }
    const path_ = path || chosenPath;
    if (!path_) { return; }
    fieldAt(path_)?.classList.add("lit");
    for (const rect of rectsOf(path_)) { rect.classList.add("lit"); rect.parentNode.append(rect); }
  }

  function choose(path, { scrollPage = true } = {}) {
    const row = fieldAt(path);
    if (!row) { return; }
    chosenPath = path;
    for (const other of panel.querySelectorAll(".field.chosen")) { other.classList.remove("chosen"); }
    for (let parent = row.parentElement; parent !== panel; parent = parent.parentElement) {
      if (parent.tagName === "DETAILS") { parent.open = true; }
    }
    row.classList.add("chosen");
    if (document.activeElement !== row && !row.contains(document.activeElement)) { row.focus({ preventScroll: true }); }
    row.scrollIntoView({ block: "nearest", inline: "nearest" });
    light(path);
    if (scrollPage) { showOnPage(path); }
  }

  function showOnPage(path) {
    const [rect] = rectsOf(path);
    if (!rect) { return; }
    const place = rect.getBoundingClientRect();
    const view = pages.getBoundingClientRect();
    const isSeen = place.top >= view.top && place.bottom <= view.bottom && place.left >= view.left && place.right <= view.right;
    if (isSeen) { return; }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    pages.scrollBy({
      top: place.top - view.top - (view.height - place.height) / 2,
      left: place.left - view.left - (view.width - place.width) / 2,
      behavior: calm ? "auto" : "smooth",
    });
  }

  function setZoom(next) {
    zoom = Math.min(4, Math.max(0.5, next));
    for (const figure of pages.querySelectorAll("figure")) { figure.style.width = `${zoom * 100}%`; }
    if (chosenPath) { requestAnimationFrame(() => showOnPage(chosenPath)); }
  }

  function step(by, isWanted = () => true) {
    const listed = fields();
    const at = listed.findIndex((row) => row.dataset.path === chosenPath);
    for (let count = 1; count <= listed.length; count += 1) {
      const row = listed[(at + by * count + listed.length * count) % listed.length];
      if (isWanted(row)) { choose(row.dataset.path); return true; }
    }
    return false;
  }

  async function send(address, form) {
    try {
      const answer = await fetch(address, {
        method: "POST",
        headers: { "X-CSRF-Token": csrf, "Content-Type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form),
      });
      if (answer.status === 401 || answer.redirected) { location.reload(); return null; }
      if (!answer.ok) {
        const fault = await answer.json().catch(() => ({ error: "that did not work" }));
        say(fault.error, true);
        return null;
      }
      return answer;
    } catch {
      say("the server does not answer", true);
      return null;
    }
  }

  async function decide(verdict, more = {}) {
    const row = fieldAt(chosenPath);
    if (!row) { say("choose a field first"); return; }
    const path = chosenPath;
    const next = nextPath(path);
    const answer = await send(`/records/${record.dataset.record}/say`, { path, verdict, ...more });
    if (!answer) { return; }
    await refill(answer);
    clearDrawn();
    choose(next && fieldAt(next) ? next : path);
  }

  function nextPath(path) {
    const listed = fields().map((row) => row.dataset.path);
    const at = listed.indexOf(path);
    return listed[at + 1] ?? path;
  }

  async function refill(answer) {
    panel.innerHTML = await answer.text();
    drawBoxes();
  }

  // With fields in doubt the server does nothing (202) and names them, until it is told how many the person was asked about.
  async function approve(doubts = 0) {
    const answer = await send(`/records/${record.dataset.record}/approve`, { doubts });
    if (!answer) { return; }
    if (answer.status === 202) {
      const asked = (await answer.json()).doubts;
      if (await isWanted(asked)) { await approve(asked.length); } else { nextDoubt(); }
      return;
    }
    if (isReview) { location.assign(`/review?skip=${record.dataset.record}`); return; }
    await refill(answer);
    say("approved");
  }

  function isWanted(doubts) {
    const dialog = document.getElementById("doubts");
    const shown = doubts.length > 8 ? [...doubts.slice(0, 7), `and ${doubts.length - 7} more`] : doubts;
    const items = shown.map((text) => Object.assign(document.createElement("li"), { textContent: text }));
    dialog.querySelector("ul").replaceChildren(...items);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "approve"), { once: true });
    });
  }

  const nextDoubt = () => step(1, (row) => "look" in row.dataset) || say("nothing doubtful left");

  async function undo() {
    const answer = await send(`/records/${record.dataset.record}/undo`, {});
    if (!answer) { return; }
    await refill(answer);
    const paths = answer.headers.get("X-Undone");
    say(paths ? "taken back" : "nothing of yours to take back");
    if (chosenPath) { choose(chosenPath); }
  }

  function edit(text, isFromPage = false) {
    const row = fieldAt(chosenPath);
    const template = document.getElementById("edit-template");
    if (!row || !template) { say("choose a field first"); return; }
    let form = panel.querySelector("form.edit");
    if (form && form.closest(".field") !== row) { form.remove(); form = null; }
    if (!form) {
      form = template.content.firstElementChild.cloneNode(true);
      (row.tagName === "TR" ? row.children[1] : row).append(form);
      form.elements.text.value = row.dataset.value;
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const more = { text: form.elements.text.value, ...(drawn ?? {}) };
        turn = turn.then(() => decide("correct", more));
      });
      form.querySelector('[data-edit="cancel"]').addEventListener("click", () => closeEdit(row));
    }
    if (text !== undefined) { form.elements.text.value = text; }
    form.elements.text.focus();
    if (!isFromPage) { form.elements.text.select(); }
  }

  function closeEdit(row) {
    panel.querySelector("form.edit")?.remove();
    clearDrawn();
    row?.focus();
  }

  function clearDrawn() {
    drawn = null;
    for (const rect of pages.querySelectorAll("rect.drawn")) { rect.remove(); }
  }

  // Drawing a box: press and move on a page; a press without a move chooses the field there.
  function startDrawing(svg, down) {
    const area = svg.getBoundingClientRect();
    const at = (event) => [
      Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)),
      Math.min(1, Math.max(0, (event.clientY - area.top) / area.height)),
    ];
    const start = at(down);
    let rect = null;
    const move = (event) => {
      const end = at(event);
      if (!rect && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < 6) { return; }
      const box = [Math.min(start[0], end[0]), Math.min(start[1], end[1]), Math.max(start[0], end[0]), Math.max(start[1], end[1])];
      rect?.remove();
      if (!rect) { clearDrawn(); svg.classList.add("drawing"); }
      rect = rectangle(box);
      rect.classList.add("drawn");
      rect.box = box;
      svg.append(rect);
    };
    const end = () => {
      svg.removeEventListener("pointermove", move);
      svg.removeEventListener("pointerup", end);
      svg.removeEventListener("pointercancel", end);
      svg.classList.remove("drawing");
      if (rect) { readBox(svg.closest("figure").dataset.page, rect.box); }
    };
    svg.setPointerCapture(down.pointerId);
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerup", end);
    svg.addEventListener("pointercancel", end);
  }

  async function readBox(page, [x0, y0, x1, y1]) {
    if (!chosenPath) { say("choose the field that this is for, then draw again"); clearDrawn(); return; }
    const query = new URLSearchParams({ x0, y0, x1, y1 });
    const answer = await fetch(`/documents/${record.dataset.document}/pages/${page}/words?${query}`);
    if (!answer.ok) { say("the words of this page can't be read", true); return; }
    const words = await answer.json();
    if (!words.text) { say("no words there; type them"); }
    drawn = { page_index: page, boxes: JSON.stringify(words.boxes.length ? words.boxes : [[x0, y0, x1, y1]]) };
    edit(words.text || undefined, true);
  }

  panel.addEventListener("mouseover", (event) => {
    const row = event.target.closest(".field");
    if (row) { light(row.dataset.path); }
  });
  panel.addEventListener("mouseleave", () => light(""));
  panel.addEventListener("focusin", (event) => {
    const row = event.target.closest(".field");
    if (row && row.dataset.path !== chosenPath) { choose(row.dataset.path); }
  });
  panel.addEventListener("click", (event) => {
    const link = event.target.closest("[data-goto]");
    if (link) { event.preventDefault(); choose(link.dataset.goto); return; }
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act) { turn = turn.then(() => acts[act]?.()); return; }
    const row = event.target.closest(".field");
    if (row && !event.target.closest("form")) { choose(row.dataset.path); }
  });
  panel.addEventListener("dblclick", (event) => {
    const row = event.target.closest(".field");
    if (row && mayReview && !event.target.closest("form")) { choose(row.dataset.path); edit(); }
  });
  pages.addEventListener("mouseover", (event) => light(event.target.paths?.[0] ?? ""));
  pages.addEventListener("mouseleave", () => light(""));
  pages.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest("svg.boxes");
    if (!svg || event.button !== 0) { return; }
    const path = event.target.paths?.[0];
    if (event.pointerType === "mouse" && mayReview && chosenPath) { startDrawing(svg, event); }
    if (path) {
      const choosePath = () => { if (!pages.querySelector("rect.drawn")) { choose(path, { scrollPage: false }); } };
      svg.addEventListener("pointerup", choosePath, { once: true });
    }
  });
  record.addEventListener("click", (event) => {
    const way = event.target.closest("[data-zoom]")?.dataset.zoom;
    if (way) { setZoom(way === "fit" ? 1 : way === "in" ? zoom * 1.35 : zoom / 1.35); }
  });

  function toggleHelp() {
    const keys = document.getElementById("keys");
    if (!keys) { return; }
    keys.hidden = !keys.hidden;
    panel.querySelector('[data-act="help"]')?.setAttribute("aria-expanded", String(!keys.hidden));
  }

  const acts = {
    approve: () => approve(),
    undo,
    help: toggleHelp,
    skip: () => location.assign(`/review?skip=${record.dataset.record}`),
  };
  const keys = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    d: nextDoubt,
    "+": () => setZoom(zoom * 1.35), "-": () => setZoom(zoom / 1.35), 0: () => setZoom(1),
    "?": toggleHelp,
  };
  const reviewKeys = {
    a: () => decide("accept"), Enter: () => decide("accept"), c: () => edit(), x: () => decide("absent"),
    i: () => decide("illegible"), u: undo, A: () => approve(), n: () => isReview && acts.skip(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    const form = event.target.closest?.("form.edit");
    if (form) {
      if (event.key === "Escape") { event.preventDefault(); closeEdit(form.closest(".field")); }
      return;
    }
    if (event.target.closest?.("input, select, textarea, button, a, summary")) { return; }
    if (event.target === pages && event.key.startsWith("Arrow")) { return; }
    const act = keys[event.key] ?? (mayReview ? reviewKeys[event.key] : undefined);
    if (!act) { return; }
    event.preventDefault();
    // What follows a `c` is meant for the field that is about to open.
    if (isEditWaiting) { return; }
    isEditWaiting = event.key === "c";
    turn = turn.then(act).catch((error) => say(String(error), true)).finally(() => { isEditWaiting = false; });
  });

  drawBoxes();
  if (isReview) { step(1, (row) => "look" in row.dataset) || step(1); }
}
