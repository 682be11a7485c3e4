// The socket of a picture: strokes go up, tiles and states come down. A lost connection is made again, and strokes
// that the server has not confirmed are sent again. A link that is closed goes on until all are confirmed.

import { socketAddress } from "./server.js";

const HEAD = 16;
const KINDS = ["alpha", "labels"];

export class Link {
  constructor(picture, on) {
    this.picture = picture;
    this.on = on;
    this.pending = new Map(); // strokes by identifier: {message, sent, end}
    this.view = null;
    this.closed = false;
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(socketAddress(this.picture));
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => {
      if (this.done) return;
      if (!this.closed) this.on.lost();
      setTimeout(() => this.done || this.connect(), 700);
    };
  }

  opened() {
    if (this.view && !this.closed) this.send(this.view);
    for (const stroke of this.pending.values()) {
      stroke.sent = 0;
      this.flush(stroke);
    }
  }

  close() {
    this.closed = true;
    if (this.done) this.socket.close();
  }

  get done() {
    return this.closed && !this.pending.size;
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  look(view) {
    const known = this.view;
    if (known && Object.keys(view).every((key) => known[key] === view[key])) return;
    this.view = view;
    this.send(view);
  }

  begin(stroke) {
    this.pending.set(stroke.id, { ...stroke, sent: 0, end: false });
    return this.pending.get(stroke.id);
  }

  // Sends the points of a stroke that were not sent, the last sent one again so that the line goes on from it.
  flush(stroke) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    while (stroke.sent < stroke.points.length || (stroke.end && !stroke.told)) {
      const from = Math.max(0, stroke.sent - 1);
      const points = stroke.points.slice(from, from + 1000);
      stroke.sent = from + points.length;
      const end = stroke.end && stroke.sent === stroke.points.length;
      stroke.told = end;
      const { id, label, radius } = stroke;
      this.send({ type: "stroke", id, label, radius, points, end });
    }
  }

  receive(data) {
    if (typeof data === "string") {
      if (!this.closed) this.on.error(JSON.parse(data).message);
      return;
    }
    const begin = 4 + new DataView(data).getUint32(0, true);
    const state = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, begin - 4)));
    for (const id of state.strokes) this.pending.delete(id);
    if (this.closed) {
      this.close();
      return;
    }
    for (const tile of tilesOf(data, begin)) this.on.tile(tile);
    this.on.state(state);
  }
}

function* tilesOf(data, begin) {
  for (let at = begin; at < data.byteLength; ) {
    const [kind, level, row, column, height, width] = new Uint16Array(data.slice(at, at + HEAD));
    const bytes = new Uint8Array(data, at + HEAD, height * width);
    yield { kind: KINDS[kind], level, row, column, height, width, bytes };
    at += HEAD + bytes.length;
  }
}
