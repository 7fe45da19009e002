"""What the receiver says no with."""


class RefusedError(Exception):
    """A request the receiver does not accept; `status` is its HTTP status.

    `reason` is one lower-case word group that never varies with the request: it labels the metric, stands in the log
    and is the `error` of the JSON answer. `text` is the `message`: what was seen and what to do. Neither repeats
    anything of the body, which holds people's names and numbers.
    """

    def __init__(self, status: int, reason: str, text: str) -> None:
        """Keep the three parts; the exception's own text is `text`."""
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text


class SettingError(Exception):
    """A setting the receiver cannot start with; the text names the setting, what was seen and the cure."""
