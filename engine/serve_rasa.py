"""Rasa's `run`, started without looking for what may go; called by `engine/rasa serve`.

What a start loads, stays. To look through it again and again costs a sixth of the start. The engine's door
(logged_rest.py) turns this on again when the model is loaded, for all that is made from then on.
"""

import gc
import sys

gc.disable()

from rasa.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
