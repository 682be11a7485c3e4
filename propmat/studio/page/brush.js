// Pointers and keys on the canvas become strokes, fills and movements of the picture.

const OPPOSITE = { foreground: "background", background: "foreground", unknown: "erase", erase: "unknown" };
const TOUCH_SLOP = 4; // pixels that a finger moves before it paints: a second finger may follow

export class Brush {
  constructor(scene, on) {
    this.scene = scene;
    this.on = on; // {link(), moved(), told()}
    this.label = "foreground";
    this.filling = false;
    this.radius = 10;
    this.stroke = null;
    this.last = null;
    this.pointers = new Map();
    this.cross = null;
    this.spaceHeld = false;
    this.listen(scene.canvas);
  }

  listen(canvas) {
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("blur", () => {
      this.spaceHeld = false;
      if (this.cross?.down) this.lift();
    });
  }

  at(event) {
    const ratio = window.devicePixelRatio || 1;
    const place = this.scene.canvas.getBoundingClientRect();
    return [(event.clientX - place.left) * ratio, (event.clientY - place.top) * ratio];
  }

  down(event) {
    if (!this.scene.picture) return;
    this.scene.canvas.focus({ preventScroll: true });
    this.scene.canvas.setPointerCapture(event.pointerId);
    const at = this.at(event);
    this.pointers.set(event.pointerId, at);
    this.cross = null;
    if (this.pointers.size > 1) this.pinch();
    else if (event.button === 1 || this.spaceHeld) this.panning = at;
    else if (event.pointerType === "touch") this.touched = { at, event };
    else this.press(at, event);
  }

  press(at, event) {
    const point = this.scene.viewport.toPicture(at);
    const label = event.button === 2 ? OPPOSITE[this.label] : this.label;
    if (this.filling) this.fill(point, label);
    else this.begin(event.shiftKey && this.last ? [this.last, point] : [point], label, event.shiftKey);
  }

  move(event) {
    const at = this.at(event);
    const known = this.pointers.get(event.pointerId);
    if (known) this.pointers.set(event.pointerId, at);
    if (this.pinched) this.stretch();
    else if (this.panning) this.shift(at);
    else if (this.touched && known) this.drag(at, event);
    else if (this.stroke && known) this.draw(event);
    if (event.pointerType !== "touch") this.hover(this.scene.viewport.toPicture(at));
  }

  drag(at, event) {
    const { at: start, event: first } = this.touched;
    if (Math.hypot(at[0] - start[0], at[1] - start[1]) < TOUCH_SLOP) return;
    this.touched = null;
    this.press(start, first);
    if (this.stroke) this.draw(event);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.touched && event.type === "pointerup") this.press(this.touched.at, this.touched.event);
    this.touched = this.panning = null;
    if (this.pinched) this.pinched = this.pointers.size > 1 ? this.span() : null;
    else if (this.stroke) this.end();
  }

  pinch() {
    this.touched = null;
    if (this.stroke) this.end();
    this.pinched = this.span();
  }

  span() {
    const [[x, y], [u, v]] = [...this.pointers.values()];
    return { centre: [(x + u) / 2, (y + v) / 2], length: Math.max(1, Math.hypot(u - x, v - y)) };
  }

  stretch() {
    const before = this.pinched;
    const now = (this.pinched = this.span());
    const { viewport } = this.scene;
    viewport.pan(now.centre[0] - before.centre[0], now.centre[1] - before.centre[1]);
    viewport.zoom((viewport.scale * now.length) / before.length, now.centre);
    this.on.moved();
  }

  shift(at) {
    this.scene.viewport.pan(at[0] - this.panning[0], at[1] - this.panning[1]);
    this.panning = at;
    this.on.moved();
  }

  wheel(event) {
    event.preventDefault();
    const { viewport } = this.scene;
    if (event.shiftKey) viewport.pan(-event.deltaY - event.deltaX, 0);
    else viewport.zoom(viewport.scale * Math.exp(-Math.max(-240, Math.min(240, event.deltaY)) / 400), this.at(event));
    this.on.moved();
  }

  // Another picture is going to be shown.
  leave() {
    if (this.stroke) this.end();
    this.pointers.clear();
    this.touched = this.panning = this.pinched = this.cross = this.last = null;
    this.hover(null);
  }

  begin(points, label, straight = false) {
    if (this.stroke) this.end(); // keys and the mouse may both paint
    const link = this.on.link();
    if (!link) return;
    const id = identifier();
    performance.mark(`begin ${id}`);
    this.straight = straight;
    this.stroke = link.begin({ id, label, radius: Math.round(100 * this.radius) / 100, points: points.map(rounded) });
    if (!straight) link.flush(this.stroke);
    this.scene.ask();
  }

  draw(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.extend(this.scene.viewport.toPicture(this.at(one)));
  }

  extend(point) {
    const { points } = this.stroke;
    const [x, y] = points[points.length - 1];
    if (this.straight) {
      if (points.length > 1) points.pop();
      points.push(rounded(point));
    } else if (Math.hypot(point[0] - x, point[1] - y) >= Math.max(0.35, 0.15 * this.radius)) points.push(rounded(point));
    else return;
    this.scene.ask();
    if (!this.straight) this.sendSoon();
  }

  // Once for each picture that the display shows.
  sendSoon() {
    if (this.sending) return;
    this.sending = requestAnimationFrame(() => {
      this.sending = 0;
      if (this.stroke) this.on.link()?.flush(this.stroke);
    });
  }

  end() {
    const { stroke } = this;
    this.stroke = null;
    stroke.end = true;
    this.last = stroke.points[stroke.points.length - 1];
    performance.mark(`end ${stroke.id}`);
    this.on.link()?.flush(stroke);
    this.scene.ask();
  }

  fill(point, label = this.label) {
    this.on.link()?.send({ type: "fill", label, point: rounded(point) });
  }

  hover(point) {
    this.scene.brush = point && { at: point, radius: this.radius };
    this.scene.ask();
  }

  // Painting by keys: a cross that arrows move.
  showCross() {
    const { viewport, picture } = this.scene;
    if (!this.cross) {
      const middle = viewport.toPicture([viewport.width / 2, viewport.height / 2]);
      this.cross = { at: within(middle, picture), down: false };
    }
    this.scene.brush = { at: this.cross.at, radius: this.radius, cross: true, down: this.cross.down };
    this.scene.ask();
    return this.cross;
  }

  step(dx, dy, fine) {
    const cross = this.showCross();
    const length = fine ? 1 : Math.max(1, Math.round(this.radius));
    cross.at = within([cross.at[0] + dx * length, cross.at[1] + dy * length], this.scene.picture);
    if (cross.down && this.stroke) this.extend(cross.at);
    this.showCross();
    this.on.told(`${Math.floor(cross.at[0])}, ${Math.floor(cross.at[1])}`);
  }

  toggle() {
    const cross = this.showCross();
    if (cross.down) this.lift();
    else {
      cross.down = true;
      this.begin([cross.at], this.label);
    }
    this.showCross();
  }

  lift() {
    this.cross.down = false;
    if (this.stroke) this.end();
  }
}

// crypto.randomUUID is missing where the address is not that of this computer.
const identifier = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join("-");

const rounded = ([x, y]) => [Math.round(100 * x) / 100, Math.round(100 * y) / 100];

const within = ([x, y], { width, height }) => [
  Math.min(width - 0.5, Math.max(0.5, x)),
  Math.min(height - 0.5, Math.max(0.5, y)),
];
