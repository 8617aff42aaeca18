"""The data that the examples learn: 1,797 handwritten digits of 8 by 8 pixels, which scikit-learn carries with it."""

import numpy as np
from sklearn.datasets import load_digits

TRAINING = 1437
"""How many of them are trained on (the first four fifths); the others validate."""


def load():
    """Return images and labels to train on, then images and labels to validate on.

    Images are float32 between 0 and 1, of the shape (n, 8, 8); labels are int64, of the shape (n,).
    """
    data = load_digits()
    images = (data.images / 16).astype(np.float32)
    labels = data.target.astype(np.int64)
    return images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:]
