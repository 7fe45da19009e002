from unit_tests.core.fixtures import door, fake, no_waiting, world

__all__ = ["door", "fake", "no_waiting", "world"]
