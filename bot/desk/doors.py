"""Every way into the desk for people, and the least role that may take it. What is not in this table does not exist.

The door for other programs, which have a token and no role, stands in `bot.desk.rest`.
"""

from bot.desk import pages_account as account
from bot.desk import pages_delete as deletion
from bot.desk import pages_import as imports
from bot.desk import pages_line as line
from bot.desk import pages_merge as merging
from bot.desk import pages_new as new
from bot.desk import pages_programme as programme
from bot.desk import pages_programs as programs
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
    ("invite-end", line.invite_end),
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
    Door("POST", "/referrals/letter", new.by_letter, "clinician", takes_file=True),
    Door("GET", "/referrals/import", imports.show, "clinician"),
    Door("POST", "/referrals/import", imports.upload, "clinician", takes_file=True),
    Door("GET", "/referrals/import/check", imports.check, "clinician"),
    Door("POST", "/referrals/import/columns", imports.columns, "clinician"),
    Door("GET", "/referrals/import/faults", imports.faults, "clinician"),
    Door("POST", "/referrals/import/cancel", imports.cancel, "clinician"),
    Door("POST", "/referrals/import/confirm", imports.confirm, "clinician"),
    Door("GET", "/referrals/{id:int}", referral.show, "viewer"),
    Door("POST", "/referrals/{id:int}/assign", referral.assign, "clinician"),
    *(
        Door("POST", f"/referrals/{{id:int}}/{name}", referral.changing(name, asked), "clinician")
        for name, asked in _CHANGES
    ),
    Door("GET", "/referrals/{id:int}/merge", merging.show, "clinician"),
    Door("POST", "/referrals/{id:int}/merge", merging.merge, "clinician"),
    Door("POST", "/referrals/{id:int}/separate", merging.separate, "clinician"),
    Door("POST", "/referrals/{id:int}/not-same", merging.not_same, "clinician"),
    Door("GET", "/referrals/{id:int}/delete", deletion.show, "admin"),
    Door("POST", "/referrals/{id:int}/delete", deletion.delete, "admin"),
    Door("POST", "/referrals/{id:int}/invite", line.invite, "clinician"),
    Door("POST", "/referrals/{id:int}/message", line.message, "clinician"),
    Door("POST", "/referrals/{id:int}/line-end", line.line_end, "clinician"),
    Door("GET", "/referrals/{id:int}/patient", line.show, "viewer"),
    Door("POST", "/referrals/{id:int}/exercises", line.exercises, "clinician"),
    Door("GET", "/referrals/{id:int}/programme", programme.show, "clinician"),
    Door("POST", "/referrals/{id:int}/programme", programme.programme, "clinician"),
    Door("POST", "/referrals/{id:int}/programme-end", programme.programme_end, "clinician"),
    Door("POST", "/referrals/{id:int}/measure", line.measure, "clinician"),
    Door("POST", "/staff/hours", people.hours, "admin"),
    Door("POST", "/staff/self-referral", people.self_referral, "admin"),
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
    Door("GET", "/staff/programs", programs.show, "admin"),
    Door("POST", "/staff/programs", programs.make, "admin"),
    Door("POST", "/staff/programs/{id:int}/withdraw", programs.withdraw, "admin"),
    Door("GET", "/audit", people.show_audit, "admin"),
    Door("GET", "/system", people.show_system, "admin"),
)
