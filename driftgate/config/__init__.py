"""Reading and checking configurations: text → data → problems → frozen ``Pipeline``. Knows no Airflow."""
