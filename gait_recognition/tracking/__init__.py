"""Where the walker is: from the frames of a walk to square crops that follow the walker.

- `crops.crop_walker` chooses how, and cuts;
- `background` finds what moves before a still background, `joints` whom the pose network sees;
  `both` lets them check each other;
- `parts` says where a recording is cut: no track leads over that;
- `track.Track` says which frames were used, where the walker was in them, and why others were not.
"""

