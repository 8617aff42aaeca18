"""The compiled extensions only; every other fact of the package is in setup.cfg."""

import os
import sys
import sysconfig
from glob import glob

from setuptools import Extension, setup

# TBBRIDGE_ABI3=1 builds one wheel for CPython 3.11 and all later ones (since then the limited API has buffers).
# The loops that walk bytes call nothing of Python, so they are as fast (benchmarks/README.md). `make wheel` and
# published wheels are built so.
ABI3 = (
    os.environ.get("TBBRIDGE_ABI3") == "1"
    and sys.version_info >= (3, 11)
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)


def compiled(folder: str) -> Extension:
    """The extension ``tbbridge.<folder>._native``.

    It is optional: an install without a compiler goes on with the plain twin (``_plain.py`` beside it).
    """
    return Extension(
        f"tbbridge.{folder}._native",
        [f"tbbridge/{folder}/_native.pyx"],
        depends=sorted(
            glob(f"tbbridge/{folder}/_*.pxi") + glob(f"tbbridge/{folder}/_*.h") + glob("tbbridge/core/_*.h")
        ),
        include_dirs=[f"tbbridge/{folder}", "tbbridge/core"],
        extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if ABI3 else [],
        py_limited_api=ABI3,
        optional=True,
    )


setup(
    ext_modules=[compiled("decode"), compiled("write")],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
)
