class BackupFailed(Exception):
    """No backup was made or restored; the message tells why and what to do."""
