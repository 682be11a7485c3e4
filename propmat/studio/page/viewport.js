// Where the picture lies on the canvas: `scale` pixels of the canvas for one of the picture, whose corner is at x, y.

import { TILE, sizeAt } from "./tiles.js";

const MOST = 64;
const LEVELS = 8;

// Pixels of the canvas that a pixel of a plane covers at most: with 1, a picture that is shown at 0.27 of its size would
// have four times the tiles.
const COVERED = 1.2;

// A plane of more pixels or a longer side is not made, because browsers refuse larger canvases.
const MOST_PIXELS = 2 ** 24;
const LONGEST = 2 ** 15 - 1;

export class Viewport {
  constructor() {
    this.scale = 1;
    this.x = this.y = 0;
    this.width = this.height = 1;
    this.picture = { width: 1, height: 1 };
  }

  fit() {
    const { width, height } = this.picture;
    this.scale = Math.min(MOST, 0.96 * Math.min(this.width / width, this.height / height));
    this.x = (this.width - width * this.scale) / 2;
    this.y = (this.height - height * this.scale) / 2;
  }

  get least() {
    const { width, height } = this.picture;
    return Math.min(1, 0.3 * Math.min(this.width / width, this.height / height));
  }

  zoom(scale, at = [this.width / 2, this.height / 2]) {
    const next = Math.min(MOST, Math.max(this.least, scale));
    const ratio = next / this.scale;
    this.x = at[0] - (at[0] - this.x) * ratio;
    this.y = at[1] - (at[1] - this.y) * ratio;
    this.scale = next;
    this.keep();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.keep();
  }

  // Some of the picture stays on the canvas.
  keep() {
    const margin = 40;
    this.x = Math.min(this.width - margin, Math.max(margin - this.picture.width * this.scale, this.x));
    this.y = Math.min(this.height - margin, Math.max(margin - this.picture.height * this.scale, this.y));
  }

  toPicture([x, y]) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  toCanvas([x, y]) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  get level() {
    let level = Math.max(0, Math.min(LEVELS, Math.floor(Math.log2(COVERED / this.scale))));
    const { width, height } = this.picture;
    const tooLarge = ([w, h]) => w * h > MOST_PIXELS || Math.max(w, h) > LONGEST;
    while (tooLarge([sizeAt(width, level), sizeAt(height, level)])) level++;
    return level;
  }

  // The rows and columns of tiles that are seen.
  get seen() {
    const level = this.level;
    const side = TILE * 2 ** level * this.scale;
    const from = (start) => Math.max(0, Math.floor(-start / side));
    const to = (start, length) => Math.max(0, Math.ceil((length - start) / side));
    return {
      type: "view",
      level,
      top: from(this.y),
      bottom: to(this.y, this.height),
      left: from(this.x),
      right: to(this.x, this.width),
    };
  }
}
