// What keys do. Single letters count only while the canvas or nothing has the focus.

const BRUSHES = { f: "foreground", b: "background", u: "unknown", e: "erase" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN = 60;

export function listen(scene, brush, does) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const used = event.ctrlKey || event.metaKey ? withControl(key, event, does) : alone(key, event);
    if (used) event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") brush.spaceHeld = false;
  });

  function alone(key, event) {
    const on = document.activeElement;
    if (on !== scene.canvas && on !== document.body) return false;
    if (!scene.picture) return false;
    if (key in ARROWS) arrow(ARROWS[key], event);
    else if (key === "Enter" && on === scene.canvas) brush.toggle();
    else if (key === " ") brush.spaceHeld = true;
    else if (key in BRUSHES) does.choose(BRUSHES[key]);
    else if (key === "g") brush.cross ? brush.fill(brush.cross.at) : does.toggleFill();
    else if (key in does.letters) does.letters[key]();
    else return false;
    return true;
  }

  function arrow([dx, dy], event) {
    if (event.altKey) {
      scene.viewport.pan(-dx * PAN, -dy * PAN);
      does.moved();
    } else brush.step(dx, dy, event.shiftKey);
  }
}

function withControl(key, event, does) {
  if (key === "z") does.order(event.shiftKey ? "redo" : "undo");
  else if (key === "y") does.order("redo");
  else return false;
  return true;
}
