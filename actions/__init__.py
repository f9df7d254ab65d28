"""Rasa's custom actions: one thin module per conversation.

Each reads the tracker, calls the core, and says what came out as one JSON message `{"outcome": ...}` that the
dialogue understands. No clinical text, no decision about urgency and no Telegram lives here.
"""
