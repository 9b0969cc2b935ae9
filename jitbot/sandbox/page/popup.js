// The one open menu, list or calendar. It hangs from an element of the page, lives in its own layer above
// dialogs, and closes on Escape, on a press outside, and when its element goes.

import { h, patch } from "./dom.js";
import { redraw, store } from "./store.js";

let open = null; // {id, anchor, draw, width, align, label, closed}

/** Open a popup; an open one is replaced. `draw` gives its content at every drawing. */
export function openPopup(popup) {
  if (open && open.id !== popup.id) open.closed?.();
  open = { align: "start", ...popup };
  redraw();
}

/** Close the popup; `refocus` gives the focus back to what opened it. */
export function closePopup({ refocus = false } = {}) {
  if (!open) return;
  const { anchor, closed } = open;
  open = null;
  closed?.();
  if (refocus) (anchor.matches("button,input,textarea,a") ? anchor : anchor.querySelector("button,input"))?.focus();
  redraw();
}

export const isOpen = (id) => open?.id === id;

function draw() {
  const layer = document.getElementById("popups");
  if (open && !open.anchor.isConnected) {
    open.closed?.();
    open = null;
  }
  if (!open) return patch(layer, []);
  patch(layer, [h("div", { class: "popup", key: open.id, "data-popup": open.id }, open.draw())]);
  place(layer.firstChild);
}

const GAP = 4;

function place(box) {
  const at = open.anchor.getBoundingClientRect();
  box.style.minWidth = open.width === "anchor" ? `${at.width}px` : "";
  box.style.maxWidth = open.width === "anchor" ? `${Math.max(at.width, 260)}px` : "";
  const below = innerHeight - at.bottom - GAP * 2;
  const above = at.top - GAP * 2;
  const up = open.prefer === "above" ? above > 120 : below < Math.min(box.scrollHeight, 280) && above > below;
  box.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  box.style.top = up ? "" : `${at.bottom + GAP}px`;
  box.style.bottom = up ? `${innerHeight - at.top + GAP}px` : "";
  const left = open.align === "end" ? at.right - box.offsetWidth : at.left;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - box.offsetWidth - 8))}px`;
}

/** Start drawing popups and closing them. */
export function startPopups() {
  store.drawers.add(draw);
  addEventListener("resize", () => open && draw());
  document.addEventListener("scroll", (event) => open && !event.target.closest?.(".popup") && draw(), true);
  document.addEventListener(
    "pointerdown",
    (event) => {
      if (open && !event.target.closest(".popup") && !open.anchor.contains(event.target)) closePopup();
    },
    true,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !open) return;
      // Escape closes the innermost thing only: the list, not the form below it.
      event.stopPropagation();
      event.preventDefault();
      closePopup({ refocus: true });
    },
    true,
  );
}

/** Arrow keys among the items of a menu; Home and End too. */
export function menuKeys(event) {
  const items = [...event.currentTarget.querySelectorAll("[role^=menuitem]:not([disabled])")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") closePopup({ refocus: true });
  if (to === undefined || !items.length) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
}

/** Open a menu of {text, run, danger?, hint?, separator?} below an element. */
export function openMenu(id, anchor, items, { label, align = "end", width } = {}) {
  if (isOpen(id)) return closePopup({ refocus: true });
  const draw = () =>
    h(
      "div",
      {
        class: "menu",
        role: "menu",
        "aria-label": label,
        onkeydown: menuKeys,
        created: (box) => queueMicrotask(() => box.querySelector("[role^=menuitem]")?.focus()),
      },
      items.map((item) => [
        item.separator && h("div", { class: "menu-line", role: "separator" }),
        item.heading
          ? h("div", { class: "menu-heading" }, item.heading)
          : h(
              "button",
              {
                type: "button",
                role: item.checked === undefined ? "menuitem" : "menuitemradio",
                "aria-checked": item.checked === undefined ? undefined : String(item.checked),
                class: item.danger ? "menu-item danger" : "menu-item",
                onclick: () => {
                  closePopup({ refocus: !item.keepFocus });
                  item.run();
                },
              },
              item.before,
              h("span", { class: "menu-text" }, item.text, item.hint && h("span", { class: "menu-hint" }, item.hint)),
              item.after,
            ),
      ]),
    );
  openPopup({ id, anchor, draw, align, width });
}
