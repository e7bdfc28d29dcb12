#!/usr/bin/env python3
"""Train the gait network, on synthetic walkers or on a user's own walks.

The command is `gait_recognition.training.gait`.

    python train_gait.py --help
"""
import sys

try:
    from gait_recognition.door import enter
except KeyboardInterrupt:                                       # `enter` sees to all that comes after it
    print('train_gait: interrupted', file=sys.stderr)
    sys.exit(1)

if __name__ == '__main__':
    sys.exit(enter('gait_recognition.training.gait', 'train_gait', when_interrupted=1))
