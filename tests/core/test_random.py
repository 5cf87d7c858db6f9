"""Random streams: named by words and numbers, and independent of one another."""

import jax
import pytest

from dsm._random import stream


@pytest.mark.quick
def test_streams_of_different_names_differ():
    key = jax.random.key(0)
    names = [("moves", 0, 0, 1), ("moves", 0, 1, 0), ("moves", 1, 0, 0), ("data", 0, 0, 1)]
    names += [("moves",), ("data",), ("moves", 0)]
    bits = {name: tuple(jax.random.key_data(stream(key, *name)).tolist()) for name in names}
    assert len(set(bits.values())) == len(names)
    again = tuple(jax.random.key_data(stream(key, "moves", 0, 0, 1)).tolist())
    assert again == bits["moves", 0, 0, 1]
