{{ delay_hours(["origin"]) }}
