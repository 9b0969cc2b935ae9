"""The service itself: one process with a page. Started by the supervisor, by path, with nothing but Python's own.

`checkout.py FD RECORD`: FD is the listening socket it inherits (so that the port outlives a restart), RECORD the file
in which the supervisor tells how things stand. It ends when its standard input does, that is, with its supervisor.
"""

import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>checkout</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --ink: #1d1c1d; --faint: #6b6a6b; --card: #fff; --page: #f4f3f1; --line: #dddcda;
          --good: #1a7f4b; --bad: #b3261e; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8e6e3; --faint: #a09e9b; --card: #232529; --page: #1a1b1e; --line: #3a3c40;
            --good: #4cc38a; --bad: #ff8f84; } }
  * { box-sizing: border-box }
  body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
  main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.4rem; margin: 0 0 1rem; display: flex; align-items: baseline; gap: .8rem }
  h2 { font-size: 1rem; margin: 1.5rem 0 .5rem }
  #health { font-size: .9rem; font-weight: 600 }
  .good { color: var(--good) } .bad { color: var(--bad) }
  dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0 }
  dl div, ul { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem }
  dt { color: var(--faint); font-size: .8rem }
  dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
  ul { list-style: none; margin: 0 } li { overflow-wrap: anywhere }
  time { color: var(--faint); font-variant-numeric: tabular-nums; margin-right: .8rem }
</style>
<main>
  <h1>checkout <span id="health" role="status">…</span></h1>
  <dl>
    <div><dt>release</dt><dd id="release">…</dd></div>
    <div><dt>process id</dt><dd id="pid">…</dd></div>
    <div><dt>started at</dt><dd id="started">…</dd></div>
  </dl>
  <h2>Admins</h2><ul id="admins"><li>…</li></ul>
  <h2>What happened</h2><ul id="events"><li>…</li></ul>
</main>
<script>
  const at = id => document.getElementById(id);
  const clock = text => new Date(text).toLocaleTimeString();
  const row = (when, text) => {
    const item = document.createElement('li');
    if (when) {
      const time = document.createElement('time');
      time.dateTime = when; time.textContent = clock(when); item.append(time);
    }
    item.append(text);
    return item;
  };
  const health = (text, good) => {
    if (at('health').textContent !== text) at('health').textContent = text;
    at('health').className = good ? 'good' : 'bad';
  };
  async function look() {
    try {
      const answer = await fetch('/state', {cache: 'no-store', signal: AbortSignal.timeout(2000)});
      const state = await answer.json();
      health(state.health, state.health === 'healthy');
      at('release').textContent = state.release + (state.previous ? ` (previous ${state.previous})` : '');
      at('pid').textContent = state.pid;
      at('started').textContent = clock(state.started_at);
      const admins = Object.entries(state.admins).map(
        ([user, until]) => row(null, user + (until ? ` until ${clock(until)}` : ' until revoked')));
      at('admins').replaceChildren(...(admins.length ? admins : [row(null, 'nobody')]));
      at('events').replaceChildren(...state.events.slice(-12).reverse().map(event => row(event.at, event.text)));
    } catch { health('not answering', false); }
    setTimeout(look, 1000);
  }
  look();
</script>
</html>
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"


class Page(BaseHTTPRequestHandler):
    """`GET /`, `GET /state` and `GET /healthz`."""

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(200, "text/html; charset=utf-8", PAGE)
        elif self.path in ("/state", "/healthz"):
            state = read_state(Path(sys.argv[2]))
            status = 503 if self.path == "/healthz" and state["health"] != "healthy" else 200
            self._answer(status, "application/json", json.dumps(state))
        else:
            self._answer(404, "text/plain", "There is nothing here.\n")

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the page asks every second."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that left in the middle of an answer."""


def read_state(file: Path) -> dict[str, Any]:
    """Return how things stand as the supervisor wrote it down, but for one's own process id."""
    state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["state"]
    return {**state, "pid": os.getpid()}


def end_with_supervisor() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    server = Server(("127.0.0.1", 0), Page, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=int(sys.argv[1]))
    threading.Thread(target=end_with_supervisor, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
