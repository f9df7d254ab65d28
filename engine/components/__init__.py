"""What must live inside Rasa's own environment: its tracker store, its guarded channel, its language components.

Python 3.10 and Rasa 3.6.21 only; nothing of `bot/` or `actions/` is imported here, and no patient table or secret of
ours is read.
"""
