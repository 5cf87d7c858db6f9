"""Which chain stage a run uses: the setting `sampler.kernel`."""

from dsm._errors import require
from dsm.samplers.sign_perceptron.chains._base import CHAINS, AbstractChain, Workload

KEY = "sampler.kernel"
#: What "auto" tries, in this order; the last one does everything.
AUTO = ("pallas", "plain")


def choose_chain(name: str, work: Workload) -> tuple[AbstractChain, str]:
    """The chain stage called `name`; "auto" is the fastest that can do the work.

    Returns:
        the stage, and words that say what was chosen and why.

    Raises:
        ConfigError: no such stage, or it cannot do the work; the message names `sampler.kernel` and those that can.
    """
    require(name in ("auto", *CHAINS.names), KEY, name, f"one of auto, {', '.join(CHAINS.names)}")
    if name != "auto":
        chain = _build(name)
        reason = chain.refuses(work)
        if reason is not None:
            able = [other for other in CHAINS.names if other != name and _build(other).refuses(work) is None]
            require(False, KEY, name, f"one of auto, {', '.join(able)}: {name} {reason}")
        return chain, f"{name} ({KEY} = {name})"
    reasons = []
    for name in AUTO:
        chain = _build(name)
        reason = chain.refuses(work)
        if reason is None:
            break
        reasons.append(f"{name} {reason}")
    return chain, f"{name} ({'; '.join([f'{KEY} = auto', *reasons])})"


def _build(name: str) -> AbstractChain:
    return CHAINS.build({"name": name}, KEY)
