"""SQL for the numbers of transactions in the change log, and for the snapshots of what had committed.

A transaction's number is that of the cluster plus the shift of the epoch (`apps.common.models.commits.Epoch`).
"""

SHIFT = "coalesce((SELECT shift FROM common_epoch), 0)"
# Number of the present transaction.
TRANSACTION = f"(pg_current_xact_id()::text::bigint + {SHIFT})::text::xid8"
# Advisory lock that transactions share while they commit: once it is free, all that was stamped can be read.
COMMITTING = 706_761_728_000
GREATEST = 2**63 - 1  # number of a transaction

# Of two clusters, one that counts its transactions anew goes on behind the numbers that the log already holds.
BEGIN_EPOCH = """
    INSERT INTO common_epoch (id, name, shift, cluster, begun_at)
    SELECT 1, gen_random_uuid(), greatest(0, 1 - pg_current_xact_id()::text::bigint + coalesce(
               (SELECT xid::text::bigint FROM common_commit ORDER BY xid DESC LIMIT 1), 0)),
           system_identifier, clock_timestamp()
    FROM pg_control_system()
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, shift = excluded.shift, cluster = excluded.cluster,
                                   begun_at = excluded.begun_at
    RETURNING name::text
"""


def begin_commit(xid: str) -> str:
    """Return SQL that lets a transaction be stamped at its end, once more where it was stamped before that."""
    return f"""
        INSERT INTO common_commit (xid) VALUES ({xid}) ON CONFLICT (xid) DO UPDATE SET at = NULL, snapshot = NULL
        WHERE common_commit.at IS NOT NULL
    """  # noqa: S608 - an expression of ours


def is_open_at(snapshot: str, row: str) -> str:
    """Return SQL for whether the transaction of an entry of the log had not committed in a snapshot.

    The first part serves the index; its upper end tells the planner, which knows neither, that few entries lie between.
    """
    between = f"{row}.xid BETWEEN pg_snapshot_xmin({snapshot}) AND '{GREATEST}'"
    return f"({between} AND NOT pg_visible_in_snapshot({row}.xid, {snapshot}))"
