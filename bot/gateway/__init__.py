"""Telegram: updates in, replies out.

The only room that speaks the Bot API, and beside the store the only one that knows a Telegram id.

`receive` writes updates down (inbox), `incoming` says what each is, `answer` answers them in order, `render` puts
replies into Telegram's form, `send` sends what the outbox holds, `main` starts and stops all of it.
"""
