"""Test error and invariant overlaps against the latent dimension D, from run directories.

python experiments/manifold/figure.py runs/manifold experiments/manifold/figure.png
"""

import sys

from matplotlib.figure import Figure

import dsm


def main(runs: str, file: str) -> None:
    """Read the sweep below `runs`, print its table, draw `file`."""
    data = dsm.load_sweep(runs).isel(sweep=-1, beta=0).sortby("latent")
    print("| D | E/(MN) | test error | best-matched overlap by layer | the same, independent machines |")
    print("|---|---|---|---|---|")
    for latent in data.latent.values:
        at = data.sel(latent=latent)
        layers = ", ".join(f"{v:.3f}({e:.3f})" for v, e in _pairs(at, "teacher_matched_overlap"))
        base = ", ".join(f"{v:.3f}" for v in at.baseline_matched_overlap_mean.values)
        energy, error = (f"{_pair(at, name)[0]:.4f}({_pair(at, name)[1]:.4f})" for name in ("energy", "test_error"))
        print(f"| {latent} | {energy} | {error} | {layers} | {base} |")

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.errorbar(data.latent, data.test_error_mean, data.test_error_error, marker="o", capsize=2)
    left.axhline(0.5, color="0.6", ls=":", lw=0.8)
    left.set_xscale("log")
    left.set_xticks(data.latent.values, [str(latent) for latent in data.latent.values])
    left.minorticks_off()
    left.set(xlabel="latent dimension $D$", ylabel=r"test error $\epsilon$", ylim=(0, 0.52))
    for index, latent in enumerate(data.latent.values):
        at = data.sel(latent=latent)
        style = {"color": f"C{index}", "marker": "v", "label": f"D={latent}", "capsize": 2}
        right.errorbar(at.layer, at.teacher_matched_overlap_mean, at.teacher_matched_overlap_error, **style)
        right.plot(at.layer, at.baseline_matched_overlap_mean, color=f"C{index}", ls="--", lw=1)
    right.set(xlabel="layer $l$", ylabel="best-matched overlap, test", xticks=data.layer, ylim=(0, 1.02))
    figure.legend(loc="outside right upper", fontsize=8, title="dashed: independent", title_fontsize=8)
    figure.suptitle(f"{data.sizes['sample']} samples, {data.sizes['replica']} replicas, jackknife errors", fontsize=9)
    figure.savefig(file, dpi=130)


def _pair(at, name: str) -> tuple[float, float]:
    return float(at[f"{name}_mean"]), float(at[f"{name}_error"])


def _pairs(at, name: str):
    return zip(at[f"{name}_mean"].values, at[f"{name}_error"].values, strict=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
