"""What must be said of theory beside results, in the caption of a figure and on a page."""

import xarray as xr

#: Of overlaps with teachers, by `sampler.start`.
SAMPLED = {
    "random": "theory is of equilibrium in the teacher's gauge, which students from a random start need not reach",
    "planted": "students start as their teachers, so overlaps with them are those of equilibrium when they no longer decay",
}
#: By `training.start.name` of narrow networks.
TRAINED = {
    "random": "students from a random start need not reach equilibrium, nor the specialised branch",
    "planted": "planted students can stay on the specialised branch where that is not equilibrium",
    "teacher": "students that start as teachers can stay on the specialised branch where that is not equilibrium",
}
#: N / c up to which hidden units see much the same spins, so that points leave theory for that alone (experiments/loops).
FEW = 4


def caveats(dataset: xr.Dataset) -> list[str]:
    """What must be said of theory beside the results of this run."""
    told = dataset.attrs
    found = [SAMPLED.get(str(told.get("sampler.start"))), _finite_size(dataset), _narrow_start(dataset)]
    return [one for one in found if one]


def _finite_size(dataset: xr.Dataset) -> str:
    """Of deep machines whose units see much the same spins."""
    if "sampler.start" not in dataset.attrs:
        return ""
    width, fan_in = (dataset.attrs.get(f"network.{key}") for key in ("width", "fan_in"))
    fan_in = width if fan_in == "null" else fan_in
    if width is None or fan_in is None or width > FEW * fan_in:
        return ""
    return f"N = {width} and c = {fan_in} are far from N ≫ c ≫ 1, and points leave theory for that alone"


def _narrow_start(dataset: xr.Dataset) -> str:
    if "observe.dressing" not in dataset.attrs:
        return ""
    return TRAINED.get(str(dataset.attrs.get("training.start.name")), "")


def limits(dataset: xr.Dataset) -> str:
    """The limits in which the theory of narrow networks holds."""
    dressing = dataset.attrs.get("observe.dressing", "none")
    return "N ≫ K ≫ 1" if dressing == "none" else f"N ≫ K, dressing by 1/K: {dressing}"
