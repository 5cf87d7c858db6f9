"""Numbers with their errors, as they are printed in tables."""

import math


def with_error(value: float, error: float) -> str:
    """0.3163 and 0.0030 as "0.3163(30)": two digits of the error, in units of the last digit of the value."""
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return f"{value:.4g}"
    rounded = float(f"{error:.1e}")  # 0.0996 has the digits of 0.10
    digits = max(0, 1 - math.floor(math.log10(rounded)))
    return f"{value:.{digits}f}({round(error * 10**digits)})"
