-- Drafts that nobody posted, only when an age is given.
--
-- The bot's clean-up leaves drafts alone; it has a call of its own that deletes those translated more than 30 days ago.
-- windrow: param drafts_days days -- drafts translated longer ago go

DELETE FROM translations WHERE status = 'draft' AND created_at < :drafts_days;
