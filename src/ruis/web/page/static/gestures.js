// Fingers, mouse and wheel on the stage: they move and zoom, and know nothing of what is shown.

const WHEEL = 0.0016; // of the logarithm of the scale, per unit that a wheel reports
const LINE = 16; // pixels of a wheel that counts lines

/**
 * Listen on an element. `onPan(dx, dy)` and `onZoom(factor, point)` get CSS pixels, points from the
 * element's left top; `free(event)` says whether a pointer that goes down is ours.
 */
export function listen(element, { onPan, onZoom, onDouble, free }) {
  const pointers = new Map();
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !free(event)) return;
    pointers.set(event.pointerId, at(event));
    element.setPointerCapture(event.pointerId);
    element.classList.add("held");
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (pointers.size === 1) onPan(now.x - before.x, now.y - before.y);
    if (pointers.size === 2) pinch(event.pointerId, before, now);
    pointers.set(event.pointerId, now);
  });
  const up = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) element.classList.remove("held");
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);

  function pinch(id, before, now) {
    const [other] = [...pointers].filter(([key]) => key !== id).map(([, point]) => point);
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    onPan((now.x - before.x) / 2, (now.y - before.y) / 2);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    onZoom(distance(now) / distance(before), middle);
  }

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? LINE : 1);
      const faster = event.ctrlKey ? 4 : 1; // so a touchpad reports a pinch
      onZoom(Math.exp(-pixels * WHEEL * faster), at(event));
    },
    { passive: false },
  );
  element.addEventListener("dblclick", (event) => free(event) && onDouble(at(event)));
}
