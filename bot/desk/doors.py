"""Every way into the desk, and the least role that may take it. What is not in this table does not exist."""

from bot.desk import pages_account as account
from bot.desk import pages_new as new
from bot.desk import pages_queue as queue
from bot.desk import pages_referral as referral
from bot.desk import pages_sign_in as sign_in
from bot.desk import pages_staff as people
from bot.desk.access import Door
from bot.desk.health import health

_CHANGES = (
    ("findings", referral.findings),
    ("details", referral.details),
    ("override", referral.override),
    ("override-end", referral.override_end),
    ("note", referral.note),
    ("request", referral.request_information),
    ("book", referral.book),
    ("redirect", referral.redirect),
    ("close", referral.close),
    ("reopen", referral.reopen),
)

DOORS: tuple[Door, ...] = (
    Door("GET", "/healthz", health, None),
    Door("GET", "/sign-in", sign_in.show_sign_in, None),
    Door("POST", "/sign-in", sign_in.sign_in, None),
    Door("GET", "/setup/{token:str}", sign_in.show_setup, None),
    Door("POST", "/setup/{token:str}", sign_in.setup, None),
    Door("GET", "/password/{token:str}", sign_in.show_password, None),
    Door("POST", "/password/{token:str}", sign_in.password, None),
    Door("POST", "/sign-out", sign_in.sign_out, "viewer"),
    Door("GET", "/", queue.show, "viewer"),
    Door("GET", "/referrals/new", new.show_form, "clinician"),
    Door("POST", "/referrals/new", new.by_form, "clinician"),
    Door("GET", "/referrals/letter", new.show_letter, "clinician"),
    Door("POST", "/referrals/letter", new.by_letter, "clinician"),
    Door("GET", "/referrals/{id:int}", referral.show, "viewer"),
    Door("POST", "/referrals/{id:int}/assign", referral.assign, "clinician"),
    *(
        Door("POST", f"/referrals/{{id:int}}/{name}", referral.changing(name, asked), "clinician")
        for name, asked in _CHANGES
    ),
    Door("GET", "/account", account.show, "viewer"),
    Door("POST", "/account/password", account.password, "viewer"),
    Door("GET", "/account/code", account.show_totp, "viewer"),
    Door("POST", "/account/code", account.confirm_totp, "viewer"),
    Door("POST", "/account/code/offer", account.offer_totp, "viewer"),
    Door("POST", "/account/code/end", account.end_totp, "viewer"),
    Door("GET", "/staff", people.show, "admin"),
    Door("POST", "/staff/invite", people.invite, "admin"),
    Door("POST", "/staff/invitations/{id:int}/withdraw", people.withdraw, "admin"),
    Door("POST", "/staff/{id:int}/link", people.new_link, "admin"),
    Door("POST", "/staff/{id:int}/role", people.role, "admin"),
    Door("POST", "/staff/{id:int}/disable", people.disable, "admin"),
    Door("POST", "/staff/{id:int}/enable", people.enable, "admin"),
    Door("GET", "/audit", people.show_audit, "admin"),
    Door("GET", "/system", people.show_system, "admin"),
)
