"""What may not be seen in any output, in more spellings than the configuration's, the only one that the CDK masks."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, filter_secrets

LEAST = 8  # characters of a text that is masked: shorter ones are part of ordinary words


def mask_keys(config: Mapping[str, Any]) -> None:
    """Keeps the keys of every section out of the output: as they are, and escaped for URLs, JSON and HTML."""
    for section in config.values():
        key = section.get("api_key") if isinstance(section, Mapping) else None
        if isinstance(key, str):
            mask(key.strip())


def mask_signature(url: str) -> None:
    """Keeps the query of a file's URL out of the output: whoever has it has the file, for as long as it is kept."""
    mask(urlsplit(url).query)


def mask(secret: str) -> None:
    """Keeps a text out of the output."""
    spelled = (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), secret.replace("/", "\\/"))
    for form in dict.fromkeys((*spelled, html.escape(secret), secret.replace("&", "\\u0026"))):
        if len(form) >= LEAST and form in filter_secrets(form):
            add_to_secrets(form)
