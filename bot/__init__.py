"""Septimus: a companion for people with facial palsy and for the clinics that treat them.

The way of a message, by folder: `gateway` (Telegram in, inbox row) -> `dialogue` (screen, engine, plain answer)
-> `../actions` (Rasa's custom actions) -> `knowledge` and `triage` (the pure core) -> `store` -> `gateway` (outbox
row, Telegram out). What is not on that way: `sandbox` (a local Bot API), `desk` (the clinic's pages), `stack` (starting
and stopping the processes).
"""
