from unit_tests.core.fixtures import fake, fetch, no_waiting, world

__all__ = ["fake", "fetch", "no_waiting", "world"]
