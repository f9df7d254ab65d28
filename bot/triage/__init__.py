"""How urgently somebody must be seen: the rules, and the screen that reads every message first.

Here live the loaders of `content/triage/` and `content/countries.yml`, and the red-flag screen. Everything is a pure
function of its content and one message: nothing here reads a file after loading, asks the time, opens a database
or a connection, or logs what a person wrote. No wording for people lives here (`content/triage/messages.yml` has it),
no medical fact (`rules.yml` and `cues.yml` beside it), and no decision about what to send next (`bot.dialogue`).
"""
