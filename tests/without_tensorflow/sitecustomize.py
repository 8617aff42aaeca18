"""Gives a Python process TensorBoard's own switch to do without TensorFlow, whose import takes 5 s of the processor.

For processes with this folder in PYTHONPATH that train with another framework: torch's SummaryWriter is TensorBoard's,
which would import TensorFlow to open its file.
"""

import sys
import types

sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
