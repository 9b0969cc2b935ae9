// Keeping the keyboard inside a dialog, and giving the focus back where it was.

const REACHABLE = "a[href],button:not([disabled]),input:not([disabled]),textarea:not([disabled]),select,[tabindex='0']";

/** The elements of a box one can tab to, in order. */
export const reachable = (box) =>
  [...box.querySelectorAll(REACHABLE)].filter((one) => one.tabIndex >= 0 && one.getClientRects().length);

/** A keydown handler's help: Tab at the last element goes to the first, and the other way about. */
export function trap(event) {
  if (event.key !== "Tab") return;
  const all = reachable(event.currentTarget);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const leaving = event.shiftKey ? at <= 0 : at === all.length - 1 || at < 0;
  if (!leaving) return;
  event.preventDefault();
  all[event.shiftKey ? all.length - 1 : 0].focus();
}
