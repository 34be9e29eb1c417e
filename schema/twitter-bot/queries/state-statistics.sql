-- Keys of system_state: how many, and of each type.

-- windrow: section total
SELECT count(*) AS total FROM system_state;

-- windrow: section types
SELECT state_type, count(*) AS states FROM system_state GROUP BY state_type ORDER BY state_type;
