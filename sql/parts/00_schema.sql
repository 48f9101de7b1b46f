/* user_profile: the install script, made from sql/parts/ in load order */

-- complain if the script is sourced in psql, rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION user_profile" to load this file. \quit

-- CREATE EXTENSION restores the search path at the end of the script
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Plain: a schema that is there already may hold planted objects, and stops us
CREATE SCHEMA user_profile;
COMMENT ON SCHEMA user_profile IS
'User and company profiles from product events (extension user_profile)';
