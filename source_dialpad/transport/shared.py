"""Objects that several streams share: the quota of a key, what is known about an API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")

_objects: dict[tuple[Any, ...], Any] = {}


def shared(make: Callable[..., T], *identity: str, arguments: tuple[Any, ...] = (), lasting: bool = False) -> T:
    """The one object of `make` for an identity, such as a base URL and a key; made when first asked for.

    It lives until the next source is built in this process; `lasting` objects (quotas that an API counts) live on.
    """
    return cast("T", _objects.setdefault((lasting, make, *identity), make(*arguments)))  # in one step: threads


def forget_findings(*, lasting: bool = False) -> None:
    """Drops all objects that are not lasting, so that each run of a long-lived process finds out anew."""
    for key in [key for key in _objects if lasting or not key[0]]:
        del _objects[key]
