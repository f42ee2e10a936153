"""The one door to the machine: questions go in, answers come out.

This room holds the door itself; the rooms in it hold the questions, by what is asked.
"""
