// Images. Nothing is fetched from elsewhere: a picture that does not come from this server is shown as a frame
// with its text and a link, so that the page never tells a third party who is looking.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { safeUrl } from "./mrkdwn.js";

const LOCAL = /^data:image\/(png|jpe?g|gif|webp|svg\+xml);/i;

function localUrl(url) {
  if (!url) return null;
  if (LOCAL.test(url)) return url;
  try {
    return new URL(url, location.href).origin === location.origin ? url : null;
  } catch {
    return null;
  }
}

/** Draw an image object: {image_url | slack_file, alt_text}. */
export function picture(object, kind = "image") {
  const url = object.image_url || object.slack_file?.url || object.slack_file?.url_private;
  const alt = object.alt_text || "";
  const local = localUrl(url);
  if (local) return h("img", { class: kind, src: local, alt, loading: "lazy" });
  if (kind !== "image")
    return h("span", { class: `${kind} image-away`, role: "img", "aria-label": alt, title: alt }, icon("eye", 14));
  const href = safeUrl(url);
  return h(
    "div",
    { class: "image-away" },
    icon("eye", 20),
    h("span", null, alt || "Image"),
    href && h("a", { class: "link", href, target: "_blank", rel: "noopener noreferrer" }, "Open the image"),
  );
}
