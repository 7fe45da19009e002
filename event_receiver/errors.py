"""Refusals of a request, and settings the receiver cannot start with."""


class RefusedError(Exception):
    """A request the receiver does not accept; `status` is its HTTP status.

    `reason` is a constant word group: the label of the metric, a field of the log and the `error` of the JSON answer.
    `text` is the `message`: what was seen and what to do. Neither repeats anything of the body, which holds people's
    names and numbers. `members` are added to the answer.
    """

    def __init__(self, status: int, reason: str, text: str, **members: str | None) -> None:
        """Keep the parts; the exception's own text is `text`."""
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text
        self.members = members


class SettingError(Exception):
    """A setting the receiver cannot start with; the text names the setting, the value seen and the cure."""
