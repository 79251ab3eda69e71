{{ delay_hours(["destination"]) }}
