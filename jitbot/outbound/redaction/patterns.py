"""What credentials look like: forms that vendors publish, headers, URLs, and pairs like `password=…`.

A form is listed where it is distinct enough not to hit ordinary text. What has none (an AWS secret key, a UUID) is
known by the name before it. The engine is RE2, so time is linear in the text whatever is in it. Bytes are searched,
since text from other systems may hold what is no character.
"""

from collections.abc import Callable
from typing import Any

import re2

HIDDEN = "•••"

MOST_PASSES = 10
"""What is hidden may show where the next one begins, as with tokens that stand side by side without a space."""

_MARK = HIDDEN.encode()
_TOKENS = (
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}",  # AWS: IAM user guide, "unique identifiers"
    r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
    r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|\bxapp-[0-9]-[A-Za-z0-9-]{10,}",  # Slack
    r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}",  # JWT: RFC 7519, signed (three parts) or encrypted (five)
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{16,}",  # Stripe
    r"AIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}",  # Google
    r"\bgl(?:pat|oas|dt|rt|ptt|ft|soat|imt|agent|cbt|ffct)-[A-Za-z0-9_.-]{20,}",  # GitLab
    r"\bnpm_[A-Za-z0-9]{36,}|\bpypi-AgE[A-Za-z0-9_-]{30,}",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",  # Vault
)
_QUOTE = r"""\\*["']?"""
_VALUE = (
    r"""(\\+["'][^"'\\\r\n]*|"(?:[^"\\\r\n]|\\.)*"?|'[^'\r\n]*'?|"""
    r"""(?:[^\s"'\\]|\\[^\s"']|["'][^\s"',}\])])+)"""
)
_STRONG = r"(?:passw(?:or)?d|passwd|passphrase|[_.-]pwd|\bpwd|\bpgpass)"
_WEAK = (
    r"(?:token|secret|(?:api|access|account|secret|private|signing|encryption|license)[_.-]?(?:access[_.-]?)?key"
    r"|client[_.-]?secret)"
)
_SEPARATOR = r"[ \t]*(?:=>|:=|[:=])[ \t]*"
_SCHEMES = r"(?:basic|bearer|token|apikey|api-key|geniekey|negotiate|ntlm|splunk|key|hawk|vault)"
_HEADER = rf"(?:proxy-)?authorization{_QUOTE}{_SEPARATOR}{_QUOTE}"

_PLACEHOLDER = re2.compile(rb"\{secret:|\$\{[\w.:-]*\}|\$\([\w ./-]*\)|<[\w -]*>|\{\{?[\w. ]*\}?\}")
_PATH = re2.compile(rb"(?:~|\.{0,2})/[\w.@+-]+(?:/[\w.@+-]*)*|[a-z]+://[^\s]*")
_WORDS = frozenset(
    b"none null nil true false yes not unset empty required optional incorrect wrong invalid expired missing changed "
    b"secret the was has for and".split()
)
"""What follows `password:` in prose. Whoever has such a password has none."""


def hide_patterns(text: str) -> str:
    """Return the text with whatever has the form of a credential replaced by `•••`."""
    raw = text.encode("utf-8", "surrogatepass")
    if _ANY.search(raw) is None:
        return text
    for _ in range(MOST_PASSES):
        before = raw
        for pattern, replace in _RULES:
            raw = pattern.sub(replace, raw)
        if raw == before:
            break
    return raw.decode("utf-8", "surrogatepass")


def named_like_a_secret(key: str) -> bool:
    """Tell whether what stands under this key of a document has to be taken for a credential."""
    return _NAMED.search(key.encode("utf-8", "surrogatepass")) is not None


def _after_strong_name(found: Any) -> bytes:
    value = _bare(found[1])
    folder = b"pwd" in _before(found).lower() and _is_path(value)  # the shell's PWD, a present folder
    spared = folder or _PLACEHOLDER.fullmatch(value) or value.lower().rstrip(b",.;:!)") in _WORDS
    return _whole(found) if spared else _hidden(found)


def _after_weak_name(found: Any) -> bytes:
    value = _bare(found[1])
    spared = _PLACEHOLDER.fullmatch(value) or _is_path(value) or not _random(value)
    return _whole(found) if spared else _hidden(found)


def _random_only(found: Any) -> bytes:
    return _hidden(found) if _random(found[1]) else _whole(found)


def _is_path(value: bytes) -> bool:
    """Tell a path or an address from a value; AWS's secret keys, of 40 characters, may look like paths too."""
    return len(value) != 40 and _PATH.fullmatch(value) is not None


def _random(value: bytes) -> bool:
    """Tell whether a value is more than a word: it has a digit, or small and capital letters in a long mixture."""
    if len(value) < 8:
        return False
    inner = value[1:]
    return any(48 <= each <= 57 for each in value) or (
        len(value) >= 16 and inner != inner.lower() and inner != inner.upper()
    )


def _bare(value: bytes) -> bytes:
    return value.lstrip(b"\\").strip(b"\"'")


def _hidden(found: Any) -> bytes:
    """Return what was found with its value hidden and its quotes kept; values of one or two characters stay."""
    value = bytes(found[1])
    bare = _bare(value)
    if len(bare.decode("utf-8", "replace")) < len(HIDDEN):
        return _whole(found)
    before, whole = _before(found), _whole(found)
    opening = value[: len(value) - len(value.lstrip(b"\\\"'"))]
    closing = value[-1:] if len(value) > len(opening) and value[-1:] in (b'"', b"'") else b""
    return before + opening + _MARK + closing + whole[len(before) + len(value) :]


def _before(found: Any) -> bytes:
    return _whole(found)[: found.start(1) - found.start()]


def _whole(found: Any) -> bytes:
    return bytes(found[0])


_PATTERNS: tuple[tuple[str, Callable[[Any], bytes] | bytes], ...] = (
    ("|".join(_TOKENS), _MARK),
    (r"(?i)\b[a-z][a-z0-9+.-]*://[^\s/?#:@\"'<>]{0,256}:([^\s/?#\"'<>]+)@", _hidden),
    (rf"(?i){_HEADER}(?:digest|aws4-[a-z0-9-]+)[ \t]+([^\r\n]+)", _hidden),
    (rf"(?i){_HEADER}{_SCHEMES}[ \t]+([^\s\"'\\]+)", _hidden),
    (rf"(?i){_HEADER}([A-Za-z0-9._~+/=-]{{12,}})", _random_only),
    (r"(?i)\bbearer[ \t]+([A-Za-z0-9._~+/=-]{8,})", _random_only),
    (rf"(?i){_STRONG}{_QUOTE}{_SEPARATOR}{_VALUE}", _after_strong_name),
    (rf"(?i){_WEAK}{_QUOTE}{_SEPARATOR}{_VALUE}", _after_weak_name),
    (rf"(?i)--[a-z0-9-]*{_STRONG}[ \t]+{_VALUE}", _after_strong_name),
    (rf"(?i)--[a-z0-9-]*{_WEAK}[ \t]+{_VALUE}", _after_weak_name),
)
_RULES = tuple((re2.compile(pattern.encode()), replace) for pattern, replace in _PATTERNS)
_ANY = re2.compile("|".join(f"(?:{pattern})" for pattern, _ in _PATTERNS).encode())
_NAMED = re2.compile(rf"(?i)(?:{_STRONG}|{_WEAK})$".encode())
