-- Tweets of long ago with their translations.
--
-- A tweet stays with all it has while one of its translations is still to be posted (draft or pending): removing it
-- would throw away work in silence. Translations go first, so that they are counted and that tables without ON DELETE
-- CASCADE, such as those that the bot made itself, are cleaned as well.
-- windrow: param tweets_days days = 90 -- tweets written longer ago go

DELETE FROM translations WHERE original_tweet_id IN (
    SELECT id FROM tweets WHERE created_at < :tweets_days AND NOT EXISTS (
        SELECT 1 FROM translations AS waiting WHERE waiting.original_tweet_id = tweets.id
            AND waiting.status IN ('draft', 'pending')));

DELETE FROM tweets WHERE created_at < :tweets_days AND NOT EXISTS (
    SELECT 1 FROM translations AS left_over WHERE left_over.original_tweet_id = tweets.id);
