"""The `Link` header, by which an answer names its next page (RFC 8288)."""


def next_link(header: str) -> str:
    """Return the URL that a `Link` header calls next, or nothing."""
    for link in header.split(","):
        url, _, about = link.strip().partition(">")
        if url.startswith("<") and any(part.strip().lower() in ('rel="next"', "rel=next") for part in about.split(";")):
            return url[1:]
    return ""
