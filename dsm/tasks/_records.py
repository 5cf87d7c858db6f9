"""From records to a labelled dataset."""

import numpy as np
import xarray as xr

from dsm.config import SampleConfig
from dsm.ensemble import Ensemble, variable_name
from dsm.observables import Variable
from dsm.observables.statistics import effective_sample_size, jackknife, r_hat
from dsm.store import describe

PAIRS = {
    "teacher": "teacher and student",
    "student": "two students of one teacher",
    "past": "a student and its past at sweep `reference`",
    "baseline": "teacher and independent machine",
}
#: Variables that describe how chains move; convergence statistics of them mean nothing.
MOTION = ("acceptance", "swap_rate", "round_trips")
ORDER = ("sample", "beta", "pair", "replica", "machine", "reference", "layer", "sweep")


def record_sweeps(spacing: str, every: int, per_decade: int, last: int, references: list[int]) -> list[int]:
    """Sweeps at which observables are recorded: 0, the reference sweeps, the last one, and those that `spacing` says:
    "linear", the multiples of `every`; "log", `every` 10**(k / `per_decade`), rounded."""
    if spacing == "linear":
        regular = set(range(0, last + 1, every))
    else:
        decades = np.log10(max(last / every, 1))
        steps = np.arange(int(np.floor(decades * per_decade)) + 1)
        regular = {int(sweep) for sweep in np.round(every * 10 ** (steps / per_decade))}
    return sorted(sweep for sweep in regular | {0, last} | set(references) if sweep <= last)


def variables_of(ensemble: Ensemble, pair: str) -> dict[str, Variable]:
    """The variables recorded for one kind of pair, by their full names."""
    found: dict[str, Variable] = {}
    for observable in ensemble.observables:
        if pair in observable.pairs:
            for name, variable in observable.variables.items():
                found[variable_name(observable, pair, name)] = variable._replace(
                    long_name=f"{variable.long_name}, {PAIRS[pair]}"
                )
    return found


def build_dataset(
    config: SampleConfig,
    ensemble: Ensemble,
    sweeps: np.ndarray,
    records: dict[str, np.ndarray],
    baseline: dict[str, np.ndarray],
) -> xr.Dataset:
    """Results of a run: every chain's records, averages with jackknife errors over samples, and convergence statistics.

    For each variable v: `v` by chain; `v_mean`, the mean over replicas and samples; `v_error`, its jackknife standard
    error over samples (NaN with one sample). With `observe.burn_in`, also `v_ess` and `v_rhat` of the records after it,
    for each sample and beta, over replicas as chains.
    """
    layers = np.arange(1, config.network.depth + 1)
    coordinates: dict[str, tuple] = {
        "sweep": ("sweep", sweeps, {"long_name": "Monte Carlo sweeps done"}),
        "sample": ("sample", np.arange(config.data.samples), {"long_name": "disorder sample"}),
        "beta": ("beta", np.asarray(config.sampler.betas), {"long_name": "inverse temperature"}),
        "replica": ("replica", np.arange(config.sampler.replicas), {"long_name": "student"}),
        "layer": ("layer", layers, {"long_name": "layer, 1 next to the input"}),
    }
    if config.observe.references:
        past = np.asarray(config.observe.references)
        coordinates["reference"] = ("reference", past, {"long_name": "sweep t_w of the past student"})
    arrays: dict = {}
    for pair in ("teacher", "student", "past"):
        for name, variable in variables_of(ensemble, pair).items():
            if name in records:
                between = ("reference",) if pair == "past" else ()
                dims = ("sweep", "sample", "beta", "replica", *between, *(("layer",) if variable.per_layer else ()))
                arrays |= describe(name, dims, records[name], variable.long_name, variable.unit)
    accepted = "fraction of accepted moves since the last record"
    arrays |= describe("acceptance", ("sweep", "sample", "beta", "replica", "layer"), records["acceptance"], accepted)
    if config.sampler.exchange is not None:
        lower = np.asarray(config.sampler.betas[:-1])
        coordinates["pair"] = ("pair", lower, {"long_name": "lower inverse temperature of two neighbours"})
        arrays |= _swaps(ensemble, sweeps, records)
    for name, variable in variables_of(ensemble, "baseline").items():
        dims = ("sample", "machine", *(("layer",) if variable.per_layer else ()))
        arrays |= describe(name, dims, baseline[name], variable.long_name, variable.unit)
    dataset = xr.Dataset(arrays, coordinates).transpose(*ORDER, missing_dims="ignore")
    if config.observe.references:  # before t_w there is no past student
        reached = dataset.sweep >= dataset.reference
        for name in variables_of(ensemble, "past"):
            dataset[name] = dataset[name].where(reached).assign_attrs(dataset[name].attrs)
    dataset = dataset.assign(averages(dataset))
    if config.observe.burn_in is not None:
        dataset = dataset.assign(_convergence(dataset, config.observe.burn_in))
    return dataset


def _swaps(ensemble: Ensemble, sweeps: np.ndarray, records: dict[str, np.ndarray]) -> dict:
    """What exchange did: rates since the last record, NaN where a pair has had no turn since; round trips from sweep 0."""
    tried = np.diff(ensemble.exchange.tried(sweeps), axis=0, prepend=0)[:, None, :, None]
    made = np.diff(records["swaps"], axis=0, prepend=0)
    rate = made / np.where(tried > 0, tried, np.nan)
    swapped = "fraction of accepted swaps with the next higher beta since the last record"
    trips = "round trips from the lowest beta to the highest and back, of all students of a ladder"
    return describe("swap_rate", ("sweep", "sample", "pair", "replica"), rate, swapped) | describe(
        "round_trips", ("sweep", "sample", "replica"), records["round_trips"], trips
    )


def averages(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    """Mean over samples and its jackknife error, for every variable that has samples."""
    found = {}
    for name, variable in dataset.data_vars.items():
        by_sample = variable.mean([dim for dim in ("replica", "machine") if dim in variable.dims])
        mean, error = jackknife(by_sample.values, by_sample.get_axis_num("sample"))
        template = by_sample.isel(sample=0, drop=True)
        text, unit = variable.attrs["long_name"], variable.attrs["units"]
        for suffix, values, prefix in (("mean", mean, "mean"), ("error", error, "jackknife error of mean")):
            found[f"{name}_{suffix}"] = template.copy(data=values).assign_attrs(
                long_name=f"{prefix} {text}", units=unit
            )
    return found


def _convergence(dataset: xr.Dataset, burn_in: int) -> dict[str, xr.DataArray]:
    kept = dataset.sel(sweep=slice(burn_in, None))
    found = {}
    for name, variable in kept.data_vars.items():
        if not {"replica", "sweep"} <= set(variable.dims) or "reference" in variable.dims or name in MOTION:
            continue
        for suffix, statistic, text in (
            ("ess", effective_sample_size, "effective sample size"),
            ("rhat", r_hat, "R-hat"),
        ):
            found[f"{name}_{suffix}"] = xr.apply_ufunc(
                statistic, variable, input_core_dims=[["replica", "sweep"]], vectorize=True
            ).assign_attrs(long_name=f"{text} of {variable.attrs['long_name']}", units="1")
    return found
