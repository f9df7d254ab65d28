"""What a person does over the weeks, and how it goes: exercises, questionnaires and their scores, and the diary.

Pure: content is read when it is loaded. After that nothing here asks the time, opens a database, logs what a person
wrote, or reads a file but those of the zones of the world. What time it is comes in as an argument. What the figures
mean for the person is decided elsewhere: urgency by `bot.triage`, words by `content/`.
"""
