{{ delay_hours(["carrier", "flight"]) }}
