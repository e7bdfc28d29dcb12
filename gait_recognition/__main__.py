"""`python -m gait_recognition` is the command `gait-recognition`."""
import sys

from gait_recognition.cli import main

if __name__ == '__main__':
    sys.exit(main())
