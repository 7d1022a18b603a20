// A map of points: zoom, pan, hover, click, and draw around points. Nothing of it needs WebGL.
const KEYS = "Arrow keys go to the next point that way, plus and minus zoom, 0 shows all, Escape selects nothing.";
const element = (tag, parent, attributes = {}) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
};

// Drawn once for each colour and mark, then stamped: ten thousand points are moved in a few milliseconds.
const stamps = new Map();
function stamp(colour, letter, r, edge) {
  const fine = window.devicePixelRatio || 1;
  const key = [colour, letter, r, edge, fine].join();
  if (!stamps.has(key)) {
    const sheet = document.createElement("canvas");
    sheet.width = sheet.height = Math.ceil(4 * r * fine);
    const ink = sheet.getContext("2d");
    ink.scale(fine, fine);
    ink.translate(2 * r, 2 * r);
    ink.beginPath();
    MARKS[letter](ink, r);
    ink.closePath();
    ink.fillStyle = colour;
    ink.fill();
    if (edge) { ink.lineWidth = 1.2; ink.strokeStyle = edge; ink.stroke(); }
    stamps.set(key, sheet);
  }
  return stamps.get(key);
}

function inside(x, y, corners) {
  let odd = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [[ax, ay], [bx, by]] = [corners[i], corners[j]];
    if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

export default {
  render({ model, el }) {
    el.classList.add("ik-points");
    const title = element("div", el, { class: "ik-points-title" });
    const canvas = element("canvas", el, { tabindex: "0", role: "application", title: KEYS });
    const tools = element("div", el, { class: "ik-tools" });
    const lasso = element("button", tools, { type: "button", "aria-pressed": "false" });
    const all = element("button", tools, { type: "button" });
    [lasso.textContent, all.textContent] = ["Lasso", "Whole map"];
    lasso.title = "Drag around points to select them; without it a drag moves the map";
    const legend = element("div", el, { class: "ik-legend" });
    for (const node of [canvas, lasso, all]) node.setAttribute("data-lm-suppress-shortcuts", "true");

    let [xy, kinds, chosen] = [new Float32Array(0), new Uint16Array(0), new Set()];
    let [zoom, shiftX, shiftY, only, path, held] = [1, 0, 0, null, null, null];
    const bytes = (name) => { const view = model.get(name); return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength); };
    const count = () => xy.length / 2;
    const radius = () => count() > 1500 ? 2.5 : 4;

    // One scale for both axes: distances are to be compared. The known points fill the map; new ones may lie outside.
    let [middle, span] = [[0, 0], 1];
    function measure() {
      const known = model.get("known");
      const ends = [Infinity, -Infinity, Infinity, -Infinity];
      for (let i = 0; i < known; i++) {
        ends[0] = Math.min(ends[0], xy[2 * i]); ends[1] = Math.max(ends[1], xy[2 * i]);
        ends[2] = Math.min(ends[2], xy[2 * i + 1]); ends[3] = Math.max(ends[3], xy[2 * i + 1]);
      }
      middle = [(ends[0] + ends[1]) / 2, (ends[2] + ends[3]) / 2];
      span = [Math.max(ends[1] - ends[0], 1e-6), Math.max(ends[3] - ends[2], 1e-6)];
    }
    function scale() {
      return zoom * Math.min((canvas.clientWidth - 28) / span[0], (canvas.clientHeight - 28) / span[1]);
    }
    function place(i) {
      const s = scale();
      return [canvas.clientWidth / 2 + (xy[2 * i] - middle[0]) * s + shiftX,
              canvas.clientHeight / 2 - (xy[2 * i + 1] - middle[1]) * s + shiftY];
    }

    let due = false;
    function draw() {
      if (due) return;
      due = true;
      requestAnimationFrame(() => { due = false; paint(); });
    }
    function paint() {
      const [width, height, fine] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
      if (width === 0) return;
      [canvas.width, canvas.height] = [Math.round(width * fine), Math.round(height * fine)];
      const ink = canvas.getContext("2d");
      const [r, styles, known] = [radius(), model.get("legend"), model.get("known")];
      const faint = (i) => (chosen.size > 0 && !chosen.has(i)) || (only !== null && kinds[i] !== only);
      for (const front of [false, true]) {
        ink.globalAlpha = front ? 0.9 : 0.2;
        for (let i = 0; i < count(); i++) {
          if (faint(i) === front) continue;
          const [, colour, mark] = styles[kinds[i]];
          const later = i >= known;
          const sheet = stamp(colour, later ? "X" : mark, later ? r + 2.5 : r, later ? "#000" : "");
          const [x, y] = place(i);
          const half = sheet.width / 2;
          ink.drawImage(sheet, Math.round(x * fine - half), Math.round(y * fine - half));
        }
      }
      ink.globalAlpha = 1;
      ink.scale(fine, fine);
      const ring = (i, reach, colour) => {
        ink.beginPath();
        ink.arc(...place(i), reach, 0, 7);
        ink.lineWidth = 2;
        ink.strokeStyle = colour;
        ink.stroke();
      };
      for (const i of model.get("far")) ring(i, r + 8, "#d55e00");
      if (model.get("point") < count()) ring(model.get("point"), r + 5, "#000");
      if (path) {
        ink.beginPath();
        for (const [x, y] of path) ink.lineTo(x, y);
        ink.fillStyle = "rgba(0, 114, 178, 0.15)";
        ink.strokeStyle = "#0072b2";
        ink.fill();
        ink.stroke();
      }
    }

    function nearest(x, y, within = 18) {
      let [best, least] = [-1, within];
      for (let i = 0; i < count(); i++) {
        if (only !== null && kinds[i] !== only) continue;
        const [a, b] = place(i);
        const far = Math.hypot(a - x, b - y);
        if (far < least) [best, least] = [i, far];
      }
      return best;
    }
    function say(name, value) {
      model.set(name, value);
      model.save_changes();
    }
    function look(i) {
      if (i < 0 || i === model.get("hovered")) return;
      say("hovered", i);
    }
    const here = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    function zoomBy(factor, [x, y] = [canvas.clientWidth / 2, canvas.clientHeight / 2]) {
      const wanted = Math.min(Math.max(zoom * factor, 0.2), 60);
      const [left, top] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
      [shiftX, shiftY] = [left - (left - shiftX) * wanted / zoom, top - (top - shiftY) * wanted / zoom];
      zoom = wanted;
      draw();
    }
    function whole() { [zoom, shiftX, shiftY] = [1, 0, 0]; draw(); }
    function select(list) { say("selected", list); }

    canvas.addEventListener("pointerdown", (event) => {
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      held = { at: here(event), moved: false };
      if (lasso.getAttribute("aria-pressed") === "true" || event.shiftKey) path = [held.at];
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = here(event);
      if (!held) { look(nearest(x, y)); return; }
      held.moved ||= Math.hypot(x - held.at[0], y - held.at[1]) > 4;
      if (path) path.push([x, y]);
      else if (held.moved) {
        [shiftX, shiftY] = [shiftX + x - held.at[0], shiftY + y - held.at[1]];
        held.at = [x, y];
      }
      draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (path && held?.moved) {
        const corners = path;
        select([...Array(count()).keys()].filter((i) => inside(...place(i), corners)));
      } else if (held && !held.moved) {
        const i = nearest(...here(event));
        select(i < 0 ? [] : [i]);
      }
      [held, path] = [null, null];
      draw();
    });
    canvas.addEventListener("pointercancel", () => { [held, path] = [null, null]; draw(); });
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas) return;  // the page scrolls, until somebody clicked on the map
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 400), here(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const acts = {
        "+": () => zoomBy(1.3), "=": () => zoomBy(1.3), "-": () => zoomBy(1 / 1.3), 0: whole, Escape: () => select([]),
      };
      const way = ways[event.key];
      if (way) {
        const [x, y] = place(model.get("point"));
        let [best, least] = [-1, Infinity];
        for (let i = 0; i < count(); i++) {  // the nearest in the quarter that the arrow points to
          const [a, b] = place(i);
          const [along, aside] = [(a - x) * way[0] + (b - y) * way[1], Math.abs((a - x) * way[1] + (b - y) * way[0])];
          const far = Math.hypot(along, 2 * aside);
          if (along > 0.5 && along >= aside && far < least) [best, least] = [i, far];
        }
        look(best);
      } else if (acts[event.key]) acts[event.key]();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    lasso.addEventListener("click", () => {
      const on = lasso.getAttribute("aria-pressed") !== "true";
      lasso.setAttribute("aria-pressed", on);
      canvas.style.cursor = on ? "crosshair" : "";
    });
    all.addEventListener("click", whole);

    function drawLegend() {
      const [entries, ends] = [model.get("legend"), model.get("ends")];
      legend.replaceChildren();
      only = null;
      if (ends.length) {
        const bar = element("span", legend, { class: "ik-bar" });
        bar.style.background = `linear-gradient(to right, ${entries.map((entry) => entry[1]).join()})`;
        bar.before(ends[0]);
        bar.after(ends[1]);
        return;
      }
      entries.forEach(([text, colour, mark], code) => {
        const key = element("button", legend, { type: "button", "aria-pressed": "false", title: "Show these alone" });
        const sign = element("canvas", key, { width: 28, height: 28 });
        const ink = sign.getContext("2d");
        ink.translate(14, 14);
        ink.beginPath();
        MARKS[mark](ink, 9);
        ink.closePath();
        ink.fillStyle = colour;
        ink.fill();
        key.append(text);  // as text: a label may be anything
        key.addEventListener("click", () => {
          only = only === code ? null : code;
          [...legend.children].forEach((each, i) => each.setAttribute("aria-pressed", i === only));
          draw();
        });
      });
    }
    const follow = {
      xy: () => { xy = new Float32Array(bytes("xy")); measure(); },
      kinds: () => { kinds = new Uint16Array(bytes("kinds")); },
      selected: () => { chosen = new Set(model.get("selected")); },
      title: () => { title.textContent = model.get("title"); },
      legend: drawLegend, ends: drawLegend,
      alt: () => canvas.setAttribute("aria-label", model.get("alt")),
    };
    for (const name of ["known", "point", "far", ...Object.keys(follow)]) {
      follow[name]?.();
      model.on(`change:${name}`, () => { follow[name]?.(); draw(); });
    }
    const observer = new ResizeObserver(draw);
    observer.observe(canvas);
    draw();
    return () => { observer.disconnect(); model.off(); };
  },
};
