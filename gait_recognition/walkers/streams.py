"""Streams of random numbers: the same seeds give the same numbers for ever, and no two purposes share a stream."""
import numpy as np

# First words of the seed sequences: identities and appearances never share a stream.
IDENTITY, SESSION, CONDITION, WALK, PICTURE, SCENE, CROWD, RECORDED, SITUATION, CROSSING = range(1, 11)


def stream(*words) -> np.random.Generator:
    """Random stream of non-negative integers `words`."""
    # Their number comes first: NumPy pads seeds with zeros, so that (1, 5) and (1, 5, 0) would be one stream.
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([len(words), *map(int, words)])))
