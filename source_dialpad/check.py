"""`check`: one cheap call for each configured section, and a look at what the configuration names.

Never an export. What is asked is each API's own (`definitions.section_checks` of the manifest); the requesters, and
with them the error texts, are the manifest's too. Retries are off, so that an answer comes within seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from airbyte_cdk.sources.declarative.models.declarative_component_schema import HttpRequester
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.transport.requester import JsonCalls


def section_problems(manifest: Mapping[str, Any], config: Mapping[str, Any], logger: logging.Logger) -> list[str]:
    """What is wrong, a sentence or two a section; empty when every configured section answers.

    `manifest` has its references resolved, `config` is checked and complete.
    """
    definitions, factory = manifest["definitions"], ModelToComponentFactory(disable_retries=True)

    def ask(requester: str) -> JsonCalls:
        definition = {**definitions[requester], "connect_timeout_in_seconds": 4, "read_timeout_in_seconds": 30}
        return JsonCalls(factory.create_component(HttpRequester, definition, config, name="check"))

    problems = []
    for section in (name for name in definitions["section_checks"] if name in config):
        module, _, function = definitions["section_checks"][section].rpartition(".")
        try:
            getattr(import_module(module), function)(ask, config, logger)
        except AirbyteTracedException as error:
            problems.append(error.message or str(error))
        else:
            logger.info("%s: the API answers, and takes the key.", section)
    return problems
