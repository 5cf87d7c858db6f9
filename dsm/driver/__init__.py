"""The driver: many chains of one system over devices and through time."""

from dsm.driver._axes import Axis as Axis
from dsm.driver._axes import over_chains as over_chains
from dsm.driver._axes import single as single
from dsm.driver._axes import varying as varying
from dsm.driver._capacity import SEGMENTS as SEGMENTS
from dsm.driver._capacity import check_capacity as check_capacity
from dsm.driver._capacity import needed_bytes as needed_bytes
from dsm.driver._driver import Driver as Driver
from dsm.driver._driver import Progress as Progress
from dsm.driver._layout import Layout as Layout
from dsm.driver._layout import make_layout as make_layout
from dsm.driver._layout import put as put
from dsm.driver._layout import whole as whole

__all__ = [
    "SEGMENTS",
    "Axis",
    "Driver",
    "Layout",
    "Progress",
    "check_capacity",
    "make_layout",
    "needed_bytes",
    "over_chains",
    "put",
    "single",
    "varying",
    "whole",
]
