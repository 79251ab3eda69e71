{#- The incremental strategy `sprint`: the sprint's rows are replaced by what the model selects for that sprint.

    Unlike delete+insert, which deletes only keys that appear again, it also removes rows that vanished from the source.
    So a sprint whose source became empty becomes empty. Both statements run in the materialization's transaction. -#}
{% macro get_incremental_sprint_sql(arg_dict) %}
    delete from {{ arg_dict["target_relation"] }} where {{ in_sprint() }};
    {{ get_incremental_append_sql(arg_dict) }}
{% endmacro %}
