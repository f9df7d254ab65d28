"""What holds of any plan of reminders."""

from hypothesis import given

from bot.reminders.plan import Plan
from bot.reminders.schedule import Schedule
from tests.unit.reminders.test_plan import NOW, TODAY, plans, rules


@given(plans)
def test_a_plan_comes_back_from_json_as_it_was(plan: Plan) -> None:
    assert Plan.loads(plan.dumps()) == plan


@given(plans)
def test_equal_plans_are_one_text(plan: Plan) -> None:
    assert Plan.loads(plan.dumps()).dumps() == plan.dumps()


@given(plans, rules)
def test_a_new_rule_settles_what_was_asked_back(plan: Plan, wanted: Schedule) -> None:
    assert plan.with_rule("ffffff", wanted).open_request(NOW) == ""


@given(plans)
def test_a_pause_ends_as_if_it_had_not_been(plan: Plan) -> None:
    never = plan.paused(None)
    assert plan.paused(TODAY).paused(None) == never


@given(plans)
def test_the_same_promises_hold_in_another_zone(plan: Plan) -> None:
    moved = plan.moved("Asia/Tokyo", NOW)
    assert [each.rule.times for each in moved.reminders] == [each.rule.times for each in plan.reminders]
    assert {each.rule.zone for each in moved.reminders} <= {"Asia/Tokyo"}
