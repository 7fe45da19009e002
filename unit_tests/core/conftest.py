from unit_tests.core.fixtures import door, fake, no_waiting, one_manifest, world

__all__ = ["door", "fake", "no_waiting", "one_manifest", "world"]
