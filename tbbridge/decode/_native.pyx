# cython: language_level=3
"""The fast twin of `tbbridge.decode._plain`."""
