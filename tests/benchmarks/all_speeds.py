"""All measurements of one machine, one after the other: `python tests/benchmarks/all_speeds.py --out speeds`.

Each script's table goes to a file of its own below the folder as it is made, what it says besides to `<name>.log`; one that
fails does not keep the others from being made. A script that takes longer than its share of the time is ended, with what it
has printed until then. On a GPU numbers of chains and networks are larger. The exit status is 0 if all were made.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent

#: Name of a table: script, minutes that it may take, its words on a CPU, its words on a GPU.
TABLES: dict[str, tuple[str, float, str, str]] = {
    "sampler": (
        "sampler_speed.py", 2.5, "--sizes 0 1 --seconds 1",
        "--sizes 0 1 2 3 --seconds 0.5 --kernel plain pallas --products auto",
    ),
    "products": (
        "sampler_speed.py", 1.5, "--sizes 0 --seconds 1 --replicas 64 --products plain bf16 int8",
        "--sizes 0 1 --seconds 0.5 --products plain bf16 int8",
    ),
    "online_sgd": ("sgd_speed.py", 1.5, "--calls 3", "--calls 3 --samples 1 32 256 2048"),
    "specialisation": (
        "specialisation_speed.py", 1.5, "--samples 8 --steps 200", "--samples 1 8 32 128 --steps 200"
    ),
    "narrow": ("narrow_speed.py", 1.0, "--steps 500 --no-theory", "--samples 1 8 64 512 --steps 500 --no-theory"),
    "checkpoints": ("checkpoint_speed.py", 1.0, "--calls 10 --megabytes 1 10 100", "--calls 10 --megabytes 1 10 100"),
    "theory": ("theory_speed.py", 1.0, "--alphas 50 --depth 5 --passes 1", "--alphas 50 --depth 5 --passes 1"),
}  # fmt: skip


def make(name: str, out: Path, on_gpu: bool, share: float) -> str | None:
    """Make one table; returns what went wrong."""
    script, minutes, cpu, gpu = TABLES[name]
    with (out / f"{name}.md").open("w") as table, (out / f"{name}.log").open("w") as log:
        command = [sys.executable, HERE / script, *(gpu if on_gpu else cpu).split()]
        try:
            done = subprocess.run(command, stdout=table, stderr=log, timeout=60 * minutes * share)
        except subprocess.TimeoutExpired:
            return f"ended after {minutes * share:.1f} minutes"
    return None if done.returncode == 0 else f"status {done.returncode}, see {name}.log"


def main() -> int:
    """See the top of this file; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--only", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--minutes", type=float, default=10.0, help="for all tables together")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    asked = "import jax; print(jax.default_backend())"
    on_gpu = subprocess.check_output([sys.executable, "-c", asked], text=True).strip() == "gpu"
    share = given.minutes / sum(TABLES[name][1] for name in given.only)
    failed = 0
    for name in given.only:
        began = time.monotonic()
        wrong = make(name, given.out, on_gpu, share)
        failed += wrong is not None
        print(f"{name}: {wrong or 'made'}, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
