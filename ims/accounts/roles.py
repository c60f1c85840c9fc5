"""The roles of the firm's people, as names of Django groups (made by a migration)."""

OPERATIONS = "operations"
OPERATOR = "operator"
READ_ONLY = "read-only"
EIC = "eic"
DISPATCHER = "dispatcher"
STATION_OPERATOR = "station operator"
DRIVER = "driver"
PARAMEDIC = "paramedic"
PATIENT = "patient"
ACCOUNTANT = "accountant"
BUYER = "buyer"
LICENCE_MANAGER = "licence manager"

STAFF = (
    OPERATIONS,
    OPERATOR,
    READ_ONLY,
    EIC,
    DISPATCHER,
    STATION_OPERATOR,
    ACCOUNTANT,
    BUYER,
    LICENCE_MANAGER,
)
ALL = (*STAFF, DRIVER, PARAMEDIC, PATIENT)
