"""Records are written once, in two copies; a run goes on with all that its checkpoint has."""

import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsm._errors import StoreError
from dsm.store import Checkpoints
from dsm.store import _records as records_module
from dsm.store._records import RecordStore


def history(first: int, end: int) -> dict[str, np.ndarray]:
    """Records `first` to `end` - 1."""
    return {"times": np.arange(first, end), "record:q": np.arange(first, end)[:, None] ** 2.0}


def assert_history(records: dict[str, np.ndarray], number: int) -> None:
    """These are the first `number` records."""
    expected = history(0, number)
    assert set(records) == (set(expected) if number else set())
    for name in records:
        np.testing.assert_array_equal(records[name], expected[name])


def long_run(folder: Path, checkpoints: int, keep: int = 3) -> None:
    """Checkpoints after every 2 records."""
    with Checkpoints(folder, keep) as stored:
        for number in range(checkpoints):
            stored.save(number, {"a": np.ones(2) * number}, 2 * number, history(2 * number, 2 * number + 2))


def resumed(folder: Path) -> tuple[int, int]:
    """Sweep of the newest good checkpoint, and how many records it has."""
    with Checkpoints(folder, 3) as stored:
        sweep, arrays, records = stored.load_newest()
    number = len(records["times"])
    assert arrays["a"][0] == sweep
    assert_history(records, number)
    return sweep, number


def flip(path: Path) -> None:
    """Change a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


#: Kinds of damage to a file.
DAMAGES = {
    "flipped": flip,
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: path.write_bytes(b""),
    "deleted": Path.unlink,
}


def test_checkpoint_writes_only_new_records(tmp_path, monkeypatch):
    written = []
    replace = records_module.replace_file
    monkeypatch.setattr(
        records_module, "replace_file", lambda path, write: (replace(path, write), written.append(path.stat().st_size))
    )
    long_run(tmp_path / "checkpoints", 20)
    assert len(written) == 40 and len(set(written)) == 1  # two copies of each segment
    assert resumed(tmp_path / "checkpoints") == (19, 40)


def test_segments_are_merged_into_longer_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(records_module, "TOGETHER", 3)
    long_run(tmp_path / "checkpoints", 32)
    names = {path.name for path in (tmp_path / "records").iterdir()}
    assert names == {f"{part}.{copy}.npz" for part in ("0-54.3", "54-60.1", "60-62.0", "62-64.0") for copy in "ab"}
    assert resumed(tmp_path / "checkpoints") == (31, 64)


#: What happens to records: so many are appended, a checkpoint is saved, the process is killed and the run resumed, or one
#: copy of a segment is damaged.
EVENTS = st.one_of(
    st.integers(1, 4),
    st.just("save"),
    st.just("kill"),
    st.tuples(st.integers(0, 10**6), st.sampled_from(list(DAMAGES))),
)


class Run:
    """A run that writes records to a folder; tests let things happen to it."""

    def __init__(self, folder: Path):
        self.store = RecordStore(folder)
        self.made = self.saved = 0
        self.damaged: set[str] = set()  # segments with a damaged copy

    def append(self, number: int) -> None:
        self.store.append(self.made, history(self.made, self.made + number))
        self.made += number

    def resume(self) -> None:
        """Start again with what belongs to the checkpoint."""
        records, used = self.store.read(self.saved)
        assert_history(records, self.saved)
        self.store.keep(self.saved, used)
        self.made, self.damaged = self.saved, set()
        for copy in self.store.folder.glob("*.a.npz"):  # damaged copies are mended
            assert copy.read_bytes() == copy.with_name(copy.name.replace(".a.", ".b.")).read_bytes()

    def damage(self, draw: int, kind: str) -> None:
        """Damage one copy of a segment."""
        segments = sorted({path.name.split(".npz")[0][:-2] for path in self.store.folder.glob("*.npz")} - self.damaged)
        if segments:
            number, copy = divmod(draw, 2)
            segment = segments[number % len(segments)]
            DAMAGES[kind](self.store.folder / f"{segment}.{'ab'[copy]}.npz")
            self.damaged.add(segment)


@pytest.mark.quick
@settings(derandomize=True, deadline=None, max_examples=80)
@given(events=st.lists(EVENTS, min_size=2, max_size=16))
def test_records_survive_every_sequence_of_kills_and_damage(events):
    """What is read after a kill is what was appended before the checkpoint, also across merged segments."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(records_module, "TOGETHER", 3)
        run = Run(Path(folder, "records"))
        for event in events:
            if event == "save":
                run.saved = run.made
            elif event == "kill":
                run.resume()
            elif isinstance(event, int):
                run.append(event)
            else:
                run.damage(*event)
        run.resume()


@pytest.mark.quick
def test_flipped_bits_of_a_segment_are_found():
    """Some lead zipfile to leave out arrays, or to ask for a password."""
    file = io.BytesIO()
    records = history(0, 2)
    np.savez(file, **records, digest=records_module._digest(records))
    content = file.getvalue()
    assert records_module._parse(content) is not None
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        found = records_module._parse(bytes(flipped))
        if found is not None:  # of a date, say
            assert set(found) == set(records)
            for name, values in records.items():
                np.testing.assert_array_equal(found[name], values, strict=True)


def test_records_without_a_checkpoint_are_removed(tmp_path):
    """A kill between the first segment and the first checkpoint."""
    with Checkpoints(tmp_path / "checkpoints", 3) as stored:
        stored.records.append(0, history(0, 5))
    (tmp_path / "records" / ".5-6.0.a.npz.tmp").write_bytes(b"half")
    with Checkpoints(tmp_path / "checkpoints", 3) as stored:
        assert stored.load_newest() is None
    assert not list((tmp_path / "records").iterdir())


def test_checkpoints_whose_records_are_damaged_in_both_copies_are_set_aside(tmp_path, caplog):
    long_run(tmp_path / "checkpoints", 4)
    for copy in "ab":
        flip(tmp_path / "records" / f"6-8.0.{copy}.npz")
    assert resumed(tmp_path / "checkpoints") == (2, 6)
    assert "6-8.0.a.npz is damaged" in caplog.text and "6-8.0.b.npz is damaged" in caplog.text
    assert "checkpoint at sweep 3 is damaged" in caplog.text and "from number 6 on" in caplog.text
    assert not list((tmp_path / "records").glob("6-8*"))
    for copy in "ab":
        flip(tmp_path / "records" / f"0-2.0.{copy}.npz")
    with pytest.raises(StoreError, match="run.resume=never"):
        resumed(tmp_path / "checkpoints")
