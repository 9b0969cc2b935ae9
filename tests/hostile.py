"""Values that somebody might try in the input of a runner, for property tests: each has a meaning somewhere.

`values()` mixes them into other text, so that they come at the beginning, in the middle and alone. Nothing here names a
real host.
"""

from hypothesis import strategies as st

DASHES = ["-", "--", "-rf", "--help", "-oProxyCommand=id", "-e", "--upload-pack=id"]
SHELL = ["$(id)", "`id`", ";id", "|id", "&& id", "> /tmp/x", "$HOME", "${IFS}", "*", "~", "!!", "\\", "a b", "#", "=x"]
QUOTES = ["'", '"', "''", '\\"', "'\\''", "`", "\N{RIGHT SINGLE QUOTATION MARK}"]
SQL = ["'; DROP TABLE canary; --", '"; DROP ROLE canary; --', "$$", "$1", "%s", "%(x)s", "E'\\x27'", "/*", "*/", "{}"]
YAML = ["a: b", "- x", "&a", "*a", "!!python/object:os.system", "{a: 1}", "[1", "? x", "|\n  y", "---", "null", "0x1"]
TEMPLATES = ["{x}", "{{x}}", "{run.key}", "{receipt.x}", "%2e%2e", "%00", "%0d%0aX: y", "$ref"]
PATHS = ["..", "../..", "../../etc/passwd", "/etc/passwd", "a/../../b", "./a", "a//b", "..\\..", "\\\\host\\x", "a/."]
HEADERS = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rb", "\r\n\r\nGET / HTTP/1.1", "a\tb", " a", "a "]
CONTROL = ["a\0b", "\x1b[2J", "a\x7fb", "\x85", "a\u2028b", "a\u202eb", "a\u200bb", "\ufeff", "\ud800"]
ALIKE = ["e\u0301", "\u0430", "\N{FULLWIDTH SEMICOLON}", "\N{FULLWIDTH SOLIDUS}", "\N{KELVIN SIGN}"]
LISTS = ["a,b", "a;b", "a b c", "a:b", "a@b", "a=b", "a|b", "a\nb"]
LONG = ["x" * 300, "ä" * 300, "-" * 300]

ALLOWED = "allowed.example.com"
HOSTS = [
    "169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "169.254.43518", "127.1", "2130706433", "0x7f000001", "017700000001", "0", "[::]", "[::1]", "[::ffff:127.0.0.1]",
    "localhost", "localhost.", "127.0.0.1.", "\N{CIRCLED LATIN SMALL LETTER L}ocalhost", "127\u30020\u30020\u30021",
    f"{ALLOWED}.", ALLOWED.upper(), f"{ALLOWED}.evil.example", f"evil.example#{ALLOWED}", f"{ALLOWED}@evil.example",
    f"{ALLOWED}:80@evil.example", f"evil.example\\@{ALLOWED}", f"evil.example?{ALLOWED}", f"{ALLOWED}\tevil.example",
    f"{ALLOWED},evil.example", f"{ALLOWED}%2eevil.example", "[fe80::1%25eth0]", "a..b", "",
]  # fmt: skip
"""Where a request might be led besides the one host that is allowed."""

TEXTS = [
    *DASHES, *SHELL, *QUOTES, *SQL, *YAML, *TEMPLATES, *PATHS, *HEADERS, *CONTROL, *ALIKE, *LISTS, *LONG, *HOSTS,
]  # fmt: skip


def values(*, storable: bool = False) -> st.SearchStrategy[str]:
    """Return hostile texts; `storable` ones without what no system keeps: zero bytes and halves of characters."""
    words = [text for text in TEXTS if not storable or not {"\0", "\ud800"} & set(text)]
    kept = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    odd = st.text(kept if storable else st.characters(), max_size=12)
    plain = st.sampled_from(["", "a", "Ann", "app"])
    mixed = st.tuples(plain, st.sampled_from(words), plain).map("".join)
    return st.one_of(st.sampled_from(words), mixed, odd)
