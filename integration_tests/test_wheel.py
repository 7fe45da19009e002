"""The wheel, not the checkout: what is in it, and that it works where nothing else of the project is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = (sys.executable, "-m", "build", "--no-isolation")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel, the wheel made from the sdist, in a copy of what git knows."""
    checkout = tmp_path_factory.mktemp("checkout")
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, known.split("\0")):
        if (ROOT / name).exists():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    subprocess.run([*BUILD, "--outdir", str(checkout / "dist"), "."], cwd=checkout, capture_output=True, check=True)
    return checkout


def test_the_wheel_holds_connector_schemas_and_receiver_and_nothing_else(built: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    sources = [path for name in ("source_dialpad", "event_receiver") for path in (built / name).rglob("*")]
    kept = {".py", ".yaml", ".typed", ".json"}
    expected = {str(path.relative_to(built)) for path in sources if path.suffix in kept or path.name == "py.typed"}
    expected |= {f"source_dialpad/schemas/{path.name}" for path in (built / "schemas").glob("*.json")}
    info = "airbyte_source_dialpad-0.1.0.dist-info/"
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.startswith(info)}
    assert packed == expected


def test_the_installed_wheel_answers_spec_away_from_the_checkout(built: Path, tmp_path: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    answered = subprocess.run(
        [sys.executable, "-P", "-m", "source_dialpad.run", "spec"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (message,) = [json.loads(line) for line in answered.splitlines() if '"SPEC"' in line]
    assert "dialpad" in message["spec"]["connectionSpecification"]["properties"]


def test_the_installed_wheel_finds_every_schema_in_itself(built: Path, tmp_path: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    question = (
        "import source_dialpad.manifest as s\nprint(s.__file__, ','.join(sorted(s.composed_manifest()['schemas'])))"
    )
    context, schemas = subprocess.run(
        [sys.executable, "-P", "-c", question],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert context.startswith(str(tmp_path))
    assert schemas.split(",") == sorted(path.stem for path in (ROOT / "schemas").glob("*.json"))


def test_both_commands_are_declared(built: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    with ZipFile(wheel) as archive:
        points = archive.read("airbyte_source_dialpad-0.1.0.dist-info/entry_points.txt").decode()
    assert "source-dialpad = source_dialpad.run:run" in points
    assert "dialpad-event-receiver = event_receiver.run:run" in points
