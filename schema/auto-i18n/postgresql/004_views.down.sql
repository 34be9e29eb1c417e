-- The dashboard asks the tables again.

DROP VIEW v_translation_matrix;
DROP VIEW v_batch_progress;
DROP VIEW v_session_overview;
