-- Table macros that every feature query can use. A query names a mart as text, and keys as a list of column names.

-- The rows of a mart with a column `known_hour`, and beside them one row per key at each of the given moments. A window
-- over both aggregates the mart at these moments, also where a key has no row then. `asked` is true for the moments.
-- Naming `known_hour` refuses a mart without it, whose rows would else belong to no hour; a list is required, since
-- text would be a pattern that may match other columns too.
create or replace temp macro with_moments(mart, key_columns, moments) as table
select
    * replace (known_hour as known_hour),
    false as asked
from query_table(mart)
union all by name
select
    *,
    unnest(moments) as known_hour,
    true as asked
from (select distinct columns(list_concat(key_columns, [])) from query_table(mart));
