"""How requests are numbered."""

from typing import NewType

RequestId = NewType("RequestId", int)
