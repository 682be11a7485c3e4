// Planes of a picture at the level that is seen: tiles are put where they belong, and drawn as one canvas.

export const TILE = 256;

export const sizeAt = (length, level) => Math.ceil(length / 2 ** level);

export class Plane {
  constructor(width, height, level, paint) {
    this.level = level;
    this.paint = paint;
    this.canvas = document.createElement("canvas");
    this.canvas.width = sizeAt(width, level);
    this.canvas.height = sizeAt(height, level);
    this.context = this.canvas.getContext("2d");
    this.tiles = new Map();
  }

  put(tile) {
    this.tiles.set(`${tile.row} ${tile.column}`, tile);
    const pixels = this.context.createImageData(tile.width, tile.height);
    this.paint(tile.bytes, new Uint32Array(pixels.data.buffer));
    this.context.putImageData(pixels, TILE * tile.column, TILE * tile.row);
  }

  // Draws another plane where there are no tiles yet.
  begin(other) {
    if (other) this.context.drawImage(other.canvas, 0, 0, this.canvas.width, this.canvas.height);
  }

  repaint() {
    for (const tile of this.tiles.values()) this.put(tile);
  }
}

// White with the matte as transparency: 0xAABBGGRR in the order of bytes of all usual computers.
export function paintAlpha(bytes, pixels) {
  for (let k = 0; k < bytes.length; k++) pixels[k] = (bytes[k] << 24) | 0xffffff;
}

export function paintLabels(colours) {
  return (bytes, pixels) => {
    const table = new Uint32Array(256).fill(colours.unknown);
    table[0] = colours.background;
    table[255] = colours.foreground;
    for (let k = 0; k < bytes.length; k++) pixels[k] = table[bytes[k]];
  };
}

export function packed(colour, opacity = 255) {
  const value = parseInt(colour.slice(1), 16);
  return ((opacity << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}
