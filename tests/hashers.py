"""Argon2id at its least cost, for the many tests that are not about passwords."""

from accounts.hashers import Argon2idHasher


class QuickHasher(Argon2idHasher):
    memory_cost = 8
    time_cost = 1
