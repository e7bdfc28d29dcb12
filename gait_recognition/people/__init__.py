"""Everybody in a scene: who walks where and when, and each one's own crops, vector and joints.

- `tracks.tracks` follows them, `tracks.people_vectors` describes them, `poses.people_joints` gives their joints;
- `still` follows figures before a still background: `following` links and parts `blobs` of what moves, each of which
  is one of the `figures` or several;
- `running` does so while frames come, in memory that does not grow;
- `moving` follows whom the pose network sees; `boxes` takes those of another detector or tracker; `linking` links
  boxes;
- `box_files` reads and writes boxes; `scenes` is what all ways of following give.
"""
