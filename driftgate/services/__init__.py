"""The work itself, in plain Python: it knows neither Airflow nor the configuration language."""
