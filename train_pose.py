#!/usr/bin/env python3
"""Train and evaluate the pose network, on synthetic walkers or on a user's own annotated pictures.

The command is `gait_recognition.training.pose`.

    python train_pose.py --help
"""
import sys

try:
    from gait_recognition.door import enter
except KeyboardInterrupt:                                       # `enter` sees to all that comes after it
    print('train_pose: interrupted', file=sys.stderr)
    sys.exit(1)

if __name__ == '__main__':
    sys.exit(enter('gait_recognition.training.pose', 'train_pose', when_interrupted=1))
