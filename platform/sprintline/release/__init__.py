"""Release: when a candidate trains, how it is judged, and which model is champion."""
