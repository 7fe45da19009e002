"""Which scopes are asked for: the configured ones, or those the account has, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_dialpad.server import FakeDialpad
from unit_tests.stats.one_stream import Sync

if TYPE_CHECKING:
    from fake_dialpad.world import World
    from unit_tests.stats.one_stream import Clock


def scopes(sync: Sync) -> list[str]:
    return sorted({f"{post['body']['target_type']}:{post['body']['target_id']}" for post in sync.posts})


def test_a_target_named_twice_is_asked_for_once(sync: Sync) -> None:
    center = sync.fake.world.call_centers[0].id
    sync.configured({"targets": [{"type": kind, "id": center} for kind in ("callcenter", "call_center", "callcenter")]})
    sync.read("records_csat")
    assert scopes(sync) == [f"callcenter:{center}"]
    assert len(sync.posts) == 2


def test_call_centers_are_those_of_the_office_where_one_is_configured(sync: Sync) -> None:
    office = sync.fake.world.call_centers[0].office_id
    sync.configured({"office_id": office}).read("records_csat")
    of_office = [each for each in sync.fake.world.call_centers if each.office_id == office]
    assert scopes(sync) == sorted(f"callcenter:{each.id}" for each in of_office)
    assert not any("office_id" in post["body"] for post in sync.posts), "a target overrides the office"


def test_groups_of_a_configured_office_are_asked_for_alone(sync: Sync) -> None:
    office = sync.fake.world.offices[-1].id
    sync.configured({"office_id": office, "aggregate_window": "month"}).read("stats_calls_by_group")
    assert {post["body"]["office_id"] for post in sync.posts} == {int(office)}
    assert not any("target_id" in post["body"] for post in sync.posts)


@pytest.mark.parametrize("stream", ["records_csat", "stats_calls_by_group"])
def test_an_office_the_account_does_not_have_is_an_error_that_names_those_it_has(sync: Sync, stream: str) -> None:
    found = sync.configured({"office_id": "404"}).read(stream)
    assert "dialpad.office_id is 404, which the account does not have" in found.error
    assert sync.fake.world.offices[0].id in found.error
    assert sync.posts == []


def test_a_target_the_account_does_not_have_is_an_error_that_names_the_nearest(sync: Sync) -> None:
    center = sync.fake.world.call_centers[0].id
    wrong = center[:-1] + str((int(center[-1]) + 5) % 10)
    found = sync.configured({"targets": [{"type": "callcenter", "id": wrong}]}).read("records_csat")
    assert f"names the callcenter {wrong}, which the account does not have (nearest:" in found.error
    assert center in found.error


def test_a_user_who_has_left_can_be_a_target(sync: Sync) -> None:
    listed = {user["id"] for user in sync.fake.directory.people.users() if user["state"] != "active"}
    assert listed
    found = sync.configured({"targets": [{"type": "user", "id": str(min(listed))}]}).read("records_dispositions")
    assert not any("does not have" in str(error.message) for error in found.errors)


def test_an_account_without_call_centers_is_told_that_nothing_is_asked_for(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    sync = Sync(FakeDialpad(world, clock=clock), clock)
    sync.fault("body", path_regex="^/api/v2/callcenters", body='{"items": null}')
    found = sync.read("records_csat")
    assert not found.errors
    assert "the account has no call center, so there is nothing to ask for" in caplog.text
