"""Who may look at licences and who may act on them: the only place that says so."""

from ims.accounts import roles

LOOK = (roles.LICENCE_MANAGER, roles.READ_ONLY)
ACT = (roles.LICENCE_MANAGER,)
