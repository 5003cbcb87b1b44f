"""The page around an HTML drawing: its looks, and the script that folds, zooms, drags and explains."""

from __future__ import annotations

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><!--TITLE--></title>
<style>
/*COLORS*/
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--background); color: var(--text);
  font: 14px 'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif;
}
header { display: flex; flex-wrap: wrap; gap: 8px; align-items: baseline; padding: 12px 16px 8px; }
header h1 { font-size: 16px; margin: 0; }
.known { color: var(--muted); }
header nav { margin-left: auto; display: flex; gap: 6px; }
header button {
  font: inherit; font-size: 12px; padding: 4px 10px; border: 1px solid var(--muted); border-radius: 6px;
  background: none; color: inherit; cursor: pointer;
}
header button:hover, header button:focus-visible { border-color: var(--text); }
main { overflow: auto; padding: 0 10px 24px; cursor: grab; touch-action: pan-x pan-y; }
main.dragging { cursor: grabbing; user-select: none; }
.strip { display: inline-flex; align-items: flex-start; transform-origin: 0 0; position: relative; }
.strip svg { display: block; flex: none; position: relative; overflow: visible; pointer-events: none; z-index: 1; }
.strip svg.links { position: absolute; z-index: 0; left: 0; top: 0; }
.strip svg g { pointer-events: auto; }
.strip line.s-wire, .strip line.s-classical { shape-rendering: crispEdges; }
.strip .labels { position: sticky; left: 0; background: var(--background); z-index: 5; }
.around, .section, .piece, .fold { display: inline-flex; flex: none; position: relative; }
.piece.opened, .fold.open > .piece.closed { display: none; }
.fold.open > .piece.opened { display: inline-flex; }
.section svg.filler { flex: 1 0 0; width: 0; min-width: 0; }
.frame { position: absolute; left: 6px; right: 6px; border: 1px solid; border-radius: 6px; }
.frame.loop { background: var(--loop-fill); border-color: var(--loop-edge); }
.frame.branch { background: var(--branch-fill); border-color: var(--branch-edge); }
.frame.opened { background: var(--opened-fill); border: 1px dashed var(--opened-edge); }
.heading {
  position: absolute; left: 0; right: 4px; z-index: 2; display: flex; gap: 6px; margin: 0; padding: 1px 2px;
  border: 0; background: none; font: bold 11.5px 'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif;
  text-align: left; white-space: nowrap;
}
.heading .badge { font-weight: normal; margin-left: auto; }
button.heading { cursor: pointer; }
.section.loop > .heading { color: var(--loop-ink); }
.section.branch > .heading { color: var(--branch-ink); }
.section.opened > .heading { color: var(--opened-ink); }
.rule { position: absolute; left: -1px; border-left: 1px dashed var(--branch-edge); }
.fold.call > .closed g.operation { cursor: pointer; }
.fold.call > .closed g.operation:hover { filter: brightness(0.94); }
.fold.call > .closed g.operation:focus { outline: none; }
.fold.call > .closed g.operation:focus-visible { outline: 2px solid var(--text); outline-offset: 2px; }
button.heading:hover, button.heading:focus-visible { text-decoration: underline; }
#tip {
  position: fixed; z-index: 9; display: none; max-width: 60ch; padding: 6px 10px; border-radius: 6px;
  background: var(--text); color: var(--background); font: 12px 'DejaVu Sans Mono', Consolas, monospace;
  white-space: pre-wrap; pointer-events: none;
}
</style>
</head>
<body>
<header>
<h1><!--TITLE--></h1><!--KNOWN-->
<nav>
<button type="button" data-act="unfold">Unfold all</button>
<button type="button" data-act="fold">Fold all</button>
<button type="button" data-act="out" aria-label="Zoom out">−</button>
<button type="button" data-act="in" aria-label="Zoom in">+</button>
</nav>
</header>
<main><!--DRAWING--></main>
<div id="tip" role="tooltip"></div>
<script>
(() => {
  const main = document.querySelector("main"), strip = document.querySelector(".strip"), tip = document.getElementById("tip");
  let zoom = 1, drag = null, moved = false;
  const turn = (fold, open) => {
    fold.classList.toggle("open", open);
    fold.querySelectorAll(":scope > .closed > svg > g.operation").forEach(box => box.setAttribute("aria-expanded", open));
  };
  document.querySelectorAll(".fold.call > .closed > svg > g.operation").forEach(box => {
    box.setAttribute("tabindex", "0");
    box.setAttribute("role", "button");
    box.setAttribute("aria-expanded", "false");
    box.setAttribute("aria-label", "unfold " + box.closest(".fold").dataset.label);
  });
  const handle = target => target.closest("button.heading") || target.closest(".fold.call > .closed > svg > g.operation");
  const act = target => {
    const hit = handle(target);
    const fold = hit && hit.closest(".fold");
    if (!fold) return false;
    const open = !fold.classList.contains("open"), focused = hit.contains(document.activeElement);
    turn(fold, open);
    fit();
    const shown = fold.querySelector(`:scope > .${open ? "opened" : "closed"}`);
    const other = shown.querySelector(":scope > svg > g.operation") || shown.querySelector("button.heading");
    if (focused && other) other.focus({ preventScroll: true });
    return true;
  };
  const isSeen = node => node.getClientRects().length > 0;
  const read = (node, ...names) => names.map(name => +node.getAttribute(name));
  const write = (node, name, value) => node.setAttribute(name, value);
  const vertical = {
    line: node => [read(node, "y1", "y2"), (a, b) => { write(node, "y1", a); write(node, "y2", b); }],
    rect: node => {
      const [y, height] = read(node, "y", "height");
      return [[y, y + height], (a, b) => { write(node, "y", a); write(node, "height", b - a); }];
    },
    circle: node => {
      const [y, radius] = read(node, "cy", "r");
      return [[y - radius, y + radius], a => write(node, "cy", a + radius)];
    },
    text: node => {
      const [y, size] = read(node, "y", "font-size");
      return [[y - size, y], (a, b) => write(node, "y", b)];
    },
    path: node => {
      const y = +node.getAttribute("d").match(/[\\d.]+ ([\\d.]+)/)[1];
      return [[y, y], a => write(node, "transform", `translate(0 ${a - y})`)];
    },
  };
  const shapes = [...strip.querySelectorAll("line, rect, circle, text, path")].filter(
    node => node.tagName !== "text" || node.textContent).map(node => [node, ...vertical[node.tagName](node)]);
  const slices = [...strip.querySelectorAll("svg")], height = parseFloat(strip.style.height), row = +strip.dataset.row;
  const fit = () => {
    const reach = new Map();
    [...strip.querySelectorAll(".around")].reverse().forEach(around => {
      const frame = around.querySelector(":scope > .frame");
      let top = +frame.dataset.top, bottom = +frame.dataset.bottom;
      around.querySelectorAll(":scope > .section .frame").forEach(inner => {
        if (!isSeen(inner)) return;
        const [start, end] = reach.get(inner);
        top = Math.min(top, start - strip.dataset.title);
        bottom = Math.max(bottom, end + +strip.dataset.skirt);
      });
      reach.set(frame, [top, bottom]);
    });
    const seen = shapes.filter(([node]) => isSeen(node)).flatMap(([, ends]) => ends);
    for (const [frame, [top, bottom]] of reach) if (isSeen(frame)) seen.push(top, bottom);
    seen.sort((a, b) => a - b);
    const cuts = seen.map((y, k) => [y, Math.round(k ? Math.max(0, y - seen[k - 1] - row) : Math.max(0, y - 10))]);
    const gaps = cuts.filter(([, cut]) => cut);
    const at = y => gaps.reduce((found, [from, cut]) => y >= from ? found - cut : found, y);
    shapes.forEach(([, ends, put]) => put(...ends.map(at)));
    const end = at(height) - Math.max(0, height - seen[seen.length - 1] - row);
    [...slices].forEach(slice => write(slice, "height", end));
    strip.style.height = end + "px";
    for (const [frame, ends] of reach) {
      const [top, bottom] = ends.map(at);
      const around = frame.parentElement;
      [frame, ...around.querySelectorAll(":scope > .section > .rule")].forEach(part => {
        part.style.top = top + "px";
        part.style.height = bottom - top + "px";
      });
      around.querySelectorAll(":scope > .section > .heading").forEach(title => { title.style.top = top + 1 + "px"; });
    }
  };
  const scale = value => { zoom = Math.min(4, Math.max(0.2, value)); strip.style.zoom = zoom; };
  strip.addEventListener("click", event => { if (!moved) act(event.target); });
  strip.addEventListener("keydown", event => {
    const pressed = (event.key === "Enter" || event.key === " ") && !event.target.matches("button");
    if (pressed && act(event.target)) event.preventDefault();
  });
  document.querySelector("nav").addEventListener("click", event => {
    const what = event.target.dataset.act;
    if (what === "in" || what === "out") scale(zoom * (what === "in" ? 1.25 : 0.8));
    if (what !== "fold" && what !== "unfold") return;
    document.querySelectorAll(".fold").forEach(fold => turn(fold, what === "unfold"));
    fit();
  });
  main.addEventListener("wheel", event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    scale(zoom * Math.exp(-event.deltaY / 400));
  }, { passive: false });
  main.addEventListener("pointerdown", event => {
    moved = false;
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    drag = [event.clientX, event.clientY, main.scrollLeft, window.scrollY];
  });
  window.addEventListener("pointermove", event => {
    if (!drag) return;
    const [x, y, left, top] = drag;
    if (Math.hypot(event.clientX - x, event.clientY - y) > 4) { moved = true; main.classList.add("dragging"); }
    if (moved) { main.scrollLeft = left + x - event.clientX; window.scrollTo(0, top + y - event.clientY); }
  });
  window.addEventListener("pointerup", () => { drag = null; main.classList.remove("dragging"); });
  const say = target => {
    const spot = target.closest("[data-tip]") || target.closest(".around")?.querySelector(":scope > .frame");
    tip.style.display = spot && spot.dataset.tip ? "block" : "none";
    if (spot) tip.textContent = spot.dataset.tip;
  };
  const stand = (x, y) => {
    tip.style.left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8) + "px";
    const below = y + tip.offsetHeight + 24 <= innerHeight;
    tip.style.top = (below ? y + 16 : y - tip.offsetHeight - 10) + "px";
  };
  main.addEventListener("pointerover", event => say(event.target));
  main.addEventListener("pointermove", event => stand(event.clientX, event.clientY));
  main.addEventListener("focusin", event => {
    if (!event.target.matches(":focus-visible")) return;
    const box = event.target.getBoundingClientRect();
    say(event.target);
    stand(box.left, box.bottom);
  });
  main.addEventListener("focusout", () => { tip.style.display = "none"; });
  main.addEventListener("pointerleave", () => { tip.style.display = "none"; });
  fit();
})();
</script>
</body>
</html>
"""
