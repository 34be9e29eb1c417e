-- Failed translations that are not tried again.
-- windrow: param failed_days days = 30 -- unchanged for longer
-- windrow: param failed_retries integer = 3 -- tried at least so often

DELETE FROM translations WHERE status = 'failed' AND retry_count >= :failed_retries AND updated_at < :failed_days;
