"""Every illegal setting is refused before anything is written, with its key, its value and what is legal."""

import pytest
import yaml

import dsm
from commands import TESTS
from dsm._errors import ConfigError

CASES = yaml.safe_load((TESTS / "data" / "bad_settings.yaml").read_text())


def param(case: dict) -> object:
    marks = [getattr(pytest.mark, case["tier"])] if "tier" in case else []
    return pytest.param(case, id=" ".join(case["overrides"]), marks=marks)


@pytest.mark.parametrize("case", [param(case) for case in CASES])
def test_illegal_setting_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        dsm.run(*case["overrides"])
    message = str(caught.value)
    assert message.startswith(f"{case['key']} = {case['value']}: " if "value" in case else case["key"])
    assert case["legal"] in message.removeprefix(case["key"]) and "\n" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.quick
def test_no_case_stands_twice():
    commands = [sorted(case["overrides"]) for case in CASES]
    assert all(command not in commands[:number] for number, command in enumerate(commands))
