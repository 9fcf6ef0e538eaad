"""This room is the article as a small application: MNIST, its networks, studies and report.

May touch: every room below it, NumPy, files, matplotlib and scikit-learn on first use.
Must not: import Keras except through the learned rooms, or need a network for the package's digits.
"""
