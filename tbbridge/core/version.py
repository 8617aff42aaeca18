"""The version of tbbridge; setup.cfg reads it from here, and so does ``tbbridge --version`` without any import."""

VERSION = "0.2.0"
