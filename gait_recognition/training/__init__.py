"""Training and measuring both networks, on synthetic walkers or on a user's own pictures and walks.

- `pose`, `gait`: the commands behind `train_pose.py` and `train_gait.py`;
- `annotations`: which joints a picture shows; `samples`: what the pose network is fed; `scores`: how well it did;
- `walks`: what the gait network is fed;
- `runs.Run`: steps, and the files from which an interrupted run goes on; `arguments`: options of both commands.
"""

