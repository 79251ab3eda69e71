"""The six mechanisms that carry every practice; none names one."""
