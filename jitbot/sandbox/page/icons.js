// The line icons of the page, as inline SVG drawn with the colour of the text around them.

import { h } from "./dom.js";

const PATHS = {
  hash: "M8 3 6.5 17M13.5 3 12 17M4 7.5h13M3 12.5h13",
  lock: "M5.5 9h9v7.5h-9zM7.5 9V6.5a2.5 2.5 0 0 1 5 0V9",
  archive: "M3 4.5h14v3H3zM4.5 7.5v8h11v-8M8 10.5h4",
  caret: "m6 8 4 4 4-4",
  right: "m8 5 5 5-5 5",
  left: "m12 5-5 5 5 5",
  back: "M16 10H4m5-5-5 5 5 5",
  close: "m5 5 10 10M15 5 5 15",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  search: "M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10Zm3.7-1.3L16.5 16.5",
  send: "M3.5 4 17 10 3.5 16l1.8-6Zm1.8 6H10",
  thread: "M3.5 4.5h13v9H9l-3.5 3v-3h-2z",
  more: "M10 5v.01M10 10v.01M10 15v.01",
  dots: "M5 10v.01M10 10v.01M15 10v.01",
  people:
    "M7.5 10a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2ZM2.5 16c0-2.8 2-4.3 5-4.3s5 1.5 5 4.3M13 5.2a2.4 2.4 0 0 1 0 4.6M14.5 12c1.9.5 3 1.9 3 4",
  home: "M3.5 9 10 3.5 16.5 9v7.5h-4.5v-4.5h-4v4.5h-4.5Z",
  moon: "M16 12.2A6.7 6.7 0 0 1 7.8 4a6.7 6.7 0 1 0 8.2 8.2Z",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
  tools: "M11.5 7.5 4 15l1.5 1.5L13 9M12 5.5 14.5 3 17 5.5 14.5 8Z",
  calendar: "M3.5 5h13v11.5h-13zM3.5 8.5h13M7 3v3.5M13 3v3.5",
  clock: "M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM10 6.5V10l2.5 1.5",
  file: "M5 3h6.5L15 6.5V17H5zM11.5 3v3.5H15",
  play: "m7 4.5 8.5 5.5L7 15.5Z",
  warning: "M10 3.5 17.5 16.5h-15ZM10 8.5v4M10 14.5v.01",
  info: "M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM10 9.5v4M10 6.8v.01",
  eye: "M2.5 10c2-3.3 4.5-5 7.5-5s5.5 1.7 7.5 5c-2 3.3-4.5 5-7.5 5s-5.5-1.7-7.5-5ZM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  bolt: "M11 2.5 4.5 11.5h5L9 17.5l6.5-9h-5Z",
  menu: "M3.5 5.5h13M3.5 10h13M3.5 14.5h13",
  up: "m6 12 4-4 4 4",
  mention: "M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm3-3v1.5c0 2.5 3.5 2 3.5-1.5A6.5 6.5 0 1 0 13 15.8",
  smile: "M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM7.5 8v.01M12.5 8v.01M7 11.5c1.5 2.3 4.5 2.3 6 0",
  plus: "M10 4.5v11M4.5 10h11",
  pen: "M4 16l.7-3.2L13 4.5 15.5 7l-8.3 8.3Z",
};

/** An icon; it is decoration, so its button or link must carry the name. */
export function icon(name, size = 20) {
  return h(
    "svg",
    {
      class: `icon icon-${name}`,
      viewBox: "0 0 20 20",
      width: size,
      height: size,
      "aria-hidden": "true",
      focusable: "false",
    },
    h("path", { d: PATHS[name] || PATHS.dots }),
  );
}
