"""What is wrong with settings is said in one line."""

import re

import pytest

import dsm
from dsm._errors import ConfigError

#: Wrong words, and what is said; data/bad_settings.yaml has more, by key and value alone.
WRONG = {
    "depth=3": "depth = 3: there is no such setting with task=sample; did you mean network.depth?",
    "task=narrow sampler.sweeps=5": "sampler.sweeps = 5: there is no such setting with task=narrow, whose sections are "
    "data, network, observe, run, training",
    "experiment=narow_decay": "experiment = narow_decay: is none of the N there are; did you mean narrow_decay? One of your "
    'own is found with --config-dir FOLDER or "hydra.searchpath=[pkg://PACKAGE.conf]", in Python "hydra.searchpath=[file://FOLDER]"',
    "network/depth=3": "network/depth = 3: has no presets; write network.depth=3",
    "network.weights.name=ising": "network.weights.name = ising: network.weights has no options with task=sample; "
    "write network.weights=ising",
    "~network.depth=7": "~network.depth=7: network.depth is 3",
    "sampler.beta=1,2 seed=0,1": "sampler.beta = 1,2: is a sweep, which needs -m; a list is sampler.beta=[1,2]",
    "statsu": "statsu: must be written as setting=value; did you mean dsm status?",
    "-m": "-m: is an option of the command line, not a setting; in Python, call dsm.run in a loop",
    "task=narrow data.alpha=[1, 2]": "data.alpha = [1,: [ and ] must come in pairs; what holds a blank needs quotes, as in "
    '"data.alpha=[1, 2]"',
    "experiment = quickstart": "experiment: must be written as setting=value, without blanks around =",
    "run.dir=a=b": "run.dir = a=b: must be quoted twice, for the shell and for Hydra: \"run.dir='a=b'\"",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_with_settings_is_said_in_one_line(words):
    with pytest.raises(ConfigError) as caught:
        dsm.compose(*words.split())
    assert re.sub(r"the \d+ there are", "the N there are", str(caught.value)) == WRONG[words]
