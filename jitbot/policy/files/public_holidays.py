"""Public holidays, by the `holidays` package, as plain dates: looked up once, when policies are loaded."""

import warnings
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from jitbot.model import Holidays

FIRST, LAST = 2020, 2050
"""The years that are looked up; deciding in another year finds holidays unknown, never absent."""


@cache
def subdivisions(country: str) -> Sequence[str] | None:
    """Return the codes of a country's subdivisions; None for what is no country."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    return tuple(known[country]) if country in known else None


@cache
def countries() -> Sequence[str]:
    """Return the codes of all countries."""
    import holidays

    return sorted(holidays.list_supported_countries(include_aliases=False))


@cache
def public(country: str, subdivision: str | None) -> Holidays:
    """Return the public holidays of a country that there is, and of a subdivision that it has."""
    days: dict[date, str] = {}
    years = range(FIRST, FIRST)
    for year in range(FIRST, LAST + 1):
        found = _year(country, subdivision, year)
        if found is None:
            break
        days |= found
        years = range(FIRST, year + 1)
    return Holidays(days, years)


def _year(country: str, subdivision: str | None, year: int) -> dict[date, str] | None:
    """Return the holidays of one year; None where the package itself says that it does not know them all."""
    import holidays

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found: Any = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False)
    known = not said and found.start_year <= year <= found.end_year
    return {day: str(name) for day, name in found.items() if day.year == year} if known else None
