// A small virtual DOM: pages are drawn as plain values and patched into place, so that an update from the
// server never costs focus, caret, scroll position or typed text. Text only ever becomes text nodes: nothing
// here can turn what a person or the app wrote into markup.

const SVG = "http://www.w3.org/2000/svg";

/** Describe an element. `key` keeps it the same node when its neighbours change. */
export function h(tag, props, ...children) {
  return { tag, props: props || {}, key: props?.key, children: flat(children) };
}

/** An element that is drawn again only when one of `deps` has changed; for long lists. */
export const lazy = (key, deps, draw) => ({ key, deps, draw });

// An element without a key is known by its place among the arguments, so that one appearing before it
// ("error && h(...)") does not make it somebody else.
function flat(children, into = [], place = "#") {
  children.forEach((child, index) => {
    if (child === null || child === undefined || child === false || child === true || child === "") return;
    if (Array.isArray(child)) flat(child, into, `${place}${index}.`);
    else if (typeof child === "object") {
      if (child.key === undefined) child.key = `${place}${index}`;
      into.push(child);
    } else into.push(String(child));
  });
  return into;
}

/** Make the children of `parent` look like `children`, reusing its nodes. */
export function patch(parent, children) {
  patchChildren(parent, flat([children]), parent.namespaceURI === SVG);
}

function create(node, svg) {
  if (typeof node === "string") return document.createTextNode(node);
  svg = svg || node.tag === "svg";
  const element = svg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  element.$node = { tag: node.tag, props: {}, key: node.key };
  update(element, node, svg);
  node.props.created?.(element);
  return element;
}

function update(element, node, svg) {
  const before = element.$node.props;
  const now = node.props;
  for (const name in before) if (!(name in now)) setProp(element, name, undefined, before[name]);
  // Children first: a <select> or a scroll position can only be set once they are there.
  if (!now.opaque) patchChildren(element, node.children, svg);
  for (const name in now)
    if (now[name] !== before[name] && !(name === "style" && sameStyle(now.style, before.style)))
      setProp(element, name, now[name], before[name]);
  element.$node = { tag: node.tag, props: now, key: node.key };
  now.patched?.(element);
}

const sameStyle = (one, other) => Boolean(one && other) && JSON.stringify(one) === JSON.stringify(other);

const OURS = new Set(["key", "created", "patched", "removed", "opaque"]);
const AS_PROPERTY = new Set(["checked", "disabled", "indeterminate", "hidden", "inert", "readOnly"]);

function setProp(element, name, value) {
  if (OURS.has(name)) return;
  if (name.startsWith("on")) element[name] = value || null;
  else if (name === "value") {
    // Only a *change* of what is drawn reaches the field: what the person typed since stays.
    const text = value === undefined || value === null ? "" : String(value);
    if (element.value !== text) element.value = text;
  } else if (name === "style") {
    element.removeAttribute("style");
    for (const [property, setting] of Object.entries(value || {})) element.style.setProperty(property, setting);
  } else if (AS_PROPERTY.has(name)) element[name] = Boolean(value);
  else if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

function patchChildren(parent, children, svg) {
  const keyed = new Map();
  for (let old = parent.firstChild; old; old = old.nextSibling) {
    if (old.$node) keyed.set(old.$node.key, old);
  }
  const keys = new Set(children.map((child) => child.key));
  let cursor = parent.firstChild;
  for (const child of children) {
    const node = place(parent, child, cursor, { keyed, keys, svg });
    if (node === cursor) cursor = cursor.nextSibling;
    else if (cursor && cursor.parentNode !== parent) cursor = node.nextSibling;
  }
  while (cursor) {
    const gone = cursor;
    cursor = cursor.nextSibling;
    remove(gone);
  }
}

function place(parent, child, cursor, { keyed, keys, svg }) {
  if (typeof child === "string") {
    if (cursor?.nodeType === Node.TEXT_NODE) {
      if (cursor.data !== child) cursor.data = child;
      return cursor;
    }
    return parent.insertBefore(create(child, svg), cursor);
  }
  let match = keyed.get(child.key);
  if (child.draw) {
    if (match && match === cursor && same(match.$deps, child.deps)) return match;
    const drawn = place(parent, { ...child.draw(), key: child.key }, cursor, { keyed, keys, svg });
    drawn.$deps = child.deps;
    return drawn;
  }
  if (match && match.$node.tag !== child.tag) match = undefined;
  if (!match) return parent.insertBefore(create(child, svg), cursor);
  if (match !== cursor) {
    // Drop what is in the way instead of moving the survivor: moving a node would take its focus away.
    let stale = cursor;
    while (stale && stale !== match && !keys.has(stale.$node?.key)) {
      const next = stale.nextSibling;
      remove(stale);
      stale = next;
    }
    if (stale !== match) parent.insertBefore(match, stale);
  }
  update(match, child, svg || child.tag === "svg");
  return match;
}

const same = (one, other) =>
  Boolean(one) && one.length === other.length && one.every((each, index) => each === other[index]);

function remove(node) {
  node.$node?.props.removed?.(node);
  if (node.querySelectorAll) {
    for (const inner of node.querySelectorAll("*")) inner.$node?.props.removed?.(inner);
  }
  node.remove();
}

/** Join class names, leaving out what is falsy. */
export const cx = (...names) => names.filter(Boolean).join(" ");
