"""`check`: one cheap call for each configured section, and a look at what the configuration names.

Never an export. The requesters, and with them the error texts, are the manifest's; retries are off, so that an answer
comes within seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.models.declarative_component_schema import HttpRequester
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.analytics.catalogue import AnalyticsApi, Catalogue
from source_dialpad.engagement.messages import fetch_page
from source_dialpad.engagement.unit import EpochUnit
from source_dialpad.stats.scopes import check_office, check_targets
from source_dialpad.sync.halving import TimeRange
from source_dialpad.sync.planner import LAG
from source_dialpad.transport.requester import JsonCalls, object_of
from source_dialpad.transport.times import milliseconds

PROBED = timedelta(days=7) - timedelta(seconds=1)
"""How far back the messages are probed: the longest window the API allows, short of its edge."""

TIMEOUTS = {"connect_timeout_in_seconds": 4, "read_timeout_in_seconds": 30}


class SectionCheck:
    """Asks each configured section once."""

    def __init__(self, manifest: Mapping[str, Any], config: Mapping[str, Any], logger: logging.Logger) -> None:
        """`manifest` has its references resolved, `config` is checked and complete."""
        self._definitions = manifest["definitions"]
        self._factory = ModelToComponentFactory(disable_retries=True)
        self._config = config
        self._logger = logger

    def problems(self) -> list[str]:
        """What is wrong, a sentence or two a section; empty when everything answers."""
        checks: dict[str, Callable[[], None]] = {
            "engagement": self._engagement,
            "dialpad": self._dialpad,
            "analytics": self._analytics,
            "event_receiver": self._event_receiver,
        }
        found = []
        for section, check in checks.items():
            if section in self._config:
                try:
                    check()
                except AirbyteTracedException as error:
                    found.append(error.message or str(error))
        return found

    def _ask(self, requester: str, **changes: Any) -> JsonCalls:
        definition = {**self._definitions[requester], **TIMEOUTS, **changes}
        return JsonCalls(self._factory.create_component(HttpRequester, definition, self._config, name="check"))

    def _engagement(self) -> None:
        settings = self._config["engagement"]
        end = datetime.now(UTC) - LAG
        stretch = TimeRange(milliseconds(end - PROBED), milliseconds(end))
        fetch = fetch_page(self._ask("messages_requester"), settings["provider_id"], None, "engagement", limit=1)
        unit, found = EpochUnit(settings["epoch_unit"]).first_page(fetch, stretch, "engagement")
        if not found:
            self._logger.warning(
                "engagement: no message came back for the last 7 days (asked for in %s). That proves nothing: check "
                "engagement.provider_id, engagement.epoch_unit, and whether there were any messages.",
                unit,
            )

    def _dialpad(self) -> None:
        ask, settings = self._ask("dialpad_lists_requester"), self._config["dialpad"]
        object_of(ask("dialpad", path="company"), "dialpad", "id")
        if "office_id" in settings:
            check_office(ask, settings["office_id"], "dialpad")
        check_targets(ask, settings["targets"], "dialpad")

    def _analytics(self) -> None:
        settings, catalogue = self._config["analytics"], Catalogue()
        api = AnalyticsApi(self._ask("analytics_requester"), settings["base_url"])
        if settings["metric_ids"]:
            catalogue.chosen(api, self._config, "metrics", "analytics")
        else:
            next(api.entries("analytics", "metrics"), None)
        if settings["record_ids"]:
            catalogue.chosen(api, self._config, "records", "analytics")
        catalogue.filters(api, self._config, "analytics")
        if "break_down_by" in settings:
            catalogue.values(api, settings["break_down_by"], "analytics", "analytics.break_down_by")

    def _event_receiver(self) -> None:
        answer = self._ask("event_receiver_requester")("event_receiver", params={"limit": 1})
        object_of(answer, "event_receiver", "items", "next_cursor")
