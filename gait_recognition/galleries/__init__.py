"""What a gallery stands on: where it is kept, and what looks wrong in it.

- `tables`: people, walks, settings, points and audit lines in an SQL database, sealed against damage;
- `sqlite`, `postgres`: those tables in a file, on a server; `places`: which of the two a name means;
- `legacy`: galleries of before, an `.npz`; `held`: what an open one has in memory;
- `checks`: duplicates and outliers; `exchange`: to and from CSV, npz and Parquet.

`gait_recognition.gallery.Gallery` is what users call; nothing here decides who somebody is.
"""
