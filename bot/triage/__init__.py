"""How urgently somebody must be seen: the rules, and the screen that reads every message first.

Here live the loaders of `content/triage/` and `content/countries.yml`, and the red-flag screen. Everything is a pure
function of its content and one message: nothing here reads a file after loading, asks the time, opens a database or
a connection, or logs what a person wrote. No wording for people lives here (it is in `content/triage/messages.yml`),
no medical fact (in `content/triage/rules.yml` and `cues.yml`), and no decision about what to send next (`bot.dialogue`).
"""
