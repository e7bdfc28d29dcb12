"""Training and measuring both networks, on synthetic walkers or on a user's own pictures and walks.

- `pose`, `gait`: the commands behind `train_pose.py` and `train_gait.py`; `arguments`: what both have of options;
- `annotations`: which joints a picture shows; `sets`: which pictures are trained on and measured on; `samples`: what
  the pose network is fed of them; `degradations`: pictures as pedestrian video is; `cleaning`: wrong annotations;
  `scores`: how well joints are found;
- `walks`: what the gait network is fed; `discriminant`: gait weights in closed form;
- `runs.Run`: steps, and the files from which an interrupted run goes on.
"""
