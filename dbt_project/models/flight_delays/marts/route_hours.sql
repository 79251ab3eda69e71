{{ delay_hours(["route"]) }}
