// Calls to the local Slack's control API. Every answer comes back as an object with `ok`; nothing throws, so
// that a button can always show what went wrong.

let person = null;

/** Act as this person from now on. */
export function actAs(id) {
  person = id;
}

async function call(method, path, body) {
  try {
    const answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const data = await answer.json().catch(() => ({}));
    if (Array.isArray(data)) return data;
    return { ok: answer.ok, ...data, status: answer.status };
  } catch {
    return { ok: false, error: "unreachable", detail: "The local Slack does not answer. Is it still running?" };
  }
}

const own = (path = "") => `/control/as/${encodeURIComponent(person)}${path}`;
const drop = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));

export const workspace = () => call("GET", "/control/state");
export const seen = () => call("GET", own());
export const streamUrl = () => own("/stream");
export const command = (channel, text) => call("POST", own("/command"), { channel, text });
export const message = (channel, text, threadTs) =>
  call("POST", own("/message"), drop({ channel, text, thread_ts: threadTs }));
export const click = (body) => call("POST", own("/click"), drop(body));
export const submit = (viewId, state) => call("POST", own("/submit"), { view_id: viewId, state });
export const close = (viewId, clear) =>
  call("POST", own("/close"), drop({ view_id: viewId, clear: clear || undefined }));
export const options = (body) => call("POST", own("/options"), drop(body));
export const openHome = () => call("POST", own("/home"), {});
export const shortcut = (body) => call("POST", own("/shortcut"), drop(body));
export const markRead = (channel, ts) => call("POST", own("/read"), drop({ channel, ts }));
export const dismiss = (notice) => call("POST", own("/dismiss"), { notice });
export const log = (since) => call("GET", `/control/log?since=${since}`);
export const forward = (seconds) => call("POST", "/control/clock", { forward: seconds });
export const faults = () => call("GET", "/control/faults");
export const setFaults = (list) => call("PUT", "/control/faults", list);

/** The sentence to show for an answer that says no. */
export const reason = (answer) =>
  answer.detail || (answer.error ? `That did not work (${answer.error}).` : "That did not work.");
