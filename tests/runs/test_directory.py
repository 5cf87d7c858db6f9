"""A run directory belongs to one configuration and one process, and says how it was made."""

import errno
import fcntl
import json
import logging
import os
from dataclasses import dataclass, field

import pytest

import dsm
from dsm import store
from dsm._errors import ConfigError, StoreError
from dsm.config import Config
from dsm.store import open_run


@pytest.fixture(scope="module")
def quickstart() -> Config:
    return dsm.compose("experiment=quickstart")


@dataclass
class Old(Config):
    """The settings of a task as they were."""

    rate: float


@dataclass
class Section:
    size: int
    added: int = 3


@dataclass
class New(Old):
    """The same later: with settings that have defaults, at the top and in sections."""

    law: str = "uniform"
    choices: list[int] = field(default_factory=lambda: [1, 2])
    section: Section = field(default_factory=lambda: Section(7))


@pytest.fixture
def base(quickstart) -> dict:
    return {"task": "sample", "experiment": "e", "seed": 0, "plugins": [], "run": quickstart.run}


def test_open_run_takes_defaults_for_settings_that_a_stored_run_lacks(tmp_path, base):
    path = tmp_path / "run"
    with open_run(path, Old(**base, rate=0.5)):
        pass
    assert New.defaults() == {"law": "uniform", "choices": [1, 2], "section.size": 7, "section.added": 3}
    with open_run(path, New(**base, rate=0.5)):
        pass
    with pytest.raises(StoreError, match="law: uniform .*normal"):
        with open_run(path, New(**base, rate=0.5, law="normal")):
            pass


def test_defaults_include_fields_of_a_section_without_one():
    @dataclass
    class Nested(Config):
        section: Section

    Nested.__annotations__["section"] = Section
    assert Nested.defaults() == {"section.added": 3}


def test_check_changes_no_setting():
    config = dsm.compose("experiment=quickstart", "data=digits")
    assert config.network.width == 64
    config.network.width = 12
    with pytest.raises(ConfigError, match="data.inputs.width = 12: .*64"):
        config.check()
    assert config.completed().network.width == 64 and config.network.width == 12


@pytest.mark.quick
@pytest.mark.parametrize("name", ["manifest.json", "log.txt", ".lock", ".config.yaml.tmp"])
def test_open_run_ignores_what_a_crash_left(tmp_path, quickstart, name):
    (tmp_path / name).write_text("{}")
    with open_run(tmp_path, quickstart):
        assert (tmp_path / "config.yaml").exists()


def test_open_run_without_file_locks_warns(tmp_path, quickstart, monkeypatch, caplog):
    def refuse_with(number):
        def refuse(*arguments):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", refuse)

    for number in (errno.ENOSYS, errno.ENOTSUP):
        refuse_with(number)
        with caplog.at_level(logging.WARNING, "dsm"), open_run(tmp_path, quickstart):
            assert "has no locks" in caplog.text
        caplog.clear()
    refuse_with(errno.EIO)
    with pytest.raises(StoreError, match="cannot use the run directory"):
        with open_run(tmp_path, quickstart):
            pass


def test_manifest_has_the_precision_of_the_task():
    facts = json.loads(store.manifest({"run_s": 1.23456}, {"theory": "float64"}))
    assert facts["precision"] == {"theory": "float64", "x64": True} and facts["timings"] == {"run_s": 1.235}
