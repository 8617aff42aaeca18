"""The compiled extension only; every other fact of the package is in setup.cfg."""

import sys
from glob import glob

from setuptools import Extension, setup

setup(
    ext_modules=[
        # optional: an install without a compiler goes on with the plain twin (tbbridge/decode/_plain.py)
        Extension(
            "tbbridge.decode._native",
            ["tbbridge/decode/_native.pyx"],
            depends=[*sorted(glob("tbbridge/decode/_*.pxi")), "tbbridge/decode/_crc.h"],
            include_dirs=["tbbridge/decode"],
            extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
            optional=True,
        )
    ]
)
