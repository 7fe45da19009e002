"""All APIs of the fake on one context."""

from __future__ import annotations

from fake_dialpad.analytics import Analytics
from fake_dialpad.context import Context
from fake_dialpad.conversations import Conversations
from fake_dialpad.directory import Directory
from fake_dialpad.engagement import Engagement
from fake_dialpad.events import Events
from fake_dialpad.exports import Exports
from fake_dialpad.paging import Pages
from fake_dialpad.people import People
from fake_dialpad.scorecards import Scorecards
from fake_dialpad.stats import Stats
from fake_dialpad.subscriptions import Subscriptions
from fake_dialpad.transcripts import Transcripts
from fake_dialpad.workforce import Workforce


class Apis(Context):
    """A context and the APIs that answer in it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        people, pages = People(self), Pages()
        self.engagement = Engagement(self)
        self.exports = Exports(self)
        self.stats = Stats(self, people, self.exports)
        self.analytics = Analytics(self)
        self.conversations = Conversations(self, pages)
        self.transcripts = Transcripts(self)
        self.scorecards = Scorecards(self, self.stats, self.exports)
        self.workforce = Workforce(self, pages)
        self.directory = Directory(self, people, pages)
        self.subscriptions = Subscriptions(self, pages)
        self.events = Events(self, self.subscriptions)
        self.api_v2 = [
            *self.stats.routes,
            *self.conversations.routes,
            *self.transcripts.routes,
            *self.scorecards.routes,
            *self.workforce.routes,
            *self.subscriptions.routes,
            *self.directory.routes,
        ]
