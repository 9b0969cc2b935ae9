"""JSON in the one form that is hashed and signed."""

import json
from typing import Any


def canonical(body: Any) -> str:
    """Write JSON in its one canonical form: sorted keys, no spaces, no NaN."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
