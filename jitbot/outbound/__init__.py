"""Other systems: which of them may be talked to, with which secrets, and how one exchange with them goes.

What the operator grants here holds for runners and facts alike.
"""
