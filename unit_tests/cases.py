"""One test of many cases: what a rule says of each of them is one claim, and a failure lists the offenders."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def every(names: str | Sequence[str], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`pytest.mark.parametrize` within one test, whose other arguments are fixtures that the cases share."""
    listed = list(cases)
    named = [names] if isinstance(names, str) else list(names)

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def test(**fixtures: Any) -> None:
            failed = []
            for case in listed:
                if "caplog" in fixtures:
                    fixtures["caplog"].clear()
                values = dict(zip(named, [case] if isinstance(names, str) else case, strict=True))
                try:
                    check(**fixtures, **values)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  # the others are tried
                    failed.append(f"{values}: {type(error).__name__}: {error}"[:1000])
            assert not failed, f"{len(failed)} of {len(listed)}:\n" + "\n".join(failed)

        rest = [value for name, value in inspect.signature(check).parameters.items() if name not in named]
        test.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]  # what pytest reads
        return test

    return decorate
