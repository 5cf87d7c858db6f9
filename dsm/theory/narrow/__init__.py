"""Replica theory of narrow one-hidden-layer networks (arXiv:2507.00629)."""

from dsm.theory.narrow._network import NarrowSolution as NarrowSolution
from dsm.theory.narrow._network import narrow_network as narrow_network
from dsm.theory.narrow._outputs import DRESSINGS as DRESSINGS
from dsm.theory.narrow._transitions import NarrowTransitions as NarrowTransitions
from dsm.theory.narrow._transitions import narrow_branch as narrow_branch
from dsm.theory.narrow._transitions import narrow_transitions as narrow_transitions

__all__ = ["DRESSINGS", "NarrowSolution", "NarrowTransitions", "narrow_branch", "narrow_network", "narrow_transitions"]
