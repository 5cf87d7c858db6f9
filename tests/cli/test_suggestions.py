"""Suggestions in messages: names near a wrong one, and how parts of users are found."""

import pytest
import yaml
from hydra.errors import ConfigCompositionException
from omegaconf.errors import OmegaConfBaseException

import dsm
from dsm._errors import ConfigError, StoreError
from dsm._near import near
from dsm.config._hydra_errors import explain_hydra
from dsm.reporting._points import read_points

pytestmark = pytest.mark.quick


def test_points_suggest_near_names(tmp_path):
    legal = {"quantity": ["test_error", "energy"], "axis": ["alpha"], "setting": {"network.depth"}}
    (tmp_path / "a.csv").write_text("quantity,axis,x,y\ntest_eror,alpha,1,2\n")
    with pytest.raises(StoreError, match=r"quantity = test_eror: .* test_error\?$"):
        read_points(tmp_path / "a.csv").checked(legal)
    (tmp_path / "b.csv").write_text("quantity,axis,x,y,network.dpth\nenergy,alpha,1,2,3\n")
    with pytest.raises(StoreError, match=r"column = network.dpth: .* network.depth\?$"):
        read_points(tmp_path / "b.csv").checked(legal)


def test_unknown_experiment_gives_the_hint_before_the_names():
    with pytest.raises(ConfigError) as caught:
        dsm.compose("experiment=nonsense")
    first, *names = str(caught.value).splitlines()
    assert first.startswith("experiment = nonsense: ")
    assert all(way in first for way in ("--config-dir FOLDER", "hydra.searchpath=[pkg://", "hydra.searchpath=[file://"))
    assert len(names) > 3 and max(map(len, names)) <= 106
    assert " ".join(names).split()[-1] == "width" and "quickstart" in " ".join(names)


def test_explain_hydra_serves_errors_without_their_cause():
    error = ConfigCompositionException(
        "Could not override 'network.dpth'.\nTo append to your config use +network.dpth=3"
    )
    assert explain_hydra(error, ["network.dpth=3,4"]) == "network.dpth = 3: there is no such setting"
    try:
        raise ConfigCompositionException() from OmegaConfBaseException(
            "first line\n    full_key: a.b\n    object_type=dict"
        )
    except ConfigCompositionException as bare:
        assert explain_hydra(bare, []) == "first line"
    assert explain_hydra(ConfigCompositionException(), []) == "ConfigCompositionException"
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load("a: 1\nb: [1")
    line = explain_hydra(caught.value, [])
    assert line == "<unicode string>, line 2: expected ',' or ']', but got '<stream end>'"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dpth", ["depth"]),
        ("Depth", ["depth"]),
        ("spin", ["spin_overlap"]),
        ("weight_overlpa", ["weight_overlap"]),
        ("colour", []),
        ("", []),
    ],
)
def test_near_finds_similar_names(name, found):
    assert near(name, ["depth", "width", "spin_overlap", "weight_overlap"]) == found
    assert near(name, []) == []
