"""What lives in the engine's own environment, run there: the bounded tracker, determinism, telemetry, weights."""

import json
import os
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "engine" / ".venv" / "bin" / "python"

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def _engine_is_there() -> None:
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the engine's environment")
        pytest.skip("the engine's environment is not installed (make setup)")


def in_engine(code: str) -> dict:
    """Run code in the engine's Python; its last line of output is JSON."""
    environment = {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    ended = subprocess.run(
        [str(PYTHON), "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout.strip().splitlines()[-1])


def test_a_long_conversation_keeps_its_state_in_a_bounded_row() -> None:
    result = in_engine(
        """
        import asyncio, json
        from rasa.shared.core.domain import Domain
        from rasa.shared.core.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
        from engine.components.tracker_store import BoundedTrackerStore

        domain = Domain.from_yaml('''
        version: "3.1"
        intents: [a]
        slots: {kept: {type: text, mappings: [{type: custom}]}, late: {type: text, mappings: [{type: custom}]}}
        forms: {intake: {required_slots: []}}
        ''')

        async def talk():
            store = BoundedTrackerStore(domain, url="sqlite://", turns=6)
            tracker = await store.get_or_create_tracker("someone")
            sizes = []
            for turn in range(300):
                tracker = await store.get_or_create_tracker("someone")
                tracker.update(UserUttered(f"message {turn}", {"name": "a"}))
                if turn == 2:
                    tracker.update(SlotSet("kept", "early"))
                    tracker.update(ActiveLoop("intake"))
                if turn == 299:
                    tracker.update(SlotSet("late", "now"))
                tracker.update(ActionExecuted("action_listen"))
                await store.save(tracker)
                sizes.append(len((await store.retrieve("someone")).events))
            last = await store.retrieve("someone")
            return {"sizes": sizes, "kept": last.get_slot("kept"), "late": last.get_slot("late"),
                    "loop": last.active_loop_name, "text": last.latest_message.text, "listening": last.latest_action_name}

        print(json.dumps(asyncio.run(talk())))
        """
    )
    assert result["kept"] == "early"
    assert result["late"] == "now"
    assert result["loop"] == "intake"
    assert result["text"] == "message 299"
    assert result["listening"] == "action_listen"
    # slots (2), the loop (1) and six turns of two events; the last turn of all sets a slot besides
    assert max(result["sizes"][20:]) <= 3 + 6 * 2 + 1


def test_an_untouched_conversation_expires() -> None:
    result = in_engine(
        """
        import asyncio, json, time
        import sqlalchemy as sa
        from rasa.shared.core.domain import Domain
        from engine.components import tracker_store

        async def talk():
            store = tracker_store.BoundedTrackerStore(Domain.empty(), url="sqlite://", expire_hours=1)
            await store.create_tracker("old")
            with store._engine.begin() as connection:
                connection.execute(sa.update(tracker_store._conversations).values(updated_at=time.time() - 7200))
            store._swept_at = 0
            await store.create_tracker("new")
            return {"left": sorted(await store.keys())}

        print(json.dumps(asyncio.run(talk())))
        """
    )
    assert result["left"] == ["new"]


def test_conversations_are_in_the_file_that_endpoints_names_until_they_are_forgotten(tmp_path) -> None:
    result = in_engine(
        f"""
        import asyncio, json, pathlib
        from rasa.core.tracker_store import TrackerStore
        from rasa.shared.core.domain import Domain
        from rasa.shared.core.events import ActionExecuted, UserUttered
        from rasa.shared.core.trackers import DialogueStateTracker
        from rasa.utils.endpoints import read_endpoint_config
        import os
        home = pathlib.Path({str(tmp_path)!r})
        os.environ["SEPTIMUS_ACTIONS_URL"] = os.environ["SEPTIMUS_ENGINE_TOKEN"] = "invented"
        os.environ["SEPTIMUS_TRACKER_URL"] = f"sqlite:///{{home / 'tracker.db'}}"
        os.environ["SEPTIMUS_LOCK_STORE"], os.environ["SEPTIMUS_REDIS_URL"] = "in_memory", ""

        def holding():
            return sorted(each.name for each in home.iterdir() if b"zqmark" in each.read_bytes())

        async def talk():
            store = TrackerStore.create(read_endpoint_config("endpoints.yml", "tracker_store"), Domain.empty())
            tracker = await store.get_or_create_tracker("someone")
            tracker.update(UserUttered("zqmark", {{"name": "a"}}))
            tracker.update(ActionExecuted("action_listen"))
            await store.save(tracker)
            kept = holding()
            await store.save(DialogueStateTracker.from_dict("someone", [{{"event": "restart"}}], []))
            return {{"kept": bool(kept), "left": holding(), "keys": list(await store.keys())}}

        print(json.dumps(asyncio.run(talk())))
        """
    )
    assert result == {"kept": True, "left": [], "keys": []}


def test_training_twice_on_the_same_data_gives_the_same_classifier() -> None:
    result = in_engine(
        """
        import hashlib, json, pathlib, tempfile
        import numpy as np
        from rasa.engine.storage.local_model_storage import LocalModelStorage
        from rasa.engine.storage.resource import Resource
        from rasa.shared.nlu.training_data.message import Message
        from rasa.shared.nlu.training_data.training_data import TrainingData
        from engine.components.intent_classifier import LogLinearClassifier

        texts = {"eye": ["my eye is dry", "which drops", "eye wont close at night"], "eat": ["food falls out", "soup spills"],
                 "talk": ["people cant hear me", "p and b sounds are hard"]}
        examples = [Message.build(text, intent) for intent, group in texts.items() for text in group]

        def trained():
            folder = pathlib.Path(tempfile.mkdtemp())
            storage = LocalModelStorage(folder)
            classifier = LogLinearClassifier.create(
                LogLinearClassifier.get_default_config(), storage, Resource("c"), None)
            classifier.train(TrainingData(examples))
            parts = [classifier._ranker._words.coef_, classifier._ranker._meaning.coef_]
            return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

        print(json.dumps({"digests": [trained(), trained()]}))
        """
    )
    assert result["digests"][0] == result["digests"][1]


def test_weights_that_are_not_the_published_ones_are_refused() -> None:
    result = in_engine(
        """
        import json
        from engine.components.encoder_graph import MPNET, WrongWeights, check_weights
        try:
            check_weights(b'something else', MPNET)
            print(json.dumps({"refused": False}))
        except WrongWeights:
            print(json.dumps({"refused": True}))
        """
    )
    assert result["refused"] is True


def test_the_encoder_puts_like_questions_near_each_other() -> None:
    result = in_engine(
        """
        import json
        from engine.components.encoder import SentenceEncoder, ready
        a, b, c = SentenceEncoder(ready()).encode(["how do i tape my eye", "taping my eyelid shut", "a football match"])
        print(json.dumps({"near": float(a @ b), "far": float(a @ c), "length": float(a @ a)}))
        """
    )
    assert result["near"] > 0.4 > 0.2 > result["far"]
    assert result["length"] == pytest.approx(1.0, abs=1e-5)


def test_telemetry_is_off_wherever_rasa_is_started() -> None:
    script = (ROOT / "engine" / "rasa").read_text()
    assert "export RASA_TELEMETRY_ENABLED=false" in script
    ended = subprocess.run(
        [ROOT / "engine" / "rasa", "telemetry", "--help"], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0
    result = in_engine(
        """
        import json
        from rasa import telemetry
        print(json.dumps({"enabled": telemetry.is_telemetry_enabled()}))
        """
    )
    assert result["enabled"] is False


def test_rasa_is_started_only_through_the_script_that_turns_telemetry_off() -> None:
    places = [*ROOT.glob("bot/**/*.py"), *ROOT.glob("bench/*.py"), ROOT / "Makefile", ROOT / ".ci" / "run"]
    for path in places:
        assert "engine/.venv/bin/rasa" not in path.read_text(), f"{path.name} starts Rasa past engine/rasa"


def test_rasas_own_check_of_the_data_passes() -> None:
    ended = subprocess.run(
        [ROOT / "engine" / "rasa", "data", "validate", "--fail-on-warnings"],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
