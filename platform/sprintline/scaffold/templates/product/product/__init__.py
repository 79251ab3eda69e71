"""__title__: will an order arrive late? Predicted when it is placed. A sample to build on; its orders are invented."""
