"""The far side does what it is told, and has it on disk before it answers."""

import json
from pathlib import Path

import httpx2

from tests.chaos.far_side import FarSide


def test_what_was_done_is_in_the_journal_and_is_seen(tmp_path: Path) -> None:
    with FarSide(tmp_path / "journal") as far_side, httpx2.Client(trust_env=False) as client:
        valve = f"http://{far_side.host}/valves/1"
        assert client.get(f"{valve}/well").status_code == 404
        assert client.post(valve, headers={"idempotency-key": "jit-1-1"}).status_code == 200
        assert [client.get(f"{valve}/{health}").status_code for health in ("well", "sick")] == [200, 500]
        assert [client.delete(f"{valve}/jit-1-1").status_code for _ in range(2)] == [200, 404]
        journal = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
        assert [(each["what"], each["key"], each["target"]) for each in journal] == [
            ("start", "jit-1-1", "1"),
            ("undo", "jit-1-1", "1"),
            ("undo", "jit-1-1", "1"),
        ]
        assert [each.what for each in far_side.effects()] == ["start", "undo", "undo"]
