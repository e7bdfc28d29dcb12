"""A figure is drawn part by part, from the far side to the near one.

Each part writes its number where it covers: the map of these numbers tells which joint is hidden.
"""
import math
from typing import NamedTuple

import numpy as np

from gait_recognition.walkers.cameras import Camera
from gait_recognition.walkers.gaits import Pose, Walker
from gait_recognition.walkers.looks import Cloth, Light, Look, mix, shade
from gait_recognition.walkers.parts import Part
from pose_joints import JOINT_NAMES

# Numbers of the parts in the map of owners; the right ones, the left ones are 10 more.
_ARM, _FOREARM, _HAND, _THIGH, _SHANK, _FOOT = range(1, 7)
_LEFT = 10
_TORSO, _NECK, _HEAD, _BAG, _SKIRT = range(30, 35)
_OFFSETS = {'right': 0, 'left': _LEFT}
ARM_PARTS = tuple(part + side for part in (_ARM, _FOREARM, _HAND) for side in (0, _LEFT))
_BALLS = {_HEAD, _BAG, _HAND, _HAND + _LEFT, _FOOT, _FOOT + _LEFT}

_THINNEST = 0.6     # radius in pixels: anything thinner would fade
_FAR = 0.012        # of the stature: joints this much farther than the middle of the pelvis are on the far side

# Half-widths of the bare arm, shares of the stature.
_SHOULDER, _UPPER_ARM, _ELBOW, _LOWER_ARM, _WRIST = 0.031, 0.029, 0.023, 0.024, 0.015


class _Stroke(NamedTuple):
    """A part of the hair; all in shares of the head's height."""

    circles: tuple              # (ahead of the chin, above it, radius)
    straight: bool = False


_SCALP = _Stroke(((0.10, 0.78, 0.27), (-0.12, 0.66, 0.36), (-0.26, 0.42, 0.23)))
_HAIR = {
    'bald': (),
    'crop': (_Stroke(((0.0, 0.66, 0.37), (-0.16, 0.56, 0.34))),),
    'short': (_SCALP,),
    'long': (_SCALP, _Stroke(((-0.20, 0.6, 0.30), (-0.30, 0.1, 0.25), (-0.34, -0.5, 0.18)))),
    'bob': (_SCALP, _Stroke(((-0.12, 0.6, 0.36), (-0.14, 0.1, 0.28)))),
    'tail': (_SCALP, _Stroke(((-0.45, 0.70, 0.10), (-0.62, 0.45, 0.13), (-0.60, 0.0, 0.06)))),
    'bun': (_SCALP, _Stroke(((-0.46, 0.76, 0.17), (-0.52, 0.80, 0.17)))),
    'afro': (_SCALP, _Stroke(((-0.02, 0.78, 0.40), (-0.20, 0.62, 0.46)))),
    'cap': (_SCALP, _Stroke(((0.10, 0.76, 0.22), (0.62, 0.70, 0.035)), straight=True)),
    'hat': (_SCALP, _Stroke(((-0.55, 0.72, 0.05), (0.55, 0.76, 0.05))),
            _Stroke(((0.0, 0.80, 0.42), (0.0, 0.98, 0.34)))),
    'hood': (_SCALP, _Stroke(((-0.10, 0.66, 0.47), (-0.20, 0.30, 0.36), (-0.16, -0.02, 0.34)))),
}


class _Figure:
    """A walker in one frame of a pose, seen by a camera: a method for each thing that is drawn.

    Points are of space, as in `Pose`; half-widths are shares of the stature.
    """

    def __init__(self, canvas, owner, walker: Walker, pose: Pose, frame: int, look: Look, light: Light, camera: Camera):
        self.canvas, self.owner = canvas, owner
        self.walker, self.look, self.camera = walker, look, camera
        self.light, self.far_light = light, light.on_far_side()
        self.unit = camera.scale * walker.stature   # pixels of the stature
        self.points = dict(zip(JOINT_NAMES, pose.joints[frame])) | {name: at[frame] for name, at in pose.extras.items()}
        self.pelvis, self.thorax = self.points['pelvis'], self.points['thorax']
        self.chin, self.head_up = self.points['upper neck'], self.points['head top'] - self.points['upper neck']
        self.right_near = math.cos(camera.heading) > 0
        self.wide = abs(math.sin(camera.heading))   # share of the trunk's width that is seen
        self.deep = abs(math.cos(camera.heading))   # and of its depth
        # Steps in space, of pelvis and thorax a stature long, of the head a head's height; near = to that side, left or
        # right, which is turned to the camera.
        near = -1 if self.right_near else 1
        self.pelvis_forward = walker.stature * pose.axes['pelvis'][frame][0]
        self.forward, left, self.up = walker.stature * pose.axes['thorax'][frame]
        self.near = near * left
        self.head_forward, left, _ = walker.stature * walker.head * pose.axes['head'][frame]
        self.head_near = near * left
        self.skin = Cloth(look.skin, look.skin, folds=0.02)
        self.lower_cloth = look.top if look.outfit in ('dress', 'coat') else look.bottom

    def draw(self):
        """Everything, what is farther first."""
        far, near = ('left', 'right') if self.right_near else ('right', 'left')
        bag_is_far = math.sin(self.camera.heading) < 0  # seen from the front
        self.arm(far)
        self.leg(far)
        self.seat()
        self.leg(near)
        if self.look.backpack and bag_is_far:
            self.bag()
        self.trunk()
        if self.look.backpack and not bag_is_far:
            self.bag()
        self.head()
        if self.look.backpack:
            self.strap()
        self.arm(near)

    def paint(self, number: int, circles, cloth: Cloth, girth=1.0, loose=1.0, straight=False):
        """Paint a part through `circles`, (point, half-width) each; `girth` and `loose` are factors on the widths."""
        points, widths = zip(*circles)
        self.paint_flat(number, self.project(*points), np.array(widths) * girth * loose, cloth, straight)

    def paint_flat(self, number: int, places, widths: np.ndarray, cloth: Cloth, straight=False):
        """Paint a part through `places` (y, x) of the picture."""
        circles = np.empty((len(places), 3), np.float32)
        circles[:, :2] = places
        circles[:, 2] = np.maximum(widths * self.unit, _THINNEST)
        on_far_side = number < _TORSO and (number > _LEFT) == self.right_near
        light = self.far_light if on_far_side else self.light
        Part(number, circles, cloth, light, self.unit, straight, number in _BALLS).paint(self.canvas, self.owner)

    def project(self, *points) -> np.ndarray:
        """Places (N, 2) in the picture, (y, x)."""
        return self.camera.project(np.array(points))[0]

    def across(self, depth: float, width: float) -> float:
        """Half-width in the picture of an ellipse with these half-axes, in the proportions of the walker's trunk."""
        return math.hypot(depth * self.walker.trunk_depth * self.deep, width * self.walker.trunk_width * self.wide)

    def limb(self, side: str, *names: str) -> list:
        """Points of one side."""
        return [self.points[f'{side} {name}'] for name in names]

    def arm(self, side: str):
        add, girth, sleeve = _OFFSETS[side], self.walker.arm_girth, self.look.sleeve
        shoulder, elbow, wrist = self.limb(side, 'shoulder', 'elbow', 'wrist')
        knuckle, fingertip = self.limb(side, 'knuckle', 'fingertip')
        self.paint(add + _HAND, [(wrist, 0.015), (knuckle, 0.019), (fingertip, 0.011)], self.skin, girth)
        low = elbow + 0.3 * (wrist - elbow)
        if sleeve < 1:  # skin that cloth covers is not drawn
            self.paint(add + _FOREARM, [(elbow, _ELBOW), (low, _LOWER_ARM), (wrist, _WRIST)], self.skin, girth)
        if sleeve < 0.5:
            middle = shoulder + 0.5 * (elbow - shoulder)
            self.paint(add + _ARM, [(shoulder, _SHOULDER), (middle, _UPPER_ARM), (elbow, _ELBOW)], self.skin, girth)
        self.sleeve(side)

    def sleeve(self, side: str):
        add, girth, look = _OFFSETS[side], self.walker.arm_girth, self.look
        shoulder, elbow, wrist = self.limb(side, 'shoulder', 'elbow', 'wrist')
        if look.sleeve > 0.5:
            share = (look.sleeve - 0.5) * 2
            end = elbow + share * (wrist - elbow)
            low = elbow + 0.3 * (wrist - elbow) if share > 0.35 else 0.5 * (elbow + end)
            cuff = max(_WRIST * girth, 0.024 - 0.009 * share)
            self.paint(add + _FOREARM, [(elbow, _ELBOW * girth), (low, _LOWER_ARM * girth), (end, cuff)], look.top,
                       loose=look.loose_top, straight=True)
        share = min(look.sleeve * 2, 1)
        end = shoulder + share * (elbow - shoulder)
        self.paint(add + _ARM, [(shoulder, 0.033), (0.5 * (shoulder + end), 0.031), (end, 0.025)], look.top, girth,
                   look.loose_top, straight=share < 1)

    def leg(self, side: str):
        add, girth, look = _OFFSETS[side], self.walker.leg_girth, self.look
        hip, knee, ankle = self.limb(side, 'hip', 'knee', 'ankle')
        middle = 0.55 * hip + 0.45 * knee
        calf = knee + 0.30 * (ankle - knee) - 0.007 * self.pelvis_forward
        bare = look.outfit not in ('trousers', 'coat')
        if bare:
            self.paint(add + _SHANK, [(knee, 0.033), (calf, 0.036), (ankle, 0.019)], self.skin, girth)
        self.shoe(side)
        if bare:
            self.paint(add + _THIGH, [(hip, 0.054), (middle, 0.049), (knee, 0.034)], self.skin, girth)
        else:
            hem = knee + 0.97 * (ankle - knee)
            self.paint(add + _SHANK, [(knee, 0.036), (calf, 0.037), (hem, 0.020 * look.flare)], look.bottom, girth,
                       look.loose_bottom, straight=True)
            self.paint(add + _THIGH, [(hip, 0.056), (middle, 0.051), (knee, 0.036)], look.bottom, girth,
                       look.loose_bottom)
        if look.outfit == 'shorts':
            end = hip + look.hem * (knee - hip)
            self.paint(add + _THIGH, [(hip, 0.056), (0.5 * (hip + end), 0.053), (end, 0.046)], look.bottom, girth,
                       look.loose_bottom, straight=True)
        if look.covers:
            self.paint(add + _FOOT, [(ankle + 0.25 * (knee - ankle), 0.031), (ankle + 0.05 * (knee - ankle), 0.030),
                                     (ankle - 0.01 * self.sole_up(side), 0.032)], look.extra, girth)

    def sole_up(self, side: str) -> np.ndarray:
        """About 0.9 statures straight up from the sole."""
        ankle, heel, ball = self.limb(side, 'ankle', 'heel', 'ball')
        return (ankle - 0.5 * (heel + ball)) / self.walker.foot_height * 0.9

    def shoe(self, side: str):
        number, look = _OFFSETS[side] + _FOOT, self.look
        ankle, heel, ball, toe = self.limb(side, 'ankle', 'heel', 'ball', 'toe')
        up = self.sole_up(side)
        sole = Cloth(shade(look.shoes.second, 0.6), look.shoes.second, folds=0.0)
        self.paint(number, [(heel + 0.006 * up, 0.016), (ball + 0.004 * up, 0.015), (toe + 0.004 * up, 0.010)], sole)
        cloth, bulk = (look.extra, 1.35) if look.covers else (look.shoes, 1.0)
        self.paint(number, [(ankle, 0.023), (heel + 0.021 * up, 0.021), (ball + 0.018 * up, 0.018),
                            (toe + 0.014 * up, 0.012)], cloth, loose=bulk)
        self.paint(number, [(ankle - 0.004 * up, 0.024), (0.45 * ankle + 0.55 * ball + 0.012 * up, 0.020)], cloth,
                   loose=bulk)

    def seat(self):
        hips = self.pelvis - 0.010 * self.pelvis_forward + 0.01 * self.up
        self.paint(_TORSO, [(self.pelvis + 0.3 * (self.thorax - self.pelvis), self.across(0.058, 0.076)),
                            (hips, self.across(0.066, 0.092)),
                            (hips - 0.03 * self.up, self.across(0.060, 0.086))],
                   self.lower_cloth, loose=min(self.look.loose_bottom, 1.12))

    def trunk(self):
        look, pelvis, thorax = self.look, self.pelvis, self.thorax
        forward, up = self.forward, self.up
        if look.outfit in ('skirt', 'dress', 'coat'):
            self.skirt()
        yoke = thorax - 0.045 * up - 0.004 * forward
        bust = thorax - 0.30 * (thorax - pelvis) + 0.012 * forward
        waist = pelvis + 0.38 * (thorax - pelvis) + 0.006 * forward
        end = look.waist if self.lower_cloth is look.bottom else 0.0
        edge = pelvis + end * (thorax - pelvis) - 0.008 * self.pelvis_forward
        self.paint(_TORSO, [(yoke, self.across(0.048, 0.090)), (bust, self.across(0.066, 0.088)),
                            (waist, self.across(0.060, 0.076)), (edge, self.across(0.070, 0.094))],
                   look.top, loose=look.loose_top, straight=True)

    def skirt(self):
        """Cloth around both legs from the waist to the hem, as wide as the legs stand apart there."""
        hem, loose = self.look.hem, 0.5 + 0.5 * self.look.loose_bottom
        ends = []
        for side in ('right', 'left'):
            hip, knee, ankle = self.limb(side, 'hip', 'knee', 'ankle')
            ends.append(hip + min(hem, 1) * (knee - hip) + max(hem - 1, 0) * 0.6 * (ankle - knee))
        ends = self.project(*ends)
        hips = self.project(self.pelvis)[0]
        low = np.array([ends[:, 0].max(), ends[:, 1].mean()])
        spread = 0.5 * abs(ends[0, 1] - ends[1, 1]) / self.unit
        wide = max(spread + 0.045 * self.walker.leg_girth, self.across(0.072, 0.098))
        widths = np.array([self.across(0.068, 0.096), self.across(0.076, 0.102), wide]) * loose
        self.paint_flat(_SKIRT, [hips, hips + 0.3 * (low - hips), low], widths, self.lower_cloth, straight=True)

    def head(self):
        at, size = self.at_head, self.walker.head
        self.paint(_NECK, [(self.thorax - 0.01 * self.up, 0.033), (self.chin, 0.029)], self.skin)
        self.paint(_HEAD, [(at(-0.04, 0.56), 0.44), (at(0.08, 0.30), 0.30 + 0.06 * self.deep), (at(0.14, 0.16), 0.17)],
                   self.skin, size)
        self.face()
        self.hair()

    def at_head(self, ahead: float, above: float, aside: float = 0.0) -> np.ndarray:
        """The point ahead of the chin, above it and on the camera's side of it by these shares of the head's height."""
        return self.chin + ahead * self.head_forward + above * self.head_up + aside * self.head_near

    def face(self):
        at, size, skin = self.at_head, self.walker.head, self.look.skin
        dark = Cloth(shade(skin, 0.25), skin, folds=0.0)
        red = Cloth(mix(skin, (120, 40, 40), 0.6), skin, folds=0.0)
        nose = [(at(0.36, 0.50), 0.05), (at(0.46, 0.36), 0.065)]
        mouth = [(at(0.33, 0.20, 0.1), 0.003), (at(0.24, 0.20, 0.16), 0.003)]
        ear = [(at(-0.06, 0.45, 0.3), 0.07), (at(-0.04, 0.36, 0.3), 0.05)]
        self.paint(_HEAD, nose, self.skin, size)
        turned = math.sin(self.camera.heading) < -0.2  # to the camera: the far eye is seen, too
        for aside in (0.24, -0.24) if turned else (0.24,):
            self.paint(_HEAD, [(at(0.33, 0.53, aside), 0.0045), (at(0.37, 0.53, aside), 0.004)], dark)
        self.paint(_HEAD, mouth, red)
        self.paint(_HEAD, ear, Cloth(shade(skin, 0.85), skin, folds=0.0), size)

    def hair(self):
        look = self.look
        headgear = {'hood': look.top, 'hat': look.extra, 'cap': look.extra}
        cloth = headgear.get(look.hair_style, Cloth(look.hair, look.hair, folds=0.22))
        for stroke in _HAIR[look.hair_style]:
            self.paint(_HEAD, [(self.at_head(ahead, above), radius) for ahead, above, radius in stroke.circles], cloth,
                       self.walker.head, straight=stroke.straight)

    def bag(self):
        depth = 0.035 + 0.04 * self.look.hem / 2  # the hem, drawn at random, serves as the bag's size, too
        upper, lower = self.thorax - 0.085 * self.up, self.pelvis + 0.28 * (self.thorax - self.pelvis)
        self.paint(_BAG, [(upper - (0.055 + depth) * self.forward, self.across(depth, 0.075)),
                          (lower - (0.065 + depth) * self.forward, self.across(depth + 0.012, 0.085))], self.look.extra)

    def strap(self):
        """The strap on the camera's side. It lies on the body like cloth: it hides no joint."""
        forward, up = self.forward, self.up
        side = 0.6 * self.walker.shoulder_width * self.near
        cloth = Cloth(shade(self.look.extra.colour, 0.7), self.look.extra.second, folds=0.05)
        points = (self.thorax - 0.07 * forward - 0.03 * up + 0.7 * side,
                  self.thorax + 0.030 * forward + 0.005 * up + 0.6 * side,
                  self.thorax + 0.035 * forward - 0.10 * up + side,
                  self.thorax - 0.19 * up + side)
        self.paint(_TORSO, [(point, 0.010) for point in points], cloth)


def draw_figure(canvas, owner, walker: Walker, pose: Pose, frame: int, look: Look, light: Light, camera: Camera):
    """Draw frame `frame` of `pose` on `canvas` (3, H, W) float32 and number the parts in `owner` (H, W) uint8 (or
    None), both changed in place.

    Returns
    -------
    joints : ndarray (16, 2)
        (y, x) in pixels.
    far : ndarray (16,) bool
        Which joints lie behind the middle of the pelvis, seen from the camera.
    """
    _Figure(canvas, owner, walker, pose, frame, look, light, camera).draw()
    joints, depths = camera.project(pose.joints[frame])
    return joints, depths - depths[JOINT_NAMES.index('pelvis')] < -_FAR * walker.stature


# What may lie over a joint without hiding it: the flesh and cloth of its own limb.
_OWN_PARTS = {
    'ankle': {_FOOT, _SHANK}, 'knee': {_THIGH, _SHANK}, 'hip': {_THIGH, _SHANK},
    'wrist': {_HAND, _FOREARM, _ARM}, 'elbow': {_FOREARM, _ARM}, 'shoulder': {_ARM},
    'pelvis': {_TORSO, _SKIRT}, 'thorax': {_TORSO, _NECK, _HEAD}, 'upper neck': {_NECK, _HEAD, _TORSO},
    'head top': {_HEAD}}
# And on the near side the trunk, too.
_NEAR_PARTS = {'hip': {_TORSO, _SKIRT}, 'shoulder': {_TORSO}}


def _numbers(parts: dict, joint: str) -> set:
    """Numbers in the map of owners of what `parts` has for a joint of `JOINT_NAMES`."""
    side, _, of_limb = joint.partition(' ')
    if side in _OFFSETS:
        return {number + _OFFSETS[side] if number < _TORSO else number for number in parts.get(of_limb, ())}
    return parts.get(joint, set())


_OWN = [_numbers(_OWN_PARTS, joint) for joint in JOINT_NAMES]
_OWN_NEAR = [_numbers(_OWN_PARTS, joint) | _numbers(_NEAR_PARTS, joint) for joint in JOINT_NAMES]


def visible_joints(owner: np.ndarray, joints: np.ndarray, far: np.ndarray) -> tuple:
    """(visible, inside), each (16,) bool, from the map of owners and the joints in pixels."""
    height, width = owner.shape
    inside = ((joints >= -0.5) & (joints < np.array([height, width]) - 0.5)).all(1)
    visible = inside.copy()
    for joint in np.flatnonzero(inside):
        top = int(owner[tuple(np.round(joints[joint]).astype(int))])
        visible[joint] = top == 0 or top in (_OWN if far[joint] else _OWN_NEAR)[joint]
    return visible, inside


def draw_shadow(canvas, place, unit, light):
    """Darken the ground around `place` (y, x) pixels."""
    wide, deep = 0.28 * unit, 0.035 * unit
    centre = np.array(place) + (0.3 * deep, -0.35 * wide * light.direction[0])
    lower = np.maximum((centre - (3 * deep, 2 * wide)).astype(int), 0)
    upper = np.minimum((centre + (3 * deep, 2 * wide)).astype(int), canvas.shape[1:])
    if (upper <= lower).any():
        return
    yy = (np.arange(lower[0], upper[0], dtype=np.float32)[:, None] - centre[0]) / deep
    xx = (np.arange(lower[1], upper[1], dtype=np.float32)[None] - centre[1]) / wide
    canvas[:, lower[0]:upper[0], lower[1]:upper[1]] *= 1 - light.shadow * np.exp(-yy * yy) * np.exp(-2 * xx * xx)
