"""A figure is drawn part by part, from the far side to the near one.

A part is a chain of circles and what spans them, lit as if it were round. Each part writes its number where it covers:
the map of these numbers tells which joint is hidden.
"""
import math

import numpy as np

from gait_recognition.walkers.cameras import Camera
from gait_recognition.walkers.gaits import Pose, Walker
from gait_recognition.walkers.looks import Cloth, Light, Look, mix, noise_tile, shade

# Drawing. A part is a chain of circles and what spans them, lit as if it were round. Each part writes its number where
# it covers: the map of these numbers tells which joint is hidden.

# Numbers of the parts in the map of owners; the right ones, the left ones are 10 more.
_ARM, _FOREARM, _HAND, _THIGH, _SHANK, _FOOT = range(1, 7)
_LEFT = 10
_TORSO, _NECK, _HEAD, _BAG, _SKIRT = range(30, 35)


def _paint(canvas, owner, number, points, radii, cloth, light, unit, flat=False, ball=False):
    """Draw one part.

    Parameters
    ----------
    canvas : ndarray (3, H, W) float32
        Changed in place.
    owner : ndarray (H, W) uint8 or None
        Gets `number` where the part covers.
    points, radii : (K, 2) (y, x), (K,)
        Circles in pixels; the part is the hull of each two neighbours.
    cloth : Cloth
    light : Light
    unit : float
        Pixels of the figure's stature: the scale of patterns.
    flat : bool
        End straight at the last circle instead of round.
    ball : bool
        Lit as balls; else as tubes, whose ends show no edge where the next part goes on.
    """
    points, radii = np.asarray(points, np.float32), np.asarray(radii, np.float32)
    lower = np.maximum(np.floor((points - radii[:, None]).min(0)).astype(int) - 1, 0)
    upper = np.minimum(np.ceil((points + radii[:, None]).max(0)).astype(int) + 2, canvas.shape[1:])
    if (upper <= lower).any():
        return
    yy = np.arange(lower[0], upper[0], dtype=np.float32)[:, None]
    xx = np.arange(lower[1], upper[1], dtype=np.float32)[None]
    inside = None
    start = 0.0
    patterned = cloth.pattern != 'plain'
    for (ay, ax), (by, bx), ra, rb in zip(points[:-1].tolist(), points[1:].tolist(), radii[:-1].tolist(),
                                          radii[1:].tolist(), strict=True):
        dy, dx = by - ay, bx - ax
        length = math.hypot(dy, dx) + 1e-3
        py, px = yy - ay, xx - ax
        along = (py * dy + px * dx) / length ** 2
        t = np.minimum(np.maximum(along, 0), 1)
        wy, wx = py - t * dy, px - t * dx
        radius = ra + t * (rb - ra)
        depth = radius - np.sqrt(wy * wy + wx * wx)
        if flat:
            depth = np.minimum(depth, (1 - along) * length)
        if not ball:
            wy, wx = py - along * dy, px - along * dx
        wy, wx = wy / radius, wx / radius
        if inside is None:
            inside, ny, nx, at = depth, wy, wx, t * length
        else:
            better = depth > inside
            inside = np.where(better, depth, inside)
            ny, nx = np.where(better, wy, ny), np.where(better, wx, nx)
            at = np.where(better, start + t * length, at) if patterned else at
        start += length
    alpha = np.minimum(np.maximum(inside + 0.5, 0), 1)
    lx, ly, lz = light.direction
    facing = nx * lx + ny * ly + np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0)) * lz
    tone = light.ambient + light.diffuse * np.maximum(facing, 0)
    if cloth.folds or cloth.pattern == 'blotches':  # creases that travel with the part
        rows, columns = (np.arange(alpha.shape[axis]) + lower[axis] - int(points[0, axis]) + 137 * number
                         for axis in (0, 1))
        creases = noise_tile()[np.ix_(rows % 512, columns % 512)]
    if cloth.folds:
        tone = tone * (1 + cloth.folds * creases)
    colour = np.array(cloth.colour, np.float32)[:, None, None]
    if not patterned:
        paint = colour * tone
    else:
        period = max(cloth.period * unit, 3.0)
        if cloth.pattern == 'blotches':
            other = creases > 0.4
        else:
            side = np.hypot(nx, ny) * np.sign(nx + 1e-6) * radii.mean()
            hoops, stripes = at % period > period / 2, side % (0.7 * period) > 0.35 * period
            other = {'hoops': hoops, 'stripes': stripes, 'checks': hoops ^ stripes}[cloth.pattern]
        paint = np.where(other, np.array(cloth.second, np.float32)[:, None, None], colour) * tone
    window = canvas[:, lower[0]:upper[0], lower[1]:upper[1]]
    paint -= window
    paint *= alpha
    window += paint
    if owner is not None:
        owner[lower[0]:upper[0], lower[1]:upper[1]][alpha > 0.5] = number


def draw_figure(canvas, owner, walker: Walker, pose: Pose, frame: int, look: Look, light: Light, camera: Camera):
    """Draw frame `frame` of `pose`; returns joints (16, 2) in pixels (y, x) and which of them (16,) bool lie
    behind the middle of the pelvis, seen from the camera."""
    tall = walker.stature
    joints = pose.joints[frame]
    extras = {name: at[frame] for name, at in pose.extras.items()}
    axes = {name: at[frame] for name, at in pose.axes.items()}
    unit = camera.scale * tall
    flat, depths = camera.project(joints)
    widen = abs(math.sin(camera.heading))  # share of a part's width that is seen, the rest is its depth
    narrow = abs(math.cos(camera.heading))

    def at(*points):
        return camera.project(np.array(points))[0]

    def paint(number, points, widths, cloth, straight=False):
        on_far_side = number < _TORSO and (number > _LEFT) == right_near
        _paint(canvas, owner, number, points, np.maximum(np.array(widths) * unit, 0.6), cloth,
               light.on_far_side() if on_far_side else light, unit, straight,
               number in (_HEAD, _BAG, _HAND, _HAND + _LEFT, _FOOT, _FOOT + _LEFT))

    def across(depth, width):
        """Half-width in the picture of an ellipse with these half-axes (fractions of the stature)."""
        return math.hypot(depth * walker.trunk_depth * narrow, width * walker.trunk_width * widen)

    skin = Cloth(look.skin, look.skin, folds=0.02)
    hair = Cloth(look.hair, look.hair, folds=0.22)
    sole = Cloth(shade(look.shoes.second, 0.6), look.shoes.second, folds=0.0)
    legs = look.outfit in ('trousers', 'coat')  # the whole leg in cloth
    right_near = math.cos(camera.heading) > 0
    sides = ('left', 'right') if right_near else ('right', 'left')  # far side first

    def arm(side):
        add = 0 if side == 'right' else _LEFT
        wrist, elbow, shoulder = joints[[10, 11, 12]] if side == 'right' else joints[[15, 14, 13]]
        girth, loose = walker.arm_girth, look.loose_top
        paint(add + _HAND, at(wrist, extras[f'{side} knuckle'], extras[f'{side} fingertip']),
              np.array([0.015, 0.019, 0.011]) * girth, skin)
        widths = np.array([0.031, 0.029, 0.023, 0.024, 0.015]) * girth
        middle, low = shoulder + 0.5 * (elbow - shoulder), elbow + 0.3 * (wrist - elbow)
        if look.sleeve < 1:  # skin that cloth covers is not drawn
            paint(add + _FOREARM, at(elbow, low, wrist), widths[2:], skin)
        if look.sleeve < 0.5:
            paint(add + _ARM, at(shoulder, middle, elbow), widths[:3], skin)
        if look.sleeve > 0.5:
            share = (look.sleeve - 0.5) * 2
            end = elbow + share * (wrist - elbow)
            paint(add + _FOREARM, at(elbow, low if share > 0.35 else 0.5 * (elbow + end), end),
                  np.array([widths[2], widths[3], max(widths[4], 0.024 - 0.009 * share)]) * loose, look.top, True)
        share = min(look.sleeve * 2, 1)
        end = shoulder + share * (elbow - shoulder)
        paint(add + _ARM, at(shoulder, 0.5 * (shoulder + end), end), np.array([0.033, 0.031, 0.025]) * girth * loose,
              look.top, share < 1)

    def leg(side):
        add = 0 if side == 'right' else _LEFT
        ankle, knee, hip = joints[[0, 1, 2]] if side == 'right' else joints[[5, 4, 3]]
        girth = walker.leg_girth
        heel, ball, toe = (extras[f'{side} {part}'] for part in ('heel', 'ball', 'toe'))
        up = (ankle - 0.5 * (heel + ball)) / walker.foot_height * 0.9
        calf = knee + 0.30 * (ankle - knee) - 0.007 * tall * axes['pelvis'][0]
        if not legs:
            paint(add + _SHANK, at(knee, calf, ankle), np.array([0.033, 0.036, 0.019]) * girth, skin)
        bulk = 1.35 if look.covers else 1.0
        paint(add + _FOOT, at(heel + 0.2 * up * 0.03, ball + 0.2 * up * 0.02, toe + 0.2 * up * 0.02),
              np.array([0.016, 0.015, 0.010]), sole)
        shoe = look.extra if look.covers else look.shoes
        paint(add + _FOOT, at(ankle, heel + 0.021 * up, ball + 0.018 * up, toe + 0.014 * up),
              np.array([0.023, 0.021, 0.018, 0.012]) * bulk, shoe)
        paint(add + _FOOT, at(ankle - 0.004 * up, 0.45 * ankle + 0.55 * ball + 0.012 * up),
              np.array([0.024, 0.020]) * bulk, shoe)
        if not legs:
            paint(add + _THIGH, at(hip, 0.55 * hip + 0.45 * knee, knee), np.array([0.054, 0.049, 0.034]) * girth, skin)
        else:
            loose = look.loose_bottom
            hem = knee + 0.97 * (ankle - knee)
            paint(add + _SHANK, at(knee, calf, hem),
                  np.array([0.036, 0.037, 0.020 * look.flare]) * girth * loose, look.bottom, True)
            paint(add + _THIGH, at(hip, 0.55 * hip + 0.45 * knee, knee),
                  np.array([0.056, 0.051, 0.036]) * girth * loose, look.bottom)
        if look.outfit == 'shorts':
            end = hip + look.hem * (knee - hip)
            paint(add + _THIGH, at(hip, 0.5 * (hip + end), end), np.array([0.056, 0.053, 0.046]) * girth
                  * look.loose_bottom, look.bottom, True)
        if look.covers:
            paint(add + _FOOT, at(ankle + 0.25 * (knee - ankle), ankle + 0.05 * (knee - ankle), ankle - 0.01 * up),
                  np.array([0.031, 0.030, 0.032]) * girth, look.extra)

    def skirt(cloth, loose, share):
        """Cloth around both legs from the waist to the hem, as wide as the legs stand apart there."""
        ends = []
        for ankle, knee, hip in (joints[[0, 1, 2]], joints[[5, 4, 3]]):
            ends.append(hip + min(share, 1) * (knee - hip) + max(share - 1, 0) * 0.6 * (ankle - knee))
        ends = at(*ends)
        hips = at(joints[6])[0]
        spread = 0.5 * abs(ends[0, 1] - ends[1, 1]) / unit
        low = np.array([ends[:, 0].max(), ends[:, 1].mean()])
        wide = max(spread + 0.045 * walker.leg_girth, across(0.072, 0.098)) * loose
        paint(_SKIRT, np.array([hips, hips + 0.3 * (low - hips), low]),
              [across(0.068, 0.096) * loose, across(0.076, 0.102) * loose, wide], cloth, True)

    pelvis, thorax = joints[6], joints[7]
    forward, upward = axes['thorax'][0], axes['thorax'][2]
    lower = look.top if look.outfit in ('dress', 'coat') else look.bottom

    def seat():
        hips = pelvis - 0.010 * tall * axes['pelvis'][0] + 0.01 * tall * upward
        paint(_TORSO, at(pelvis + 0.3 * (thorax - pelvis), hips, hips - 0.03 * tall * upward),
              np.array([across(0.058, 0.076), across(0.066, 0.092), across(0.060, 0.086)])
              * min(look.loose_bottom, 1.12), lower)

    def trunk():
        bust = thorax - 0.30 * (thorax - pelvis) + 0.012 * tall * forward
        waist = pelvis + 0.38 * (thorax - pelvis) + 0.006 * tall * forward
        yoke = thorax - 0.045 * tall * upward - 0.004 * tall * forward
        widths = np.array([across(0.048, 0.090), across(0.066, 0.088), across(0.060, 0.076)])
        points = at(yoke, bust, waist)
        if look.outfit in ('skirt', 'dress', 'coat'):
            skirt(lower, 0.5 + 0.5 * look.loose_bottom, look.hem)
        end = look.waist if lower is look.bottom else 0.0
        edge = pelvis + end * (thorax - pelvis) - 0.008 * tall * axes['pelvis'][0]
        paint(_TORSO, np.concatenate([points, at(edge)]),
              np.r_[widths, across(0.070, 0.094)] * look.loose_top, look.top, True)

    def head():
        chin, top = joints[8], joints[9]
        facing, left, up = axes['head']
        high = walker.head * tall
        rise = (top - chin) / high

        def place(ahead, above, aside=0.0):
            return chin + (ahead * facing + above * rise + aside * left) * high

        paint(_NECK, at(thorax - 0.01 * tall * upward, chin), [0.033, 0.029], skin)
        tight = 0.30 + 0.06 * narrow
        paint(_HEAD, at(place(-0.04, 0.56), place(0.08, 0.30), place(0.14, 0.16)),
              np.array([0.44, tight, 0.17]) * walker.head, skin)
        paint(_HEAD, at(place(0.36, 0.50), place(0.46, 0.36)), np.array([0.05, 0.065]) * walker.head, skin)  # nose
        near = -1 if right_near else 1
        dark = Cloth(shade(look.skin, 0.25), look.skin, folds=0.0)
        for aside in (near * 0.24, -near * 0.24):  # eyes; the far one only when the face turns to the camera
            if aside * near > 0 or math.sin(camera.heading) < -0.2:
                paint(_HEAD, at(place(0.33, 0.53, aside), place(0.37, 0.53, aside)), [0.0045, 0.004], dark)
        paint(_HEAD, at(place(0.33, 0.20, near * 0.1), place(0.24, 0.20, near * 0.16)), [0.003, 0.003],
              Cloth(mix(look.skin, (120, 40, 40), 0.6), look.skin, folds=0.0))
        style = look.hair_style
        if style in ('hood', 'hat', 'cap'):
            cloth = look.top if style == 'hood' else look.extra
        else:
            cloth = hair
        paint(_HEAD, at(place(-0.06, 0.45, near * 0.3), place(-0.04, 0.36, near * 0.3)),
              np.array([0.07, 0.05]) * walker.head, Cloth(shade(look.skin, 0.85), look.skin, folds=0.0))  # ear
        if style == 'bald':
            return
        if style == 'crop':
            paint(_HEAD, at(place(0.0, 0.66), place(-0.16, 0.56)), np.array([0.37, 0.34]) * walker.head, cloth)
        else:
            paint(_HEAD, at(place(0.10, 0.78), place(-0.12, 0.66), place(-0.26, 0.42)),
                  np.array([0.27, 0.36, 0.23]) * walker.head, cloth)
        if style == 'long':
            paint(_HEAD, at(place(-0.20, 0.6), place(-0.30, 0.1), place(-0.34, -0.5)),
                  np.array([0.30, 0.25, 0.18]) * walker.head, cloth)
        elif style == 'bob':
            paint(_HEAD, at(place(-0.12, 0.6), place(-0.14, 0.1)), np.array([0.36, 0.28]) * walker.head, cloth)
        elif style == 'tail':
            paint(_HEAD, at(place(-0.45, 0.70), place(-0.62, 0.45), place(-0.60, 0.0)),
                  np.array([0.10, 0.13, 0.06]) * walker.head, cloth)
        elif style == 'bun':
            paint(_HEAD, at(place(-0.46, 0.76), place(-0.52, 0.80)), np.array([0.17, 0.17]) * walker.head, cloth)
        elif style == 'afro':
            paint(_HEAD, at(place(-0.02, 0.78), place(-0.20, 0.62)), np.array([0.40, 0.46]) * walker.head, cloth)
        elif style == 'cap':
            paint(_HEAD, at(place(0.10, 0.76), place(0.62, 0.70)), np.array([0.22, 0.035]) * walker.head, cloth, True)
        elif style == 'hat':
            paint(_HEAD, at(place(-0.55, 0.72), place(0.55, 0.76)), np.array([0.05, 0.05]) * walker.head, cloth)
            paint(_HEAD, at(place(0.0, 0.80), place(0.0, 0.98)), np.array([0.42, 0.34]) * walker.head, cloth)
        elif style == 'hood':
            paint(_HEAD, at(place(-0.10, 0.66), place(-0.20, 0.30), place(-0.16, -0.02)),
                  np.array([0.47, 0.36, 0.34]) * walker.head, cloth)

    def bag():
        back = -forward * tall
        depth = 0.035 + 0.04 * look.hem / 2
        upper, lower = thorax - 0.085 * tall * upward, pelvis + 0.28 * (thorax - pelvis)
        points = at(upper + back * (0.055 + depth), lower + back * (0.065 + depth))
        paint(_BAG, points, [across(depth, 0.075), across(depth + 0.012, 0.085)], look.extra)

    def strap():
        near = -1 if right_near else 1
        side = near * 0.6 * walker.shoulder_width * tall * axes['thorax'][1]
        thickness = Cloth(shade(look.extra.colour, 0.7), look.extra.second, folds=0.05)
        chest = thorax - 0.10 * tall * upward + side
        # A strap lies on the body like cloth: it hides no joint.
        paint(_TORSO, at(thorax - 0.07 * tall * forward - 0.03 * tall * upward + 0.7 * side,
                       thorax + 0.030 * tall * forward + 0.005 * tall * upward + 0.6 * side,
                       chest + 0.035 * tall * forward,
                       thorax - 0.19 * tall * upward + side), [0.010] * 4, thickness)

    bag_behind = math.sin(camera.heading) < 0  # seen from the front
    arm(sides[0])
    leg(sides[0])
    seat()
    leg(sides[1])
    if look.backpack and bag_behind:
        bag()
    trunk()
    if look.backpack and not bag_behind:
        bag()
    head()
    if look.backpack:
        strap()
    arm(sides[1])
    return flat, depths - depths[6] < -0.012 * tall


# What may lie over a joint without hiding it, by joint: the flesh and cloth of its own limb.
_OWN = {}
for _add, _joints in ((0, (0, 1, 2, 10, 11, 12)), (_LEFT, (5, 4, 3, 15, 14, 13))):
    _parts = ((_FOOT, _SHANK), (_THIGH, _SHANK), (_THIGH, _SHANK), (_HAND, _FOREARM, _ARM), (_FOREARM, _ARM), (_ARM,))
    _OWN |= {_joint: {_part + _add for _part in _own} for _joint, _own in zip(_joints, _parts, strict=True)}
_OWN |= {6: {_TORSO, _SKIRT}, 7: {_TORSO, _NECK, _HEAD}, 8: {_NECK, _HEAD, _TORSO}, 9: {_HEAD}}
_TRUNK_JOINTS = {2: {_TORSO, _SKIRT}, 3: {_TORSO, _SKIRT}, 12: {_TORSO}, 13: {_TORSO}}  # on the near side, too


def visible_joints(owner: np.ndarray, joints: np.ndarray, far: np.ndarray) -> tuple:
    """(visible, inside), each (16,) bool, from the map of owners and the joints in pixels."""
    height, width = owner.shape
    inside = ((joints >= -0.5) & (joints < np.array([height, width]) - 0.5)).all(1)
    visible = inside.copy()
    for joint in np.flatnonzero(inside):
        top = int(owner[tuple(np.round(joints[joint]).astype(int))])
        own = _OWN[joint] if far[joint] else _OWN[joint] | _TRUNK_JOINTS.get(joint, set())
        visible[joint] = top == 0 or top in own
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
