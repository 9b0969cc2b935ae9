// Light and dark: what the machine says, unless the person chose otherwise here.

import { redraw } from "./store.js";

const KEY = "local-slack-theme";
const machine = matchMedia("(prefers-color-scheme: dark)");

const chosen = () => localStorage.getItem(KEY);

/** Whether the page is dark now. */
export const isDark = () => (chosen() ? chosen() === "dark" : machine.matches);

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

/** Change to the other one, and remember it. */
export function switchTheme() {
  localStorage.setItem(KEY, isDark() ? "light" : "dark");
  apply();
  redraw();
}

/** Apply the theme and follow the machine. */
export function startTheme() {
  apply();
  machine.addEventListener("change", () => {
    apply();
    redraw();
  });
}
