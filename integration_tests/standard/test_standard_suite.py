"""Airbyte's own suite, with the configurations of acceptance-test-config.yml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase
from airbyte_cdk.test.standard_tests.util import create_connector_test_suite

from source_dialpad import SourceDialpad

if TYPE_CHECKING:
    from airbyte_cdk.test.models import ConnectorTestScenario
    from airbyte_cdk.test.models.scenario import ScenarioCommand

ROOT = Path(__file__).resolve().parents[2]
COMMANDS: dict[str, ScenarioCommand] = {
    "test_config_matches_spec": "spec",
    "test_check": "check",
    "test_discover": "discover",
    "test_basic_read": "read",
    "test_fail_read_with_bad_catalog": "read",
}
"""What each test of the suite runs. A configuration is only given to the tests of its sections: none is skipped."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" in metafunc.fixturenames and metafunc.cls:
        command = COMMANDS[metafunc.function.__name__]
        scenarios = [scenario for scenario in metafunc.cls.get_scenarios() if scenario.runs(command)]
        metafunc.parametrize("scenario", scenarios, ids=[scenario.id for scenario in scenarios])


@pytest.mark.usefixtures("fake")
class TestStandardSuite(SourceTestSuiteBase):
    connector = SourceDialpad  # the suite would look it up by the folder's name, and a clone may have any


for name in [name for name in dir(SourceTestSuiteBase) if name.startswith("test_docker_image")]:
    setattr(TestStandardSuite, name, None)  # `make image-test` builds and runs the image


def scenarios(command: ScenarioCommand) -> list[ConnectorTestScenario]:
    return [scenario for scenario in TestStandardSuite.get_scenarios() if scenario.runs(command)]


@pytest.mark.parametrize("command", ["spec", "check", "discover", "read"])
def test_the_suite_has_a_configuration_for_every_command(command: ScenarioCommand) -> None:
    assert scenarios(command)


def test_the_suite_runs_everything_it_has() -> None:
    tests = {name for name in dir(TestStandardSuite) if name.startswith("test_") and getattr(TestStandardSuite, name)}
    assert tests == {"test_spec", *COMMANDS}


def test_the_platform_s_command_finds_the_connector_in_a_folder_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "source-dialpad"
    folder.symlink_to(ROOT)
    suite = create_connector_test_suite(connector_directory=folder)
    assert issubclass(suite, SourceTestSuiteBase)
    assert suite.connector is SourceDialpad
