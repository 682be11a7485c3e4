// Draws the picture in one of the views, strokes that the server has not confirmed, the brush and marks.

import { Plane, packed, paintAlpha, paintLabels } from "./tiles.js";
import { Viewport } from "./viewport.js";

const CELL = 12;

export class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.scratch = document.createElement("canvas");
    this.viewport = new Viewport();
    this.look = { view: "overlay", opacity: 0.5, backdrop: "#ffffff", divider: 0.5, colours: {}, tint: false };
    this.strokes = () => [];
    this.brush = null; // {at, radius}: where the brush is, in the picture
    this.marks = [];
    this.own = null;
    this.clear();
  }

  clear() {
    this.photos = new Map();
    this.foregrounds = new Map();
    this.alpha = this.labels = null;
    this.picture = null;
    this.marks = [];
    this.ask();
  }

  open(picture) {
    this.clear();
    this.picture = this.viewport.picture = picture;
    this.resize();
    this.viewport.fit();
    this.ask();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(clientWidth * ratio));
    const height = Math.max(1, Math.round(clientHeight * ratio));
    if (width === this.canvas.width && height === this.canvas.height) return;
    for (const canvas of [this.canvas, this.scratch]) [canvas.width, canvas.height] = [width, height];
    Object.assign(this.viewport, { width, height });
    this.ask();
  }

  // Planes of the level that is seen.
  planes() {
    const level = this.viewport.level;
    if (this.alpha?.level === level) return;
    const { width, height } = this.picture;
    const alpha = new Plane(width, height, level, paintAlpha);
    const labels = new Plane(width, height, level, paintLabels(this.packedColours()));
    alpha.begin(this.alpha);
    labels.begin(this.labels);
    [this.alpha, this.labels] = [alpha, labels];
  }

  packedColours() {
    const { foreground, background, unknown } = this.look.colours;
    return {
      foreground: packed(foreground),
      background: packed(background),
      unknown: this.look.tint ? packed(unknown, 130) : 0,
    };
  }

  recolour() {
    if (this.labels) {
      this.labels.paint = paintLabels(this.packedColours());
      this.labels.repaint();
    }
    this.ask();
  }

  put(tile) {
    if (!this.picture || this.alpha?.level !== tile.level) return;
    this[tile.kind].put(tile);
    this.ask();
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    const { context, canvas } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.picture) return;
    context.save();
    context.beginPath();
    context.rect(...this.frame());
    context.clip();
    this.drawView();
    this.drawStrokes();
    context.restore();
    this.drawMarks();
    this.drawBrush();
  }

  frame() {
    const { x, y, scale } = this.viewport;
    return [x, y, this.picture.width * scale, this.picture.height * scale];
  }

  drawView() {
    const { context, look } = this;
    if (look.view === "photograph") this.drawPhoto(context);
    else if (look.view === "overlay") {
      this.drawPhoto(context);
      context.globalAlpha = look.opacity;
      this.drawPlane(context, this.labels);
      context.globalAlpha = 1;
    } else if (look.view === "matte") {
      context.fillStyle = "#000";
      context.fillRect(...this.frame());
      this.drawPlane(context, this.alpha);
    } else this.drawCutout();
  }

  drawCutout() {
    const { context, look } = this;
    this.drawBackdrop();
    const scratch = this.scratch.getContext("2d");
    scratch.globalCompositeOperation = "copy";
    this.drawPhoto(scratch, this.nearest(this.foregrounds) ?? this.nearest(this.photos));
    scratch.globalCompositeOperation = "destination-in";
    this.drawPlane(scratch, this.alpha);
    context.drawImage(this.scratch, 0, 0);
    if (look.view === "split") this.drawBefore();
  }

  drawBackdrop() {
    const { context, look } = this;
    if (look.view === "colour") {
      context.fillStyle = look.backdrop;
      context.fillRect(...this.frame());
    } else if (look.view === "background" && this.own) this.drawCovering(this.own);
    else {
      context.fillStyle = this.pattern();
      context.fillRect(...this.frame());
    }
  }

  drawBefore() {
    const { context, look } = this;
    const divider = this.canvas.width * look.divider;
    context.save();
    context.beginPath();
    context.rect(0, 0, divider, this.canvas.height);
    context.clip();
    this.drawPhoto(context);
    context.restore();
    context.fillStyle = "#fff";
    context.fillRect(divider - 1, 0, 3, this.canvas.height);
    context.fillStyle = "#000";
    context.fillRect(divider, 0, 1, this.canvas.height);
  }

  // A background covers the picture, as propmat.pictures.fitted has it.
  drawCovering(bitmap) {
    const [x, y, width, height] = this.frame();
    const ratio = Math.max(width / bitmap.width, height / bitmap.height);
    const [w, h] = [bitmap.width * ratio, bitmap.height * ratio];
    this.context.drawImage(bitmap, x + (width - w) / 2, y + (height - h) / 2, w, h);
  }

  drawPhoto(context, photo = this.nearest(this.photos)) {
    if (photo) this.drawAt(context, photo.bitmap, photo.level);
    else context.clearRect(...this.frame());
  }

  drawPlane(context, plane) {
    if (plane) this.drawAt(context, plane.canvas, plane.level);
    else context.clearRect(...this.frame());
  }

  drawAt(context, source, level) {
    const { x, y, scale } = this.viewport;
    context.imageSmoothingEnabled = scale * 2 ** level < 3;
    context.drawImage(source, x, y, source.width * 2 ** level * scale, source.height * 2 ** level * scale);
  }

  // The bitmap of the level that is seen, or else of a finer one, or else of the finest.
  nearest(bitmaps) {
    const levels = [...bitmaps.keys()].sort((one, other) => one - other);
    const level = levels.filter((one) => one <= this.viewport.level).pop() ?? levels[0];
    return level === undefined ? null : { level, bitmap: bitmaps.get(level) };
  }

  drawStrokes() {
    const { context, viewport, look } = this;
    context.lineCap = context.lineJoin = "round";
    context.globalAlpha = look.view === "overlay" ? look.opacity : 0.5;
    for (const stroke of this.strokes()) {
      context.strokeStyle = { ...look.colours, erase: "#888888" }[stroke.label];
      context.lineWidth = Math.max(1, 2 * stroke.radius * viewport.scale);
      context.beginPath();
      stroke.points.forEach((point, k) => context[k ? "lineTo" : "moveTo"](...viewport.toCanvas(point)));
      if (stroke.points.length === 1) context.lineTo(...viewport.toCanvas(stroke.points[0]));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  drawMarks() {
    for (const { at } of this.marks) this.ring(this.viewport.toCanvas([at[0] + 0.5, at[1] + 0.5]), 11, "#ffd400", 3);
  }

  drawBrush() {
    if (!this.brush) return;
    const { at, radius, cross, down } = this.brush;
    const centre = this.viewport.toCanvas(at);
    this.ring(centre, Math.max(2, radius * this.viewport.scale), down ? "#ffd400" : "#ffffff", down ? 3 : 1.5);
    if (!cross) return;
    this.context.fillStyle = "#ffd400";
    this.context.fillRect(centre[0] - 6, centre[1] - 1, 12, 2);
    this.context.fillRect(centre[0] - 1, centre[1] - 6, 2, 12);
  }

  ring([x, y], radius, colour, width) {
    const { context } = this;
    for (const [style, line] of [["#000000", width + 2], [colour, width]]) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  pattern() {
    if (!this.checks) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 2 * CELL;
      const context = tile.getContext("2d");
      context.fillStyle = "#ffffff";
      context.fillRect(0, 0, 2 * CELL, 2 * CELL);
      context.fillStyle = "#bdbdbd";
      context.fillRect(0, 0, CELL, CELL);
      context.fillRect(CELL, CELL, CELL, CELL);
      this.checks = this.context.createPattern(tile, "repeat");
    }
    return this.checks;
  }
}
