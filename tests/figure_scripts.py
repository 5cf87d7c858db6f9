"""The scripts `experiments/*/figure.py`, called in this process."""

import importlib.util
from pathlib import Path
from types import ModuleType

from commands import ROOT

#: What a script takes besides its runs and its file, where its defaults do not suit small runs.
ARGUMENTS = {
    "alpha": ("2",),
    **{f"specialisation_{name}": ("3",) for name in ("l_shape", "recovery", "convergence", "gradients")},
    "specialisation_sweep": (None, "3"),
    "narrow_temperature": ("-", "none"),
    "narrow_zero_temperature": ("-", "none"),
    "narrow_bayes": ("none",),
    "narrow_decay": ("square",),
}


def script(path: str) -> ModuleType:
    """The module of a file below `experiments`, which is no package."""
    spec = importlib.util.spec_from_file_location(f"script_{path.replace('/', '_')}", ROOT / "experiments" / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(name: str, runs: Path, file: Path) -> None:
    """Draw the figure of an experiment, where it has one."""
    if not (ROOT / "experiments" / name / "figure.py").exists():
        return
    script(f"{name}/figure.py").main(str(runs), str(file), *ARGUMENTS.get(name, ()))
    assert file.stat().st_size > 10_000
