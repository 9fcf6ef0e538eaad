"""This room: what can be measured of noise in an image whose clean version is not known.

May touch: NumPy, `ruis.noise.blocks`, and `ruis.errors`; one file for each subject.
Must not: touch a file, a clock, a network or chance; import one subject from another.

All take windows of one channel, float32 fractions of the data range, and are fast enough to be asked
each time an image is opened.
"""
