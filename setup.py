"""The compiled extension only; every other fact of the package is in setup.cfg."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        # optional: an install without a compiler goes on with the plain twin (tbbridge/decode/_plain.py)
        Extension("tbbridge.decode._native", ["tbbridge/decode/_native.pyx"], extra_compile_args=["-O3"], optional=True)
    ]
)
