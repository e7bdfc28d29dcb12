"""Warnings that point at the user's own line, outside this project's modules."""
import sys
import warnings

OURS = ('gait_network', 'gait_nn', 'human_pose_nn', 'gait_recognition')         # modules, and the package
WRAPPERS = ('contextlib', 'functools')          # nobody's own lines
_SAID = set()


def warn_caller(message, once=False):
    """Warn at the line outside the project that led here, through whatever other modules.

    Parameters
    ----------
    message : str or None
        Of None nothing is said.
    once : bool
        Say this message no second time in this process.
    """
    if message is None or once and message in _SAID:
        return
    if once:
        _SAID.add(message)
    frames, frame = [], sys._getframe(1)
    while frame:
        frames.append(frame)
        frame = frame.f_back
    ours = [i for i, frame in enumerate(frames) if frame.f_globals.get('__name__', '').partition('.')[0] in OURS]
    outside = frames[max(ours, default=-1) + 1:]
    at = next((frame for frame in outside if frame.f_globals.get('__name__') not in WRAPPERS), frames[-1])
    warnings.warn_explicit(message, UserWarning, at.f_code.co_filename, at.f_lineno, at.f_globals.get('__name__'),
                           at.f_globals.setdefault('__warningregistry__', {}))
