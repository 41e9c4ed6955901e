"""Run specs to start from: the page offers them, and `copd demo` submits two of them."""
