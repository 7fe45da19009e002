"""The few things the manifest cannot say: one small class each, named for what it does.

The manifest names them as `source_dialpad.components.<Class>`.
"""

from source_dialpad import cdk_overrides  # noqa: F401  # a manifest that names these components needs its cursor
from source_dialpad.components.analytics import (
    CatalogueRetriever,
    CatalogueRouter,
    FilterValuesRetriever,
    MetricDataRetriever,
    RecordDataRetriever,
)
from source_dialpad.components.backoff import RetryAfterOrGrowing
from source_dialpad.components.calls import CallEventsRetriever
from source_dialpad.components.engagement import CustomerSessionRetriever, MessagesRetriever
from source_dialpad.components.exports import ExportRetriever
from source_dialpad.components.lists import ListRetriever, ParentRouter
from source_dialpad.components.scopes import ScopeRouter
from source_dialpad.components.settings import CheckedConfig

__all__ = [
    "CallEventsRetriever",
    "CatalogueRetriever",
    "CatalogueRouter",
    "CheckedConfig",
    "CustomerSessionRetriever",
    "ExportRetriever",
    "FilterValuesRetriever",
    "ListRetriever",
    "MessagesRetriever",
    "MetricDataRetriever",
    "ParentRouter",
    "RecordDataRetriever",
    "RetryAfterOrGrowing",
    "ScopeRouter",
]
