"""The account directory: its plain lists (lists.py), and operators, call labels and user devices beside them.

What it keeps to (API specification): `{items, cursor}` with pages of 25 to 100, the last page without a cursor or with
an empty one, `items` missing or null for an empty list, call labels as bare strings, operators as two lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_dialpad.lists import LISTS, PlainList, in_state
from fake_dialpad.wire import Refused, Request, Response, Route, Window, answer, route

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dialpad.context import Context
    from fake_dialpad.paging import Pages
    from fake_dialpad.people import Item, People

ROOT = "/api/v2/"


class Directory:
    """The routes of the account's lists."""

    def __init__(self, context: Context, people: People, pages: Pages) -> None:
        self.context = context
        self.people = people
        self.pages = pages
        by_id = [plain for plain in LISTS if plain.by_id]
        self.routes = [
            *(self._route(plain.path, self._list(plain), plain) for plain in LISTS),
            route("GET", f"{ROOT}calllabels", self.call_labels),
            route("GET", f"{ROOT}userdevices", self.user_devices),
            route("GET", f"{ROOT}{{kind}}/{{key}}/operators", self.operators),
            *(self._route(f"{plain.path}/{{key}}", self._by_id(plain), plain) for plain in by_id),
        ]

    @staticmethod
    def _route(path: str, handler: Callable[..., Response], plain: PlainList) -> Route:
        return route("GET", ROOT + path, handler, scope=plain.scope, admin=plain.admin)

    def _list(self, plain: PlainList) -> Callable[..., Response]:
        window = None if plain.rate is None else Window(*plain.rate)

        def handler(request: Request, **named: str) -> Response:
            now = self.context.server_now()
            if window is not None and self.context.limited and not window.admits(now):
                raise self.context.too_many("Rate limit exceeded", window.wait(now))
            named |= self._required(plain, request.parameters)
            items = plain.rows(self.people, **named)
            if items is None:
                raise Refused(404, f"{plain.noun} {', '.join(named.values())} not found")
            if plain.single:
                return answer(items[0])
            if not named:
                items = self._matching(plain, items, request.parameters)
            if not items and plain.empty is not None:
                return answer(plain.empty)
            return self.pages.page(request, items, plain.last_cursor)

        return handler

    @staticmethod
    def _required(plain: PlainList, query: dict[str, str]) -> dict[str, str]:
        for name, values in plain.required.items():
            if name not in query:
                raise Refused(400, f"{name} is required")
            if values and query[name] not in values:
                raise Refused(400, f"Invalid value for {name}: {query[name]}")
        return {name: query[name] for name in plain.required}

    def _matching(self, plain: PlainList, items: list[Item], query: dict[str, str]) -> list[Item]:
        for name in plain.filters:
            if name in query:
                items = [item for item in items if str(item.get(name)) == query[name]]
        if "name_search" in query:
            text = query["name_search"].casefold()
            items = [item for item in items if text in str(item.get("name")).casefold()]
        items = in_state(items, query.get("state", "all" if plain.any_state else "active"))
        if plain.include_local is not None and query.get("include_local", "").lower() == "true":
            items += plain.include_local(self.people) or ()
        return items

    def _by_id(self, plain: PlainList) -> Callable[..., Response]:
        def handler(_: Request, key: str) -> Response:
            item = next((item for item in plain.rows(self.people) or () if str(item["id"]) == key), None)
            if item is None:
                raise Refused(404, f"{key} not found")
            return answer(item)

        return handler

    def call_labels(self, request: Request) -> Response:
        """Answer the labels: bare strings, no cursor."""
        most = self.pages.size(request) if "limit" in request.parameters else None
        return answer({"labels": self.people.labels()[:most]})

    def user_devices(self, request: Request) -> Response:
        """Answer the devices of one user, or of all; `items` is null if there is none."""
        owner = request.parameters.get("user_id")
        if owner == "me":
            user = self.context.user_of(request)
            owner = user.id if user else ""
        if owner is not None and owner not in self.context.world.parties:
            raise Refused(404, f"User {owner} not found")
        items = [item for item in self.people.devices() if owner is None or str(item["user_id"]) == owner]
        return self.pages.page(request, items) if items else answer({"items": None})

    def operators(self, _: Request, kind: str, key: str) -> Response:
        """Answer the operators of a call center, a department or an office: users and rooms, no items."""
        groups = {"callcenters": "call_center", "departments": "department", "offices": "office"}
        party = self.context.world.parties.get(key)
        if party is None or groups.get(kind) != party.type:
            raise Refused(404, f"{kind} {key} not found")
        return answer(self.people.operators_of(party))
