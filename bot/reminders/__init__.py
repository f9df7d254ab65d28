"""When a person is reminded, of what, and how they ask for it.

`schedule` is pure: it asks no clock, opens no database, and reads no file but those of the zones of the world. What
time it is comes in as an argument, and what is due is sent elsewhere, as a row of the outbox.
"""
