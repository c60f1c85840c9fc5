"""What is compared: one module each, with one class `Contender` that bench/one_round.py drives.

A contender does not know what is measured. It is told to prepare an empty queue, to start and stop its
workers, to enqueue, and to say how many jobs are done.
"""
