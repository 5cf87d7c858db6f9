"""Under what circumstances a run was made."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

import jax

PACKAGES = ("dsm", "jax", "jaxlib", "equinox", "optax", "orbax-checkpoint", "hydra-core", "numpy", "xarray")


def manifest(timings: dict[str, float], precision: dict[str, str], command: str | None = None) -> str:
    """JSON text with versions, commit, device, timings in seconds, the precision of what is computed, and the command that
    makes the run again."""
    device = jax.devices()[0]
    facts = {
        "command": command,
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
        "host": {"system": platform.platform(), "cores": os.cpu_count()},
        "device": {"platform": device.platform, "kind": device.device_kind, "number": jax.device_count()},
        "precision": {**precision, "x64": bool(jax.config.read("jax_enable_x64"))},
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }
    return json.dumps(facts, indent=1) + "\n"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Commit of the checkout that `dsm` is imported from, "-dirty" if it has changes; None outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        git = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
        return subprocess.run(git, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
