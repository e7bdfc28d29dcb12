"""The 16 joints of a pose: names, order, mirror images, which of them a line joins in drawings, which are COCO's.

Plain data, without TensorFlow. The order is that of the heat maps' channels, and of every array of joints.
"""

JOINT_NAMES = ['right ankle', 'right knee', 'right hip', 'left hip', 'left knee', 'left ankle', 'pelvis', 'thorax',
               'upper neck', 'head top', 'right wrist', 'right elbow', 'right shoulder', 'left shoulder', 'left elbow',
               'left wrist']
MIRRORED_JOINTS = [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10]    # where each joint's mirror image stands

# The lines of drawings: (joint, joint, matplotlib's colour). From each joint to the next, except from the left ankle to
# the pelvis and from the head top to the right wrist, which no limb joins.
LINES = tuple((i, i + 1, colour) for i, colour in enumerate('rrbmmyggbcrrbmm') if i not in (5, 9))

# COCO's 17 keypoints in their order, and which of the 16 joints each is. None stands for the face: the 16 joints have
# the head's top and the upper neck, and no nose, eye or ear; a place between these would be invented.
COCO_JOINTS = {
    'nose': None, 'left_eye': None, 'right_eye': None, 'left_ear': None, 'right_ear': None,
    'left_shoulder': 13, 'right_shoulder': 12, 'left_elbow': 14, 'right_elbow': 11, 'left_wrist': 15, 'right_wrist': 10,
    'left_hip': 3, 'right_hip': 2, 'left_knee': 4, 'right_knee': 1, 'left_ankle': 5, 'right_ankle': 0}
