"""Who may look at the engine and who may act on it: names of the groups in ims.accounts.roles."""

OPERATE = ("operator",)
LOOK = ("operator", "read-only")

ACTIONS = ("job.", "queue.", "schedule.", "failure.")  # how the engine's actions begin in the audit log
