"""Replica theory of narrow one-hidden-layer networks (arXiv:2507.00629)."""

from dsm.theory.narrow._network import NarrowSolution as NarrowSolution
from dsm.theory.narrow._network import narrow_network as narrow_network
