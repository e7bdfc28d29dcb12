"""Clothes, hair and light: what is drawn anew for every picture and every walk, and says nothing about who walks."""
import dataclasses
import functools
from typing import NamedTuple

import numpy as np
from PIL import Image

from gait_recognition.walkers.streams import stream

_SKIN = ((244, 211, 184), (226, 181, 147), (198, 145, 108), (150, 102, 70), (100, 66, 46), (66, 44, 34))
_HAIR = ((24, 20, 18), (52, 36, 26), (92, 62, 38), (146, 104, 58), (200, 168, 108), (150, 146, 142), (120, 52, 28))
_PATTERNS = ('plain', 'plain', 'plain', 'hoops', 'stripes', 'checks', 'blotches')


@dataclasses.dataclass(frozen=True)
class Cloth:
    colour: tuple
    second: tuple
    pattern: str = 'plain'
    period: float = 0.05   # of the stature
    folds: float = 0.10    # relative brightness of creases


@dataclasses.dataclass(frozen=True)
class Look:
    """Clothes and hair of one walk; lengths and loosenings are factors on the body."""

    skin: tuple
    hair: tuple
    hair_style: str
    top: Cloth
    bottom: Cloth
    shoes: Cloth
    extra: Cloth          # bag, covers, hat, belt
    outfit: str            # 'trousers', 'shorts', 'skirt', 'dress', 'coat'
    sleeve: float          # share of the arm that is covered, 0 to 1
    hem: float             # lower edge of shorts, skirt, dress or coat: 0 hip, 1 knee, 2 ankle
    loose_top: float
    loose_bottom: float
    flare: float           # trousers at the ankle against the ankle itself
    waist: float           # where the top ends, share of the trunk above (or, negative, below) the hips
    backpack: bool
    covers: bool


def mix(first, second, share: float) -> tuple:
    return tuple(float(a + (b - a) * share) for a, b in zip(first, second, strict=True))


def shade(colour, factor: float) -> tuple:
    return tuple(min(channel * factor, 255.0) for channel in colour)


def random_colour(rng, brightness=(20, 245), saturation=0.55) -> tuple:
    """A random colour, more often dull than bright."""
    grey = rng.uniform(*brightness)
    tint = rng.uniform(-1, 1, 3)
    return tuple(np.clip(grey * (1 + saturation * rng.random() * (tint - tint.mean())), 4, 250).tolist())


def random_cloth(rng, patterned=0.4, denim=0.0) -> Cloth:
    colour = random_colour(rng, saturation=rng.choice([0.15, 0.5, 1.0]))
    if rng.random() < denim:
        colour = mix((28, 36, 62), (120, 142, 178), rng.random())
    pattern = str(rng.choice(_PATTERNS)) if rng.random() < patterned else 'plain'
    second = random_colour(rng) if rng.random() < 0.5 else shade(colour, rng.uniform(0.5, 1.6))
    return Cloth(colour, second, pattern, rng.uniform(0.02, 0.09), rng.uniform(0.03, 0.18))


def random_look(rng, condition: str, session: int = 0) -> Look:
    """Clothes for a condition; session 1 is winter, 2 spring, 0 any time of the year."""
    cold = {0: rng.random(), 1: rng.uniform(0.4, 1), 2: rng.uniform(0, 0.7)}[session]
    outfit = str(rng.choice(['trousers', 'shorts', 'skirt', 'dress', 'coat'],
                            p=np.array([0.60, 0.16 * (1 - cold), 0.09, 0.07, 0.26 * cold])
                            / (0.76 + 0.16 * (1 - cold) + 0.26 * cold)))
    hem = {'trousers': 2.0, 'shorts': rng.uniform(0.45, 1.0), 'skirt': rng.uniform(0.5, 1.5),
           'dress': rng.uniform(0.6, 1.6), 'coat': rng.uniform(0.4, 1.35)}[outfit]
    sleeve = 1.0 if outfit == 'coat' or rng.random() < 0.25 + 0.6 * cold else float(rng.choice([0.02, 0.3, 0.42, 0.75]))
    skin = _SKIN[int(rng.integers(len(_SKIN) - 1))]
    skin = mix(skin, _SKIN[_SKIN.index(skin) + 1], rng.random())
    return Look(
        skin=skin, hair=shade(_HAIR[int(rng.integers(len(_HAIR)))], rng.uniform(0.7, 1.3)),
        hair_style=str(rng.choice(['short', 'short', 'crop', 'bald', 'long', 'bob', 'tail', 'bun', 'afro', 'cap',
                                   'hat', 'hood'])),
        top=random_cloth(rng), bottom=random_cloth(rng, 0.15, 0.4), shoes=random_cloth(rng, 0.0),
        extra=random_cloth(rng, 0.2),
        outfit=outfit, sleeve=sleeve, hem=hem,
        loose_top=rng.uniform(1.04, 1.16 + 0.2 * cold), loose_bottom=rng.uniform(1.04, 1.28),
        flare=rng.uniform(1.15, 2.1), waist=rng.uniform(-0.24, 0.10),
        backpack=condition == 'B', covers=condition == 'S')


class Light(NamedTuple):
    direction: tuple     # towards the light: right, down, towards the camera; unit length
    ambient: float
    diffuse: float
    shadow: float        # darkness of the shadow on the ground
    cover: float         # share of the light that near limbs and trunk keep from the far limbs

    def on_far_side(self) -> 'Light':
        """What reaches the far arm and leg. Without it nothing but an edge tells which leg is the near one."""
        reach = 1 - self.cover
        return self._replace(ambient=reach * self.ambient, diffuse=reach * self.diffuse)


def random_light(rng) -> Light:
    toward = np.array([rng.uniform(-1, 1), rng.uniform(-1.0, -0.1), rng.uniform(0.25, 1.0)])
    toward /= np.linalg.norm(toward)
    ambient = rng.uniform(0.45, 0.75)
    return Light(tuple(toward), ambient, rng.uniform(0.9, 1.15) - ambient + 0.1, rng.uniform(0.0, 0.6),
                 rng.uniform(0.1, 0.4))


@functools.cache
def noise_tile(size: int = 512) -> np.ndarray:
    """Smooth periodic noise (size, size) float32, mean 0, deviation 1: creases, plaster, grass."""
    rng = stream(77)
    tile = np.zeros((size, size), np.float32)
    for cell in (4, 8, 16, 32, 64):
        coarse = rng.standard_normal((size // cell, size // cell)).astype(np.float32)
        wide = np.pad(coarse, 4, mode='wrap')
        image = Image.fromarray(wide).resize((wide.shape[1] * cell, wide.shape[0] * cell), Image.Resampling.BICUBIC)
        tile += np.asarray(image)[4 * cell:-4 * cell, 4 * cell:-4 * cell] * cell ** 0.4
    return (tile - tile.mean()) / tile.std()
