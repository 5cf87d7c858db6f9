"""Streams of real inputs for gradient learning, one file each."""

from dsm._registry import import_folder
from dsm.data.streams._base import STREAMS as STREAMS
from dsm.data.streams._base import AbstractStream as AbstractStream

import_folder(__name__, __path__)
