"""`python -m gait_recognition` is the command `gait-recognition`."""
import sys

from gait_recognition.door import enter


def main():
    """Run the command `gait-recognition` to the end of the process; returns its exit status."""
    return enter('gait_recognition.cli', 'gait-recognition')


if __name__ == '__main__':
    sys.exit(main())
