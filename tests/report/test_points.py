"""Points of others beside measurements: files of them, and those that come with the package."""

from pathlib import Path

import pytest

import dsm
from dsm._errors import StoreError
from dsm.observables.narrow import OBSERVABLES
from dsm.reporting import _points, _write, report
from dsm.reporting._points import as_text, published


@pytest.mark.parametrize(
    "text, said",
    [
        (None, "cannot read paper.csv"),
        ("quantity,x,y\n", "paper.csv: lacks the column axis"),
        ("quantity,axis,x,y\ntest_error,sweep,1,much\n", "paper.csv, line 2: y = much"),
        ("quantity,axis,x,y\ntest_error,sweep,,2\n", "paper.csv, line 2: x must be a number"),
    ],
)
def test_file_of_points_is_read_before_the_runs(text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_write, "collect", lambda root: pytest.fail("a run was read"))
    if text is not None:
        Path("paper.csv").write_text(text)
    with pytest.raises(StoreError, match=said):
        report(tmp_path, points="paper.csv")


@pytest.mark.quick
def test_settings_are_written_as_on_the_command_line():
    """Python reads 2026_11 as a number, which no setting means."""
    told = {2.0: "2", "2.0": "2", 0.5: "0.5", True: "true", None: "null", "2026_11": "2026_11", "inf": "inf"}
    assert {value: as_text(value) for value in told} == told


def settings_of(*words: str) -> dict[str, str]:
    return {key: as_text(value) for key, value in dsm.compose(*words).identity().items()}


@pytest.mark.slow
def test_published_points_belong_to_their_experiments():
    for name, figure in (("temperature", "finite_temperature"), ("zero_temperature",) * 2, ("classification",) * 2):
        file = Path(_points.__file__).parent / "published" / f"narrow_{figure}.csv"
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        counts = []
        for more in (
            ["network.activation.name=erf"],
            ["network.activation.name=relu", "network.mean_subtraction=true"],
        ):
            for start in ("planted", "random"):
                settings = settings_of(f"experiment=narrow_{name}", f"training.start.name={start}", *more)
                own = published([settings])
                measured = {point["quantity"].removeprefix("teacher_").removesuffix("_off_diagonal") for point in own}
                assert measured <= set(OBSERVABLES.names)
                assert all(set(point["where"]) <= set(settings) for point in own)
                counts.append(len(own))
        assert sum(counts) == len(lines) - 1 and min(counts[0], *counts[2:]) > 0  # every line belongs to one of them
    assert not published([settings_of("experiment=narrow_temperature", "training.temperature=0.2")])
    assert not published([settings_of("experiment=quickstart")])
