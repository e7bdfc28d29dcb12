#!/usr/bin/env python3
"""Train and evaluate the pose network, on synthetic walkers or on a user's own annotated pictures.

The command is `gait_recognition.training.pose`.

    python train_pose.py --help
"""
import sys

from gait_recognition.training.pose import main

if __name__ == '__main__':
    sys.exit(main())
