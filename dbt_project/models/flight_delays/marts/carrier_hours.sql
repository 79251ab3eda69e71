{{ delay_hours(["carrier"]) }}
