"""Named axes of chains: vmap in blocks, and which part of a problem varies along which axis."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, PyTree


class Axis(eqx.Module):
    """One axis of an ensemble of chains.

    Attributes:
        name: its dimension in results: "sample" (disorder), "beta", "replica", "lr", ...
        size: number of chains along it.
        over: which leaves of the problems have this axis, as `in_axes` of `jax.vmap`: 0 or None for the whole, or a tree of
            them. Axes of a leaf come in the order of the ensemble's axes.
    """

    name: str = eqx.field(static=True)
    size: int = eqx.field(static=True)
    over: PyTree = None

    def varies(self, problems: PyTree) -> PyTree:
        """True for each leaf of the problems that has this axis."""

        def below(over: int | None, part: PyTree) -> PyTree:
            return jax.tree.map(lambda _: over is not None, part)

        return jax.tree.map(below, self.over, problems, is_leaf=lambda node: node is None)


def varying(problems: PyTree, *names: str) -> PyTree:
    """For `Axis.over`: the fields of the problems that vary along an axis, by name."""

    def parts(problem: Any) -> list:
        return [getattr(problem, name) for name in names]

    nothing = jax.tree.map(lambda _: None, problems)
    return eqx.tree_at(parts, nothing, [0] * len(names), is_leaf=lambda node: node is None)


def single(problems: PyTree, axes: tuple[Axis, ...]) -> PyTree:
    """The problem of one chain, abstract: shapes and types of the leaves without the axes of the ensemble."""

    def one(leaf: Any, *has: bool) -> Any:
        return jax.ShapeDtypeStruct(leaf.shape[sum(has) :], leaf.dtype) if hasattr(leaf, "dtype") else leaf

    return jax.tree.map(one, problems, *(axis.varies(problems) for axis in axes))


def over_chains(
    function: Callable[..., Any],
    axes: tuple[Axis, ...],
    chains: PyTree,
    indices: tuple[Int[Array, " _"], ...],
    problems: PyTree,
    block: int,
) -> PyTree:
    """`function(chain, indices, problem)` for every chain, about `block` of them at a time; inner axes go together first.

    Arguments:
        function: of one chain, its place along each axis, and its problem.
        axes: names and variation; sizes are those of `indices`, since a device may have a part of an axis only.
        chains: arrays whose leading axes are `axes`.
        indices: places along each axis.
        problems: see `Axis.over`.
        block: the most chains that are worked on side by side, at least one.
    """

    def level(depth: int, chains: PyTree, place: tuple[Array, ...], problem: PyTree, block: int) -> PyTree:
        if depth == len(axes):
            return function(chains, place, problem)
        varying, fixed = eqx.partition(problem, axes[depth].varies(problem))
        size, inside = len(indices[depth]), int(np.prod([len(index) for index in indices[depth + 1 :]], dtype=int))
        together = max(1, min(size, block // max(inside, 1)))
        together = -(-size // -(-size // together))  # blocks of equal size, or nearly

        def one(own: tuple[PyTree, Array, PyTree]) -> PyTree:
            chain, index, part = own
            return level(depth + 1, chain, (*place, index), eqx.combine(part, fixed), max(1, block // together))

        rows = (chains, indices[depth], varying)
        if together == size:
            return jax.vmap(one)(rows)
        return lax.map(one, rows) if together == 1 else _in_blocks(one, rows, size, together)

    return level(0, chains, (), problems, block)


def _in_blocks(function: Callable[[PyTree], PyTree], rows: PyTree, size: int, together: int) -> PyTree:
    """`function` of each of `size` rows, `together` of them side by side, and what is left in the end.

    `lax.map` with a batch size does the same, but not where an array of the rows or of the results is empty.
    """
    blocks = size // together
    inside = blocks * together
    head = jax.tree.map(lambda leaf: leaf[:inside].reshape(blocks, together, *leaf.shape[1:]), rows)
    done = lax.map(jax.vmap(function), head)
    done = jax.tree.map(lambda leaf: leaf.reshape(inside, *leaf.shape[2:]), done)
    if inside == size:
        return done
    rest = jax.vmap(function)(jax.tree.map(lambda leaf: leaf[inside:], rows))
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), done, rest)
