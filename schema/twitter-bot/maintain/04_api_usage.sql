-- Calls of long ago.
-- windrow: param api_days days = 90 -- calls made longer ago go

DELETE FROM api_usage WHERE timestamp < :api_days;
