"""A valid pipeline as text: its effective configuration, and its graph. Knows no Airflow."""
