"""The wheel in environments of its own, where nothing else of the project is: `make wheel-test`.

For every Python that the wheel is for: install it with the pinned versions, then spec, check, discover and a read
against a fake Dialpad. A Python that this machine doesn't have is told and left out; none at all is a failure.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
AT_MOST = 300


def interpreter(version: str) -> str | None:
    """A working Python of this version, from the path or from pyenv."""
    candidates = [
        shutil.which(f"python{version}"),
        *(Path.home() / ".pyenv" / "versions").glob(f"{version}*/bin/python"),
    ]
    question = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for candidate in map(str, filter(None, candidates)):
        told = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:
            return candidate
    return None


def wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    checkout = folder / "checkout"
    for name in ("source_dialpad", "event_receiver", "schemas"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, checkout / name)
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(checkout)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def installed(python: str, built: Path, folder: Path) -> Path:
    """The folder of commands of a new environment that holds the wheel and what it requires."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), str(built)], check=True)
    return folder / "bin"


def messages(command: list[str], folder: Path) -> Iterator[dict[str, Any]]:
    """What a command prints, a message a line; it has to end well."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=AT_MOST, check=False)
    if done.returncode or done.stderr:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}")
    yield from map(json.loads, done.stdout.splitlines())


def used(bin_folder: Path, url: str, folder: Path) -> str:
    """What spec, check, discover and read of one stream say."""
    source, config, catalog = str(bin_folder / "source-dialpad"), folder / "config.json", folder / "catalog.json"
    config.write_text(json.dumps({"dialpad": {"base_url": url, "api_key": "dialpad-key-0123456789"}}))
    (spec,) = [one["spec"] for one in messages([source, "spec"], folder) if one["type"] == "SPEC"]
    check = [source, "check", "--config", str(config)]
    (status,) = [one["connectionStatus"] for one in messages(check, folder) if one["type"] == "CONNECTION_STATUS"]
    discover = [source, "discover", "--config", str(config)]
    (found,) = [one["catalog"]["streams"] for one in messages(discover, folder) if one["type"] == "CATALOG"]
    (users,) = [stream for stream in found if stream["name"] == "users"]
    chosen = {"stream": users, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    catalog.write_text(json.dumps({"streams": [chosen]}))
    read = [source, "read", "--config", str(config), "--catalog", str(catalog)]
    rows = sum(one["type"] == "RECORD" for one in messages(read, folder))
    if status["status"] != "SUCCEEDED" or not rows:
        raise SystemExit(f"check: {status}; users: {rows} rows")
    settings = len(spec["connectionSpecification"]["properties"])
    return f"spec {settings} settings, check {status['status']}, discover {len(found)} streams, read {rows} users"


def main() -> None:
    """Installs and uses the wheel with every Python there is."""
    pythons = {version: interpreter(version) for version in PYTHONS}
    if not any(pythons.values()):
        raise SystemExit(f"No Python {', '.join(PYTHONS)} with venv was found.")
    with tempfile.TemporaryDirectory() as made, serve(FakeDialpad(World(days=5, calls_per_day=10))) as url:
        built = wheel(Path(made))
        for version, python in pythons.items():
            folder = Path(made) / version
            if python is None:
                print(f"Python {version}: no such interpreter", flush=True)
                continue
            print(f"Python {version}: {used(installed(python, built, folder), url, folder)}", flush=True)


if __name__ == "__main__":
    main()
