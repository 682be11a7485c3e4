// The page: what its controls do, and what it shows of the state of a picture.

import { Brush } from "./brush.js";
import { Exporting } from "./exporting.js";
import { listen } from "./keys.js";
import { Link } from "./link.js";
import { Scene } from "./scene.js";
import { json, query, request } from "./server.js";

const $ = (id) => document.getElementById(id);
const kept = JSON.parse(localStorage.getItem("propmat studio") ?? "{}");
const keep = (fields) => localStorage.setItem("propmat studio", JSON.stringify(Object.assign(kept, fields)));

const scene = new Scene($("painting"));
const brush = new Brush(scene, { link: () => link, moved, told: (text) => announce(text) });
let link = null;
let picture = null; // {id, name, width, height}
let state = null;
let about = null;

// Pictures

let opening = 0;

// Of several that are asked for one after another the last is shown, in whatever order the server answers.
async function open(id) {
  const number = ++opening;
  const found = await json(`/api/pictures/${id}`);
  if (number === opening) show(found);
}

function show(found) {
  brush.leave();
  link?.close();
  link = state = null;
  picture = found;
  const { id } = picture;
  history.replaceState(null, "", `#${id}`);
  $("empty").hidden = true;
  $("remove").disabled = false;
  $("pictures").value = id;
  document.title = `${picture.name} – propmat studio`;
  scene.open(picture);
  sizeBrush();
  link = new Link(id, { tile: (tile) => scene.put(tile), state: update, error: complain, lost });
  scene.strokes = () => link?.pending.values() ?? [];
  moved();
}

const names = new Map();

async function listPictures() {
  names.clear();
  for (const { id, name } of await json("/api/pictures")) names.set(id, name);
  const options = [...names].map(([id, name]) => new Option(name, id));
  $("pictures").replaceChildren(...options);
  $("pictures").hidden = !options.length;
}

async function add(file) {
  await trying(async () => {
    tell("reading …", "");
    const { id } = await json(`/api/pictures?${query({ name: file.name })}`, { method: "POST", body: file });
    await listPictures();
    await open(id);
  });
}

async function importLabels(kind, file) {
  await trying(() => request(`${base()}/import?${query({ kind, width: bandWidth() })}`, { method: "POST", body: file }));
}

async function remove() {
  if (!picture || !confirm(`Delete ${picture.name} with all its strokes?`)) return;
  link.pending.clear();
  link.close();
  await trying(async () => {
    try {
      await request(base(), { method: "DELETE" });
    } catch (error) {
      await open(picture.id);
      throw error;
    }
    history.replaceState(null, "", location.pathname + location.search);
    location.reload();
  });
}

const base = () => `/api/pictures/${picture.id}`;

// Bitmaps of the photograph, and of its foreground under an exact matte, at the level that is seen.

const fetching = new Set();

async function fetchPhoto(layer = "photo") {
  const { id } = picture;
  const level = scene.viewport.level;
  const version = layer === "photo" ? 0 : state.version;
  const bitmaps = layer === "photo" ? scene.photos : scene.foregrounds;
  const name = `${layer} ${level} ${id} ${version}`;
  if (bitmaps.has(level) || fetching.has(name)) return;
  fetching.add(name);
  await trying(async () => {
    const answer = await request(`/api/pictures/${id}/photo?${query({ level, layer })}`);
    const bitmap = await createImageBitmap(await answer.blob());
    if (bitmaps === (layer === "photo" ? scene.photos : scene.foregrounds)) bitmaps.set(level, bitmap);
    scene.ask();
  });
  fetching.delete(name);
}

const needsForeground = () =>
  state?.phase === "exact" && ["checkerboard", "colour", "background", "split"].includes(scene.look.view);

// State

function moved() {
  if (!picture) return;
  scene.planes();
  link?.look(scene.viewport.seen);
  fetchPhoto();
  if (needsForeground()) fetchPhoto("foreground");
  scene.ask();
}

const WORDS = {
  waiting: "paint some foreground and some background",
  preview: "preview",
  "8 bits": "preview, right to 8 bits",
  exact: "exact",
};

function update(now) {
  if (state?.version !== now.version || now.phase !== "exact") scene.foregrounds = new Map();
  state = now;
  tellPhase();
  $("state").dataset.version = now.version;
  $("undo").disabled = !now.undo;
  $("redo").disabled = !now.redo;
  $("export").disabled = false;
  $("method").value = now.method;
  $("about").textContent = about.methods[now.method];
  $("band").disabled = now.source.kind !== "mask";
  if (now.source.width) showBand(now.source.width);
  showFindings(now.findings);
  if (now.note) complain(now.note);
  if (needsForeground()) fetchPhoto("foreground");
  measure(now);
  scene.ask();
}

function showFindings(findings) {
  $("odd").hidden = !findings.length;
  scene.marks = [];
  const entries = findings.map((sentence) => {
    const place = sentence.match(/first at \((\d+), (\d+)\)/);
    const entry = document.createElement("li");
    const text = document.createElement(place ? "button" : "span");
    text.textContent = sentence;
    entry.append(text);
    if (place) {
      const at = [Number(place[2]), Number(place[1])];
      scene.marks.push({ at });
      text.onclick = () => goTo(at);
    }
    return entry;
  });
  $("findings").replaceChildren(...entries);
}

function goTo(at) {
  const { viewport } = scene;
  viewport.zoom(Math.max(viewport.scale, 2));
  const [x, y] = viewport.toCanvas(at);
  viewport.pan(viewport.width / 2 - x, viewport.height / 2 - y);
  moved();
}

// How long after a stroke the page shows what, for `performance.getEntriesByType("measure")`.
let measured = { id: "", names: new Set() };

function measure(now) {
  const id = now.stroke;
  if (measured.id !== id) measured = { id, names: new Set() };
  const ended = now.strokes.includes(id);
  const once = (name, from) => {
    if (measured.names.has(name) || !performance.getEntriesByName(`${from} ${id}`).length) return;
    measured.names.add(name);
    requestAnimationFrame(() => performance.measure(name, { start: `${from} ${id}`, detail: id }));
  };
  once("preview", "begin");
  if (ended && ["8 bits", "exact"].includes(now.phase)) once("8 bits", "end");
  if (ended && now.phase === "exact") once("exact", "end");
}

async function lost() {
  try {
    await json(base());
  } catch (error) {
    // A server that answers tells that the picture is gone, or that the token is old.
    tell(error instanceof TypeError ? "the server does not answer; strokes are kept" : error.message, "");
  }
}

function tellPhase() {
  const seconds = state?.phase === "exact" ? `, ${state.seconds.toFixed(1)} s` : "";
  tell(state ? WORDS[state.phase] + seconds : "open a picture", state?.phase ?? "");
}

function tell(text, phase) {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").dataset.phase = phase;
}

let announced = 0;

function announce(text) {
  scene.canvas.title = text;
}

function complain(message) {
  $("notice").textContent = message;
  $("notice").hidden = false;
  clearTimeout(announced);
  announced = setTimeout(() => ($("notice").hidden = true), 9000);
}

async function trying(work) {
  try {
    await work();
  } catch (error) {
    complain(error.message);
    tellPhase();
    if (picture) $("pictures").value = picture.id;
  }
}

// Brushes

function choose(label) {
  brush.label = label;
  for (const button of document.querySelectorAll(".brush"))
    button.setAttribute("aria-pressed", button.dataset.label === label);
}

function toggleFill() {
  brush.filling = !brush.filling;
  $("fill").setAttribute("aria-pressed", brush.filling);
}

// From one pixel to half of the picture, in equal ratios.
function sizeBrush() {
  const longest = picture ? Math.max(picture.width, picture.height) / 2 : 500;
  const diameter = Math.max(1, longest ** (Number($("size").value) / 100));
  brush.radius = diameter < 1.5 ? 0.5 : diameter / 2;
  $("diameter").textContent = `${Math.round(diameter)} px`;
  keep({ size: $("size").value });
  if (scene.brush) scene.brush.radius = brush.radius;
  scene.ask();
}

function resizeBrush(by) {
  $("size").value = Number($("size").value) + by;
  sizeBrush();
}

const order = (name) => link?.send({ type: "order", name });

// Width of the band: the slider is in percent of a tenth of the longer side.

function bandWidth() {
  return `${(Number($("band").value) / 10).toFixed(1)}%`;
}

function showBand(width) {
  if (document.activeElement === $("band") || !width.endsWith("%")) return;
  $("band").value = 10 * parseFloat(width);
  $("width").textContent = width;
}

let bandAsked = 0;

function changeBand() {
  $("width").textContent = bandWidth();
  clearTimeout(bandAsked);
  bandAsked = setTimeout(() => link?.send({ type: "band", width: bandWidth() }), 120);
}

// Views

function changeLook() {
  const colours = Object.fromEntries(
    ["foreground", "background", "unknown"].map((label) => [label, $(`colour-${label}`).value]),
  );
  const look = {
    view: $("view").value,
    opacity: Number($("opacity").value),
    backdrop: $("backdrop").value,
    divider: Number($("divider").value),
    tint: $("tint").checked,
    colours,
  };
  scene.look = look;
  keep({ look });
  for (const element of document.querySelectorAll("[data-for]")) element.hidden = element.dataset.for !== look.view;
  for (const [label, name] of Object.entries({ foreground: "fg", background: "bg", unknown: "un" }))
    document.querySelector(`.${name}`).style.background = colours[label];
  if (picture && needsForeground()) fetchPhoto("foreground");
  scene.recolour();
}

function nextView() {
  $("view").selectedIndex = ($("view").selectedIndex + 1) % $("view").options.length;
  changeLook();
}

function restoreLook() {
  const { look, size } = kept;
  if (size) $("size").value = size;
  if (!look) return;
  for (const name of ["view", "opacity", "backdrop", "divider"]) $(name).value = look[name];
  $("tint").checked = look.tint;
  for (const [label, colour] of Object.entries(look.colours)) $(`colour-${label}`).value = colour;
}

function zoomTo(scale) {
  scene.viewport.zoom(scale);
  moved();
}

function fit() {
  scene.viewport.fit();
  moved();
}

// Wiring

const chosen = (input, use) =>
  ($(input).onchange = async () => {
    const [file] = $(input).files;
    $(input).value = "";
    if (file) await use(file);
  });

chosen("open", add);
chosen("mask", (file) => importLabels("mask", file));
chosen("trimap", (file) => importLabels("trimap", file));
chosen("background", (file) =>
  trying(async () => {
    scene.own = await createImageBitmap(file);
    scene.ask();
  }),
);
$("pictures").onchange = () => trying(() => open($("pictures").value));
window.onbeforeunload = (event) => {
  if (link?.pending.size) event.preventDefault(); // the browser asks whether to leave
};
$("undo").onclick = () => order("undo");
$("redo").onclick = () => order("redo");
$("clear").onclick = () => order("clear");
$("remove").onclick = remove;
$("fit").onclick = fit;
$("one").onclick = () => zoomTo(1);
$("in").onclick = () => zoomTo(scene.viewport.scale * 1.5);
$("out").onclick = () => zoomTo(scene.viewport.scale / 1.5);
$("fill").onclick = toggleFill;
$("size").oninput = sizeBrush;
$("band").oninput = changeBand;
$("method").onchange = () => link?.send({ type: "settings", method: $("method").value });
for (const button of document.querySelectorAll(".brush")) button.onclick = () => choose(button.dataset.label);
for (const name of ["view", "opacity", "backdrop", "divider", "tint", "colour-foreground", "colour-background", "colour-unknown"])
  $(name).oninput = changeLook;

document.body.ondragover = (event) => event.preventDefault();
document.body.ondrop = (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) add(file);
};
new ResizeObserver(() => {
  scene.resize();
  moved();
}).observe($("painting"));
listen(scene, brush, {
  choose,
  toggleFill,
  order,
  moved,
  letters: {
    "[": () => resizeBrush(-3),
    "]": () => resizeBrush(3),
    "+": () => $("in").click(),
    "=": () => $("in").click(),
    "-": () => $("out").click(),
    0: fit,
    1: () => zoomTo(1),
    v: nextView,
  },
});

await trying(async () => {
  restoreLook();
  about = await json("/api/about");
  $("method").replaceChildren(...Object.keys(about.methods).map((name) => new Option(name, name)));
  new Exporting(() => picture.id, about.formats);
  changeLook();
  sizeBrush();
  await listPictures();
  const wanted = location.hash.slice(1);
  const first = names.has(wanted) ? wanted : names.keys().next().value;
  if (first) await open(first);
});
