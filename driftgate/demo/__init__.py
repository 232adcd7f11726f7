"""The whole product on one machine: real Airflow, MLflow, model API and mail, and the story they tell."""
