"""From a seed to a model."""
import numpy as np

import chains  # noqa: F401 (adds templates)
from grow import Grower, Reject
from operators import TEMPLATES

WEIGHTS = np.array([w for w, _ in TEMPLATES])
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def step(g):
    """One template that applies, of those tried."""
    for _ in range(6):
        if g.attempt(TEMPLATES[int(g.random.choice(len(TEMPLATES), p=WEIGHTS))][1]):
            return


def grow(seed):
    """A model and its feeds, a dict a run."""
    while True:
        g = Grower(seed)
        for _ in range(g.int(2, 14)):
            step(g)
        try:
            return g.model()
        except Reject:
            seed += 2 ** 40
