"""Memory: how much a sampling run needs, and whether it is there."""

import os
from dataclasses import dataclass

import jax

from dsm._errors import CapacityError
from dsm.config import RunConfig, SampleConfig
from dsm.data import training_patterns

GIB = 2**30


@dataclass(frozen=True)
class Need:
    """Bytes that a run needs on all devices together: `fixed` + replicas * `replica` + chains at work * `chain`.

    Attributes:
        fixed: patterns, labels and teachers of all samples.
        replica: for each replica (of every sample and beta): what is kept, and what passes while it is observed.
        chain: working set of one chain in a sweep.
    """

    fixed: int
    replica: int
    chain: int


def chain_bytes(config: SampleConfig) -> int:
    """Working set of one chain in a sweep: 6 arrays [N, M], the weights as matrices, a layer's random numbers."""
    network = config.network
    width, fan_in = network.width, network.inputs_per_unit
    patterns = training_patterns(config.data.alpha, fan_in)
    return 4 * (6 * width * patterns + network.depth * width * width + 3 * width * fan_in * config.sampler.inner)


def need(config: SampleConfig) -> Need:
    """What a run needs, from its shapes.

    A replica keeps 4 L N c bytes of weights twice (before and after a call), as much for each reference sweep of
    two-time overlaps, all of that once more with exchange (in the order of betas, while it is observed), and 16 L bytes
    besides. While it is observed, one sample at a time, it is compared with the teacher, another student and each of its
    past selves: 9 L N (M + M_test) bytes for each of these machines. Nothing grows with the number of sweeps but the
    records, which are on the host.
    """
    network, data, observe = config.network, config.data, config.observe
    width, depth, fan_in = network.width, network.depth, network.inputs_per_unit
    patterns = training_patterns(data.alpha, fan_in) + data.test_patterns
    betas, past = len(config.sampler.betas), len(observe.references)
    weights = 4 * depth * width * fan_in
    copies = 2 if config.sampler.exchange is None else 3
    kept = data.samples * betas * (copies * (1 + past) * weights + 16 * depth)
    observed = betas * 9 * depth * width * patterns * (3 + past)
    if "matched_overlap" in observe.quantities and network.wiring == "dense":
        observed += betas * 16 * depth * width * width
    return Need(data.samples * (4 * width * patterns + weights), kept + observed, chain_bytes(config))


def available_bytes() -> int:
    """Memory that the devices of this process have to give, less a tenth for the compiler and the rest."""
    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        limits = [(device.memory_stats() or {}).get("bytes_limit", 0) for device in devices]
        if all(limits):
            return int(0.9 * sum(limits))
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/proc/meminfo") as lines:
            free = int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024
        with open("/sys/fs/cgroup/memory.max") as limit:
            free = min(free, int(limit.read()))
    except (OSError, StopIteration, ValueError):
        pass  # this system has no such file, or no limit: what is known so far stands
    return int(0.9 * free)


def check_capacity(config: SampleConfig, at_work: int) -> None:
    """Refuse a run that cannot fit, before anything is compiled.

    Arguments:
        config: the run.
        at_work: the most chains that are swept at the same time, over all devices.

    Raises:
        CapacityError: with what is needed, what there is, and what would fit.
    """
    wanted = need(config)
    limit = memory_limit(config.run)
    chains = config.data.samples * len(config.sampler.betas)

    def total(replicas: int) -> int:
        return wanted.fixed + replicas * wanted.replica + min(at_work, chains * replicas) * wanted.chain

    replicas = config.sampler.replicas
    if total(replicas) <= limit:
        return
    # `total` rises with the number of replicas: bisect for the most that fit.
    fit, too_many = 0, replicas
    while too_many - fit > 1:
        middle = (fit + too_many) // 2
        fit, too_many = (middle, too_many) if total(middle) <= limit else (fit, middle)
    smaller = "lower data.samples, data.alpha, data.test_patterns, network.width or network.depth"
    advice = f"sampler.replicas={fit} would fit" if fit else f"not even one replica fits: {smaller}"
    raise CapacityError(
        f"sampler.replicas = {replicas}: the run needs {total(replicas) / GIB:.3g} GiB of memory "
        f"and {limit / GIB:.3g} GiB are there; {advice}"
    )


def refuse_too_large(needed: int, run: RunConfig, advice: str) -> None:
    """Refuse a run that needs more bytes than there are, before anything is compiled.

    Raises:
        CapacityError: with what is needed, what there is, and what to do.
    """
    limit = memory_limit(run)
    if needed > limit:
        raise CapacityError(
            f"the run needs {needed / GIB:.3g} GiB of memory and {limit / GIB:.3g} GiB are there; {advice}"
        )


def memory_limit(run: RunConfig) -> int:
    """Bytes that a run may use."""
    return available_bytes() if run.memory_gib is None else int(run.memory_gib * GIB)
