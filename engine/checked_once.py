"""The shape of an action server's answer, put together once.

Rasa checks each answer against a JSON schema, and before it the schema itself against the schema of schemas. That never
finds anything new, and took 44 % of the processor's time that a message cost the engine. What an answer must look like
is Rasa's own, unchanged.
"""

from typing import Any, Dict, Text

from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction


def check_schema_once() -> None:
    """Let remote actions check their answers with one validator, whose own schema is checked here.

    Raises:
        jsonschema.SchemaError: Rasa's schema is none.
    """
    schema = RemoteAction.action_response_format_spec()
    kind = validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)

    def validate(_: RemoteAction, result: Dict[Text, Any]) -> bool:
        """Return True for an answer that has its shape.

        Raises:
            jsonschema.ValidationError: it has not.
        """
        wrong = best_match(validator.iter_errors(result))
        if wrong is not None:
            raise wrong
        return True

    RemoteAction._validate_action_result = validate
