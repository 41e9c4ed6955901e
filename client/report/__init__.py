"""A run as one HTML file: figures of the API, Plotly inside, nothing loaded from anywhere."""

from client.report.build import Report, build, read

__all__ = ["Report", "build", "read"]
