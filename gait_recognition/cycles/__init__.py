"""What people who care for walkers compute, from the joints of one walk: times, lengths, angles over the gait cycle.

    from gait_recognition.cycles.measures import measure_walk

    print(measure_walk('walk.mp4'))

- `series`: joints over time made fit for measuring; `views`: from which side the walker is seen;
- `events`: how often the legs alternate, when feet strike and leave the ground;
- `angles`: hip, knee and ankle over the cycle; `measures`: all of it in one object, `Gait`; `plots`: its chart.

Two-dimensional joints from one camera are no motion laboratory: this is no medical device and gives no diagnosis. What
view, frame rate or length of a walk do not allow is left out, with the reason.
"""
