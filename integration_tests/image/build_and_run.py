"""Builds the image and runs it, on a machine without a container engine: `make image-test` (Debian, as root).

Airbyte's base image can't be had everywhere, so a Debian with Python and the user `airbyte` takes its place; the
Dockerfile is the one that is published. spec, check, discover and read run inside the image, as its own user, against
a fake Dialpad on this machine. What is proven: the image has all it needs and no more, its user may run it, its
entrypoint and labels are what the platform reads, and no trace of this machine's package registry is in it.

It needs `debootstrap` and `buildah`: apt-get install --no-install-recommends debootstrap buildah.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from warehouse.invented import invented_account  # noqa: E402  # run as a script, from anywhere

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = ROOT / ".image"
"""Kept between runs: the Debian base takes most of the time."""
BASE, IMAGE = "localhost/python-debian:bookworm", "localhost/source-dialpad:dev"
BUILDAH = ("buildah", "--root", str(STORE / "storage"), "--runroot", str(STORE / "run"), "--storage-driver", "vfs")
STREAMS = ("company", "offices", "messages")
"""Streams that answer at once; exports take their time and go the same way."""


def run(*words: str | Path) -> str:
    """Run a command and return what it says; a failure ends the test with its last words."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(str(word) for word in words[:12])} …\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout


def buildah(*words: str | Path) -> str:
    """Run buildah with a store of our own."""
    return run(*BUILDAH, *words)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is done and how long it took."""
    began = time.monotonic()
    print(f"{name} …", end=" ", flush=True)
    yield
    print(f"{time.monotonic() - began:.0f} s", flush=True)


def make_base() -> None:
    """A Debian with Python, and the user Airbyte's base has."""
    if BASE in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        return
    with step("Debian base"), tempfile.TemporaryDirectory(dir=STORE) as folder:
        root = Path(folder) / "root"
        packages = "python3,python3-venv,python3-pip,ca-certificates"
        run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", root)
        run("chroot", root, "useradd", "--create-home", "--uid", "1000", "airbyte")
        shutil.rmtree(root / "var/cache/apt")
        container = buildah("from", "scratch").strip()
        buildah("copy", "-q", container, root, "/")
        buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container)
        buildah("commit", "-q", "--rm", container, BASE)


def pip_secrets(folder: Path) -> list[str]:
    """This machine's pip configuration, as secrets of the build: its registry and certificate authority, if it has any.

    Paths of this machine mean nothing inside the build and stay out, so a registry that is a folder does too.
    """
    told = run(sys.executable, "-m", "pip", "config", "list")
    settings = dict(re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", told, re.MULTILINE))
    lines = ["[global]"]
    for name in ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout"):
        remote = [value for value in settings.get(name, "").split() if not value.startswith(("file:", "/"))]
        if remote:
            lines.append(f"{name} = {' '.join(remote)}")
    secrets = []
    if authority := settings.get("cert"):
        lines.append("cert = /run/secrets/ca_bundle")
        secrets += ["--secret", f"id=ca_bundle,src={authority}"]
    conf = folder / "pip.conf"
    conf.write_text("\n".join(lines) + "\n")
    return [*secrets, "--secret", f"id=pip_conf,src={conf}"]


def build(folder: Path) -> None:
    """The image, from the Dockerfile as it stands."""
    with step("image"):
        buildah(
            "build", "--isolation", "chroot", "--layers=false", "--build-arg", f"BASE_IMAGE={BASE}",
            *pip_secrets(folder), "--tag", IMAGE, ROOT,
        )  # fmt: skip


def inside(container: str, folder: Path, *words: str) -> list[dict[str, Any]]:
    """Run a command in the container, with `folder` where the platform puts a connector's files; its messages."""
    said = buildah(
        "run", "--isolation", "chroot", "--network", "host", "--volume", f"{folder}:/given:ro", container, "--", *words
    )
    return [json.loads(line) for line in said.splitlines()]


def expect(claim: str, holds: object) -> None:
    """One line for each claim; the first that doesn't hold ends the test."""
    print(f"  {'ok  ' if holds else 'FAIL'} {claim}")
    if not holds:
        sys.exit(1)


def check_image() -> list[str]:
    """What the platform reads from the image; its entrypoint."""
    image = json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
    environment = dict(pair.split("=", 1) for pair in image["Env"])
    metadata = (ROOT / "metadata.yaml").read_text()
    expect(
        "the entrypoint is in AIRBYTE_ENTRYPOINT", environment["AIRBYTE_ENTRYPOINT"] == " ".join(image["Entrypoint"])
    )
    expect("its user is not root", image["User"] == "airbyte")
    for label, key in (("io.airbyte.version", "dockerImageTag"), ("io.airbyte.name", "dockerRepository")):
        expect(f"{label} is what metadata.yaml says", f"{key}: {image['Labels'][label]}\n" in metadata)
    entrypoint: list[str] = image["Entrypoint"]
    return entrypoint


def registry_words() -> set[bytes]:
    """What names this machine's package registry: none of it may be in the image."""
    settings = run(sys.executable, "-m", "pip", "config", "list")
    named = re.findall(r"^\S*(?:index-url|find-links)='(.*)'$", settings, re.MULTILINE)
    return {word.encode() for value in named for word in value.split()} - {b"https://pypi.org/simple"}


def check_files(container: str) -> None:
    """What is in the image, and what is not."""
    root = Path(buildah("mount", container).strip())
    try:
        installed = root / "opt/source-dialpad"
        packages = {path.name for path in installed.glob("lib/python3*/site-packages/*") if path.is_dir()}
        expect("the connector is in it", "source_dialpad" in packages)
        programs = {"fake_dialpad", "warehouse", "unit_tests", "integration_tests", "benchmarks"}
        expect("fake, warehouse and tests are not", not packages & programs)
        expect("nor is pip", "pip" not in packages)
        expect("no package registry is configured", not (root / "etc/pip.conf").exists())
        words = registry_words()
        files = [path for path in installed.rglob("*") if path.is_file() and not path.is_symlink()]
        traces = [path for path in files if any(word in path.read_bytes() for word in words)]
        expect(f"nothing in {len(files):,} files names this machine's registry", not traces)
        expect("the secrets of the build are gone", not list((root / "run").glob("secrets/*")))
        expect("nothing of the build is left", not (root / "build").exists())
        size = sum(path.lstat().st_size for path in installed.rglob("*"))
        print(f"       the connector and what it stands on: {size / 1e6:.0f} MB")
    finally:
        buildah("umount", container)


def check_runs(container: str, entrypoint: list[str], folder: Path, config: dict[str, Any]) -> None:
    """The four commands, as the platform starts them."""
    (folder / "config.json").write_text(json.dumps(config))
    with step("spec"):
        (spec,) = [message for message in inside(container, folder, *entrypoint, "spec") if message["type"] == "SPEC"]
    expect("spec describes the sections", "dialpad" in spec["spec"]["connectionSpecification"]["properties"])
    given = ("--config", "/given/config.json")
    with step("check"):
        said = inside(container, folder, *entrypoint, "check", *given)
    statuses = [message["connectionStatus"] for message in said if message["type"] == "CONNECTION_STATUS"]
    expect("check succeeds", [status["status"] for status in statuses] == ["SUCCEEDED"])
    with step("discover"):
        said = inside(container, folder, *entrypoint, "discover", *given)
    (catalog,) = [message["catalog"]["streams"] for message in said if message["type"] == "CATALOG"]
    names = {stream["name"] for stream in catalog}
    schemas = {path.stem for path in (ROOT / "schemas").glob("*.json")}
    expect(f"discover finds {len(names)} streams, each with a schema of ours", names and names <= schemas)
    configured = [
        {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        for stream in catalog
        if stream["name"] in STREAMS
    ]
    (folder / "catalog.json").write_text(json.dumps({"streams": configured}))
    with step("read"):
        said = inside(container, folder, *entrypoint, "read", *given, "--catalog", "/given/catalog.json")
    rows = {name: sum(m["type"] == "RECORD" and m["record"]["stream"] == name for m in said) for name in STREAMS}
    expect(f"read gives rows: {', '.join(f'{name} {count:,}' for name, count in rows.items())}", all(rows.values()))


READ_ONLY = """
set -eu
mount --bind "$ROOT" "$ROOT"
mount --bind "$GIVEN" "$ROOT/mnt"
mount --bind /etc/hosts "$ROOT/etc/hosts"
mount --rbind /dev "$ROOT/dev"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount -o remount,bind,ro "$ROOT"
mount -o remount,bind,ro "$ROOT/mnt"
cp "$ROOT/bin/true" "$ROOT/opt/written" 2>/dev/null && { echo "the root can be written" >&2; exit 3; }
exec chroot --userspec=airbyte:airbyte "$ROOT" env -i HOME=/home/airbyte PATH="$IMAGE_PATH" "$@"
"""
"""What `docker run --read-only --tmpfs /tmp` does, in a mount namespace of its own."""


def check_read_only(container: str, entrypoint: list[str], folder: Path) -> None:
    """A read with a root that cannot be written, and nothing but /tmp beside it."""
    root = buildah("mount", container).strip()
    path = next(
        pair.removeprefix("PATH=")
        for pair in json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]["Env"]
        if pair.startswith("PATH=")
    )
    words = [*entrypoint, "read", "--config", "/mnt/config.json", "--catalog", "/mnt/catalog.json"]
    try:
        with step("read with a read-only root"):
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", *words],
                env={**os.environ, "ROOT": root, "GIVEN": str(folder), "IMAGE_PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
    finally:
        buildah("umount", container)
    rows = sum('"type":"RECORD"' in line for line in done.stdout.splitlines())
    expect(f"it ends well with {rows:,} rows {done.stderr[-500:]}", done.returncode == 0 and rows)


def main() -> None:
    """Build, look, run."""
    if missing := [tool for tool in ("debootstrap", "buildah") if not shutil.which(tool)]:
        sys.exit(f"{' and '.join(missing)} missing: apt-get install --no-install-recommends debootstrap buildah")
    if os.geteuid():
        sys.exit("debootstrap and a chroot need root.")
    STORE.mkdir(exist_ok=True)
    make_base()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        (folder / "pip.conf").unlink()
        folder.chmod(0o755)  # the image's user reads it
        entrypoint = check_image()
        container = buildah("from", "--pull-never", IMAGE).strip()
        try:
            check_files(container)
            with invented_account(STORE / "fake.log") as served:
                with step("an invented company"):
                    config = served()
                check_runs(container, entrypoint, folder, config)
                check_read_only(container, entrypoint, folder)
        finally:
            buildah("rm", container)


if __name__ == "__main__":
    main()
