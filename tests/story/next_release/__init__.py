"""The next release, made by the tests: a copy of this one with a further migration and something new in requests."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent.parent.parent / "jitbot"
MOOD = "mood"
"""What is new in it: a reason with this word gives the request a mood, which only the next release understands."""

CHANGES = {
    "store/tables.py": [
        ('SCHEMA = "0002"', 'SCHEMA = "0003"'),
        (
            '    Column("needs", String(32)),\n    Index("ix_requests_action"',
            '    Column("needs", String(32)),\n    Column("mood", String(32), nullable=False, server_default=""),\n'
            '    Index("ix_requests_action"',
        ),
    ],
    "store/rows.py": [
        (
            'return values | {"target": request.snapshot.target}',
            'return values | {"target": request.snapshot.target, "needs": "0003" if request.mood else None}',
        )
    ],
    "model/request.py": [('    outcome: str = ""\n', '    mood: str = ""\n    outcome: str = ""\n')],
    "model/delivery.py": [('    CARD = "card"', '    POEM = "poem"\n    CARD = "card"')],
    "store/entry.py": [
        ("    Topic.CARD: 1,\n", "    Topic.CARD: 1,\n    Topic.POEM: 2,\n"),
        (
            "        written = self._connection.execute(statements.ADD_REQUEST",
            '        if "mood" in request.reason:\n            request = replace(request, mood="sombre")\n'
            "        written = self._connection.execute(statements.ADD_REQUEST",
        ),
        (
            '        self.record("requested", by, added.id, changes=signed_fields(added))\n',
            '        self.record("requested", by, added.id, changes=signed_fields(added))\n'
            "        if added.mood:\n"
            '            self.record("mood_noted", by, added.id, mood=added.mood)\n'
            '            self.say(Outgoing(f"poem:{added.id}", Topic.POEM, None, f"A poem on {added.name}", by))\n',
        ),
    ],
    "slack/notifier.py": [("Topic.NOTICE: self._notice,", "Topic.NOTICE: self._notice, Topic.POEM: self._notice,")],
}


def make(folder: Path) -> Path:
    """Write the next release into a folder, from which `python -m jitbot` then runs it."""
    package = folder / "jitbot"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    migration = HERE / "0003_moods.py"
    shutil.copy(migration, package / "store/migrations/versions" / migration.name)
    for name, pairs in CHANGES.items():
        text = (package / name).read_text(encoding="utf-8")
        for old, new in pairs:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        (package / name).write_text(text, encoding="utf-8")
    return folder
