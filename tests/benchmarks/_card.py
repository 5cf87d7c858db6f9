"""What a device could do at most, and what a compiled program asks of it."""

import re

#: Multiply-adds a second by number type, dense, from data sheets: half of their operations a second.
PEAKS = {
    "H100": {"float32": 33.5e12, "bf16": 494e12, "int8": 989e12},
    "H200": {"float32": 33.5e12, "bf16": 494e12, "int8": 989e12},
    "A100": {"float32": 9.75e12, "bf16": 156e12, "int8": 312e12},
}
#: The number type that products work in, and how many of its multiply-adds make one of theirs.
TYPES = {"plain": ("float32", 1), "bf16": ("bf16", 3), "int8": ("int8", 1)}
#: Instructions of a compiled program that cost no launch.
FREE = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "conditional", "call"}


def field_work(width: int, depth: int, patterns: int) -> float:
    """Multiply-adds of the field stage in a sweep of a chain: L - l - 1 products N x N x M for each unit of layer l < L."""
    return width * sum(depth - layer - 1 for layer in range(1, depth)) * width**2 * patterns


def fraction_of_peak(device_kind: str, products: str, multiply_adds_per_s: float) -> float | None:
    """The share of the card's peak that these multiply-adds are; None if the card is unknown."""
    card = next((peaks for name, peaks in PEAKS.items() if name in device_kind), None)
    if card is None:
        return None
    kind, times = TYPES[products]
    return multiply_adds_per_s * times / card[kind]


def launches(text: str) -> int:
    """Kernels that a compiled program starts, loops with a known number of turns counted in full, others once.

    Arguments:
        text: of the optimised program, as `jax.stages.Compiled.as_text` has it.
    """
    bodies: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        head = re.match(r"^(ENTRY )?%?([\w.\-]+) .*\{$", line)
        if head:
            name = "ENTRY" if head[1] else head[2]
            bodies[name] = []
        elif " = " in line and name:
            bodies[name].append(line)

    def count(name: str) -> int:
        total = 0
        for line in bodies.get(name, ()):
            kind = re.search(r"\s([a-z][\w\-]*)\(", line.split(" = ", 1)[1])
            what = kind[1] if kind else ""
            inside = re.findall(r"(?:body|to_apply|calls|branch_computations)=\{?%?([\w.\-]+)", line)
            if what == "while":
                turns = re.search(r'known_trip_count[^0-9]*"?n"?[^0-9]*(\d+)', line)
                total += (int(turns[1]) if turns else 1) * sum(map(count, inside))
            elif what in ("call", "conditional"):
                total += sum(map(count, inside))
            elif what not in FREE:
                total += 1
        return total

    return count("ENTRY")
