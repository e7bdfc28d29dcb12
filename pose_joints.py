"""The 16 joints of a pose: names, order, mirror images, and which of them a line joins in drawings.

Plain data, without TensorFlow. The order is that of the heat maps' channels, and of every array of joints.
"""

JOINT_NAMES = ['right ankle', 'right knee', 'right hip', 'left hip', 'left knee', 'left ankle', 'pelvis', 'thorax',
               'upper neck', 'head top', 'right wrist', 'right elbow', 'right shoulder', 'left shoulder', 'left elbow',
               'left wrist']
MIRRORED_JOINTS = [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10]    # where each joint's mirror image stands

# The lines of drawings: (joint, joint, matplotlib's colour). From each joint to the next, except from the left ankle to
# the pelvis and from the head top to the right wrist, which no limb joins.
LINES = tuple((i, i + 1, colour) for i, colour in enumerate('rrbmmyggbcrrbmm') if i not in (5, 9))
